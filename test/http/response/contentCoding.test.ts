import { expect, test } from "bun:test"
import { negotiateCoding } from "../../../src/http/response/contentCoding.ts"

test("the coding with the highest quality is chosen, and zstd of equal ones", () => {
  const expected: Readonly<Record<string, string | undefined>> = {
    gzip: "gzip",
    "GZIP ; q=0.5": "gzip",
    "gzip, deflate, br, zstd": "zstd",
    "gzip;q=1.0, zstd;q=0.5": "gzip",
    "gzip;q=0, zstd;q=0": undefined,
    "identity, gzip;q=0.5": undefined,
    "identity;q=0.5, gzip": "gzip",
    "*": "zstd",
    "*;q=0": undefined,
    "zstd;q=0, *": "gzip",
    "br, deflate": undefined,
    "": undefined,
    "gzip;q=nonsense": undefined
  }
  for (const [header, coding] of Object.entries(expected)) expect([header, negotiateCoding(header)]).toEqual([header, coding as never])
  expect(negotiateCoding(null)).toBeUndefined()
})
