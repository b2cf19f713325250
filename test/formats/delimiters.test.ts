import { expect, test } from "bun:test"
import { CsvReader } from "../../src/formats/CsvReader.ts"
import { delimiterOfCells, detectDelimiter } from "../../src/formats/delimiters.ts"

test("the delimiter is the character next to the name of the time column, outside of quotes", () => {
  const headers: Readonly<Record<string, string>> = {
    "ts,a;b": ",",
    'ts;"Temp (min, max)"': ";",
    '"Temp, min";ts': ";",
    "ts\tTemp, inside\tTemp, outside": "\t",
    "Temp, inside\tts": "\t",
    '"a|b"|"ts"|c': "|",
    " ts ; a": ";",
    ts: ",",
    "a;b;c,d": ";",
    "": ","
  }
  for (const [header, delimiter] of Object.entries(headers)) expect([header, detectDelimiter(header)]).toEqual([header, delimiter])
  expect(detectDelimiter("Zeit;Temp, innen", ["zeit"])).toBe(";")
  expect(detectDelimiter("Zeit, lokal;a", ["Zeit, lokal"])).toBe(";")
  expect(detectDelimiter('a|"Zeit, lokal"', ["Zeit, lokal"])).toBe("|")
  expect(detectDelimiter("ts\r\n1;2;3")).toBe(",")
  expect(delimiterOfCells("1700000000000;21,5;40,1", 3)).toBe(";")
  expect(delimiterOfCells("1700000000000\t21,5\t40,1,2", 3)).toBe("\t")
})

const read = (text: string, skipLines: number, size = text.length) => {
  const reader = new CsvReader(undefined, undefined, skipLines)
  const records = []
  for (let from = 0; from < text.length; from += size) records.push(...reader.feed(text.slice(from, from + size)))
  records.push(...reader.end())
  return records.map(({ cells, line }) => [line, ...cells])
}

test("a line sep= names the delimiter, and lines before the header are skipped and counted, however the text is cut", () => {
  for (const size of [1, 2, 3, 100]) {
    expect(read("sep=;\r\nts;a,b\r\n1;2\r\n", 0, size)).toEqual([
      [2, "ts", "a,b"],
      [3, "1", "2"]
    ])
    expect(read('Logger "7\r\nserial;1\r\nts;a\r\n1;2', 2, size)).toEqual([
      [3, "ts", "a"],
      [4, "1", "2"]
    ])
    expect(read("one\n", 3, size)).toEqual([])
  }
})
