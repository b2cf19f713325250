import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { csv } from "../../src/formats/Csv.ts"
import { hardTokens, value } from "../support/jsonTokens.ts"
import { makePage, renderFile } from "../support/historyPages.ts"

/** A reader by the letter of RFC 4180: refuses what the RFC does not allow, and tells an empty field (null) from a quoted empty one. */
const strictlyRead = (file: string): ReadonlyArray<ReadonlyArray<string | null>> => {
  const records: Array<Array<string | null>> = [[]]
  const field = /"((?:[^"]|"")*)"(,|\r\n)|([^",\r\n]*)(,|\r\n)/y
  while (field.lastIndex < file.length) {
    const at = field.lastIndex
    const match = field.exec(file)
    if (match === null) throw new Error(`not RFC 4180 at ${JSON.stringify(file.slice(at, at + 20))}`)
    const [, quoted, behindQuoted, plain, behindPlain] = match
    records.at(-1)!.push(quoted?.replaceAll('""', '"') ?? (plain === "" ? null : plain!))
    if ((behindQuoted ?? behindPlain) === "\r\n") records.push([])
  }
  records.pop()
  return records
}

/** What a cell has to hold for a value. */
const cell = (token: string): string | null => (token.startsWith('"') ? (JSON.parse(token) as string) : token === "null" ? null : token)
const guarded = (token: string) => {
  const text = cell(token)
  return token.startsWith('"') && text !== null && /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
}

const anyTokens = fc.array(value, { maxLength: 30 })

test("a strict reader finds every value, and the guard adds nothing but an apostrophe to formula text", () => {
  fc.assert(
    fc.property(anyTokens, fc.boolean(), (tokens, guard) => {
      const [header, ...rows] = strictlyRead(renderFile(csv({ guard }), { page: makePage({ "k,1": tokens }) }))
      expect(header).toEqual(["ts", "key", "value"])
      expect(rows).toEqual(tokens.map((token, ts) => [String(ts), "k,1", guard ? guarded(token) : cell(token)]))
    }),
    { numRuns: 2000, interruptAfterTimeLimit: 10_000 }
  )
})

test("hard values arrive digit for digit", () => {
  const rows = strictlyRead(renderFile(csv({ guard: false }), { page: makePage({ k: hardTokens }) })).slice(1)
  expect(rows.map((row) => row[2]!)).toEqual(hardTokens.map((token) => cell(token)!))
})

test("is written as people expect it", () => {
  const page = makePage({ 'a,"b"': ["1.10", "null", '""', '"x,y"', '{"a":1}'], "=cmd": ["-1", '"-1"', '"=1+1"'] })
  expect(renderFile(csv(), { page })).toBe(
    [
      "ts,key,value",
      '0,"a,""b""",1.10',
      '1,"a,""b""",',
      '2,"a,""b""",""',
      '3,"a,""b""","x,y"',
      '4,"a,""b""","{""a"":1}"',
      "0,'=cmd,-1",
      "1,'=cmd,'-1",
      "2,'=cmd,'=1+1",
      ""
    ].join("\r\n")
  )
})

test("names the device of each row in a file of several", () => {
  const one = { page: makePage({ t: ["1"] }), device: { id: "id-1", name: "Roof, north" } }
  const two = { page: makePage({ t: ["2"] }), device: { id: "id-2", name: "=evil" } }
  expect(renderFile(csv({ devices: true }), one, two)).toBe(
    'device_id,device_name,ts,key,value\r\nid-1,"Roof, north",0,t,1\r\nid-2,\'=evil,0,t,2\r\n'
  )
})

test("without rows is a header", () => {
  expect(renderFile(csv())).toBe("ts,key,value\r\n")
})
