/** Cuts, splits and corrupts responses at every byte. */
import { describe, expect, test } from "bun:test"
import { randomFrom } from "../../../support/random.ts"
import { parse } from "./parse.ts"
import { cpuMillisOf } from "../../../support/cpuTime.ts"

const responses: Record<string, { readonly bytes: string; readonly ends?: boolean }> = {
  length: {
    bytes: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 19\r\nDate: x\r\n\r\n[{"ts":1,"v":"é"}]'.replace(
      "é",
      "\xc3\xa9"
    )
  },
  chunks: { bytes: "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nb;e=1\r\n 0\r\n\r\nHTTP/\r\n0\r\nX-T: 1\r\n\r\n" },
  interim: { bytes: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 \r\nContent-Length: 3\r\nConnection: close\r\n\r\noh!" },
  empty: { bytes: "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n" },
  close: { bytes: "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\na,b\r\n1,2\r\n", ends: true }
}

for (const [name, { bytes, ends = false }] of Object.entries(responses))
  describe(name, () => {
    const whole = parse([bytes], { ends })

    test("is the same in two parts, three parts and single bytes", () => {
      expect(whole).toMatchObject({ status: expect.any(Number) })
      expect(parse([...bytes], { ends })).toEqual(whole)
      for (let first = 0; first <= bytes.length; first++) {
        expect(parse([bytes.slice(0, first), bytes.slice(first)], { ends })).toEqual(whole)
        for (let second = first; second <= bytes.length; second += 3)
          expect(parse([bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)], { ends })).toEqual(whole)
      }
    })

    test("is never complete when it is cut", () => {
      const headEnd = bytes.lastIndexOf("\r\n\r\n", name === "close" ? undefined : bytes.length)
      for (let size = 0; size < bytes.length; size++) {
        expect(parse([bytes.slice(0, size)])).toBe("incomplete")
        const closed = parse([bytes.slice(0, size)], { ends: true })
        if (name === "close" && size >= headEnd + 4) expect(closed).toMatchObject({ body: bytes.slice(headEnd + 4, size) })
        else expect(closed).toBe("truncated response")
      }
    })

    test("is never followed by anything", () => {
      if (name === "close") return
      for (const more of ["\r", "\n", "H", "\0", bytes]) {
        expect(parse([bytes + more])).toBe("bytes after the response")
        expect(parse([bytes, more])).toBe("bytes after the response")
      }
    })

    test("is an error, or the same however it is split, when any byte is replaced, dropped or repeated", () => {
      const random = randomFrom(bytes.length)
      const replacements = ["\0", "\r", "\n", " ", "0", "9", ":", ",", ";", "f", "\xff", "\t"]
      for (let at = 0; at < bytes.length; at++) {
        const [before, after] = [bytes.slice(0, at), bytes.slice(at + 1)]
        const corrupted = [...replacements.map((one) => before + one + after), before + after, before + bytes[at] + bytes[at] + after]
        for (const text of corrupted) {
          const expected = parse([text], { ends })
          const cut = Math.floor(random() * text.length)
          for (const parts of [[text.slice(0, cut), text.slice(cut)], [...text]]) {
            const actual = parse(parts, { ends })
            // The message can depend on the parts; whether it is a response, and which, must not. Junk after a head that is cut off
            // can be seen earlier, too.
            if (typeof expected === "string") expect(typeof actual).toBe("string")
            else expect(actual).toEqual(expected)
          }
        }
      }
    })
  })

test("random bytes are never a response, and never an exception of another kind", () => {
  const random = randomFrom(7)
  for (let run = 0; run < 3000; run++) {
    const tokens = [
      "HTTP/1.1 ",
      "200",
      " OK",
      "\r\n",
      "\r\n\r\n",
      "Content-Length: ",
      "1",
      "Transfer-Encoding: chunked",
      ":",
      "0\r\n",
      "\0",
      "é"
    ]
    const text = Array.from({ length: Math.floor(random() * 12) }, () => tokens[Math.floor(random() * tokens.length)]).join("")
    const parsed = parse([text])
    expect(parse([...text])).toEqual(typeof parsed === "string" ? expect.any(String) : parsed)
  }
})

test("a long head takes linear time, byte by byte", async () => {
  const cpuMillis = await cpuMillisOf(() =>
    expect(parse([...`HTTP/1.1 200 OK\r\nX: ${" ".repeat(60_000)}a${" ".repeat(4000)}\r\nContent-Length: 0\r\n\r\n`])).toMatchObject({
      status: 200
    })
  )
  expect(cpuMillis).toBeLessThan(2000)
})
