import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { csv } from "../../src/formats/Csv.ts"
import { hardTokens, value } from "../support/jsonTokens.ts"
import { makePage, renderFile } from "../support/historyPages.ts"

/** Reads RFC 4180 strictly: rejects everything that the RFC does not allow, and reads an empty unquoted field as null. */
const readStrictly = (file: string): ReadonlyArray<ReadonlyArray<string | null>> => {
  const records: Array<Array<string | null>> = [[]]
  const field = /"((?:[^"]|"")*)"(,|\r\n)|([^",\r\n]*)(,|\r\n)/y
  while (field.lastIndex < file.length) {
    const at = field.lastIndex
    const match = field.exec(file)
    if (match === null) throw new Error(`not RFC 4180 at ${JSON.stringify(file.slice(at, at + 20))}`)
    const [, quoted, afterQuoted, plain, afterPlain] = match
    records.at(-1)!.push(quoted?.replaceAll('""', '"') ?? (plain === "" ? null : plain!))
    if ((afterQuoted ?? afterPlain) === "\r\n") records.push([])
  }
  records.pop()
  return records
}

/** The expected cell for a value. */
const expectedCell = (token: string): string | null =>
  token.startsWith('"') ? (JSON.parse(token) as string) : token === "null" ? null : token
const expectedGuardedCell = (token: string) => {
  const text = expectedCell(token)
  return token.startsWith('"') && text !== null && /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
}

const anyTokens = fc.array(value, { maxLength: 30 })

test("a strict reader finds every value, and the guard only adds an apostrophe to formula text", () => {
  fc.assert(
    fc.property(anyTokens, fc.boolean(), (tokens, guard) => {
      const [header, ...rows] = readStrictly(renderFile(csv({ guard }), { page: makePage({ "k,1": tokens }) }))
      expect(header).toEqual(["ts", "key", "value"])
      expect(rows).toEqual(tokens.map((token, ts) => [String(ts), "k,1", guard ? expectedGuardedCell(token) : expectedCell(token)]))
    }),
    { numRuns: 2000, interruptAfterTimeLimit: 10_000 }
  )
})

test("difficult values keep every digit", () => {
  const rows = readStrictly(renderFile(csv({ guard: false }), { page: makePage({ k: hardTokens }) })).slice(1)
  expect(rows.map((row) => row[2]!)).toEqual(hardTokens.map((token) => expectedCell(token)!))
})

test("matches the documented form", () => {
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

test("names the device of each row in files of several devices", () => {
  const one = { page: makePage({ t: ["1"] }), device: { id: "id-1", name: "Roof, north" } }
  const two = { page: makePage({ t: ["2"] }), device: { id: "id-2", name: "=evil" } }
  expect(renderFile(csv({ devices: true }), one, two)).toBe(
    'device_id,device_name,ts,key,value\r\nid-1,"Roof, north",0,t,1\r\nid-2,\'=evil,0,t,2\r\n'
  )
})

test("consists of the header if there are no rows", () => {
  expect(renderFile(csv())).toBe("ts,key,value\r\n")
})
