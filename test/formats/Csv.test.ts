import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { csv } from "../../src/formats/Csv.ts"
import { CsvReader } from "../../src/formats/CsvReader.ts"
import { guardFormulas, unguardFormulas } from "../../src/formats/formulas.ts"
import { parseHeader } from "../../src/services/ingest/csvHeader.ts"
import { parseRecord } from "../../src/services/ingest/csvRows.ts"
import { hardTokens, value } from "../support/jsonTokens.ts"
import { makePage, renderFile } from "../support/historyPages.ts"
import { cpuMillisOf } from "../support/cpuTime.ts"

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
const signs = "=+@＝＋－＠﹦﹢﹣﹫−⁺⁻⁼₊₋₌-"
const leadsToSign = new RegExp(`^['"\\s\\p{Cc}\\p{Cf}]*[${signs}]`, "u")

const isJsonText = (text: string) => {
  try {
    return /^[[{]/.test(text) && typeof JSON.parse(text) === "object"
  } catch {
    return false
  }
}

/** The definition of the guard, in as few words as possible and in quadratic time. */
const expectedGuardedCell = (token: string): string | null => {
  const text = expectedCell(token)
  if (text === null || !/^["{[]/.test(token)) return text
  const isJson = isJsonText(text)
  const guarded = [...text].map((c, i, all) => {
    if (!/[;|\t\r\n]/.test(c) || !leadsToSign.test(all.slice(i + 1).join(""))) return c
    return isJson ? ({ ";": "\\u003b", "|": "\\u007c" }[c] ?? " ") : `${c}'`
  })
  return (!isJson && (leadsToSign.test(text) || /^'*[\t\r\n]/.test(text)) ? "'" : "") + guarded.join("")
}

const anyTokens = fc.array(value, { maxLength: 30 })

test("a strict reader finds every value, and the guard only adds apostrophes to formula text", () => {
  fc.assert(
    fc.property(anyTokens, fc.boolean(), (tokens, guard) => {
      const [header, ...rows] = readStrictly(renderFile(csv({ guard }), { page: makePage({ "k,1": tokens }) }))
      expect(header).toEqual(["ts", "key", "value"])
      expect(rows).toEqual(tokens.map((token, ts) => [String(ts), "k,1", guard ? expectedGuardedCell(token) : expectedCell(token)]))
    }),
    { numRuns: 2000, interruptAfterTimeLimit: 10_000 }
  )
})

/** Texts of the characters that matter to the guard, and to the programs that it guards against. */
const hostileText = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."=+-@＝－＋＠−;|,\t\r\n\"' ax[{1\u00a0\u3000\ufeff\u200b\u0000\\"), maxLength: 12 }),
  fc
    .tuple(
      fc.constantFrom("a", "", "1", "'"),
      fc.constantFrom(..."; | , \t \n \r \r\n".split(" ")),
      fc.constantFrom("=1+1", "-1+1", "@SUM(A1)", "＝1+1", ' "=1', "'=1"),
      fc.constantFrom("", ";y", "|z", '"', "\n")
    )
    .map((parts) => parts.join(""))
)
const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 3 })
const hostileToken = fc.oneof(
  hostileText.map((text) => JSON.stringify(text)),
  fc
    .tuple(hostileText, hostileText, space)
    .map(([a, b, s]) => `[${s}${JSON.stringify(a)}${s},${s}-5${s},{${s}${JSON.stringify(b)}${s}:${s}-1}]`),
  fc.constantFrom("-5", "1", "true", "null", "-1.5e3")
)

const isText = (cell: string) => !/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(cell.trim())

/** Splits a file as spreadsheets do: a quote begins a quoted part only at the start of a cell, and what follows that part is kept. */
const splitAt = (separators: string, quotes: boolean, file: string): ReadonlyArray<string> => {
  const cells: Array<string> = []
  for (let i = 0; i <= file.length; i++) {
    let cell = ""
    if (quotes && file[i] === '"') {
      for (i++; i < file.length; i++) {
        if (file[i] !== '"') cell += file[i]
        else if (file[i + 1] === '"') cell += file[i++]
        else break
      }
      i++
    }
    for (; i < file.length && !separators.includes(file[i]!) && !"\r\n".includes(file[i]!); i++) cell += file[i]
    cells.push(cell)
  }
  return cells
}

test("whatever separators a file is split at, no cell of it begins with a formula", () => {
  fc.assert(
    fc.property(
      hostileText,
      hostileText,
      fc.array(hostileToken, { maxLength: 6 }),
      fc.subarray([",", ";", "|", "\t"], { minLength: 1 }),
      (key, name, tokens, chosen) => {
        const file = renderFile(csv({ devices: true }), {
          page: makePage({ [`k${key}`]: tokens, [key]: tokens }),
          device: { id: "00000000-0000-4000-8000-000000000001", name }
        })
        const separators = chosen.join("")
        const cells = splitAt(separators, true, file)
        // A program that ignores quotes cannot read commas in values at all.
        const unquoted = separators.includes(",") ? [] : splitAt(separators, false, file)
        for (const cell of [...cells, ...unquoted])
          if (isText(cell)) expect(cell).not.toMatch(/^["\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠﹦﹢﹣﹫−⁺⁻⁼₊₋₌]/u)
      }
    ),
    { numRuns: 3000, interruptAfterTimeLimit: 10_000 }
  )
})

test("what is guarded is restored by an import, whatever apostrophes it had", () => {
  const columns = parseHeader(["device_id", "device_name", "ts", "key", "value"], true)
  if (typeof columns === "string") throw new Error(columns)
  fc.assert(
    fc.property(hostileText, hostileToken, (text, token) => {
      const name = `n${text}`
      const key = `${text}k`
      fc.pre(![name, token].some((each) => each.includes("\u0000") || each.includes("\\u0000")) && token !== "null")
      const file = renderFile(csv({ devices: true }), { page: makePage({ [key]: [token] }), device: { id: "", name } })
      const reader = new CsvReader()
      const [, record, ...others] = [...reader.feed(file), ...reader.end()]
      expect(others).toEqual([])
      const { device, points } = parseRecord({ ...record!, cells: ["", ...record!.cells.slice(1)] }, columns, true, {
        convertNumericText: true,
        tsUnit: "ms"
      })
      expect(device).toEqual({ name })
      expect(points.map((point) => point.key)).toEqual([key])
      const expected = expectedCell(token)!
      const value = JSON.parse(points[0]!.token)
      // Text that is a JSON object or array is imported as one.
      if (!token.startsWith('"') || isJsonText(expected)) expect(value).toEqual(JSON.parse(expected))
      else expect(value).toBe(expected)
    }),
    { numRuns: 5000, interruptAfterTimeLimit: 10_000 }
  )
})

test("a text of a million separators takes linear time", async () => {
  for (const unit of ["\n", "\t", ";", "'", "|\n"]) {
    const text = `x${unit.repeat(1_000_000 / unit.length)}=1`
    expect(await cpuMillisOf(() => expect(unguardFormulas(guardFormulas(text))).toBe(text))).toBeLessThan(2000)
  }
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

test("guards every separator, in values, keys and names, and inside JSON", () => {
  const tokens = [
    "\"x;=cmd|'/C calc'!A0;y\"",
    '"＝1+1"',
    '" =1"',
    '"a|b"',
    '"a;b"',
    '"1\\n- 2"',
    '"1 - 2; x"',
    '{"a":"x;=1"}',
    "[1,\n-2]",
    '"52.1,-13.4"'
  ]
  expect(
    renderFile(csv({ devices: true }), { page: makePage({ "k;@x": tokens }), device: { id: "i", name: "n|－1" } })
      .split("\r\n")
      .slice(1, -1)
  ).toEqual(
    [
      `"x;'=cmd|'/C calc'!A0;y"`,
      "'＝1+1",
      "' =1",
      '"a|b"',
      '"a;b"',
      `"1\n'- 2"`,
      '"1 - 2; x"',
      '"{""a"":""x\\u003b=1""}"',
      '"[1, -2]"',
      '"52.1,-13.4"'
    ].map((cell, ts) => `i,"n|'－1",${ts},"k;'@x",${cell}`)
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
