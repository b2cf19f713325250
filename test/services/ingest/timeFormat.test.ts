/** Times in formats of their own and local times. */
import { expect, test } from "bun:test"
import { toInstant } from "../../../src/services/ingest/localTimes.ts"
import { makeLocalIsoReader, makeTimeReader } from "../../../src/services/ingest/timeFormat.ts"
import { parseNumericTimestamp, parseTimestamp } from "../../../src/services/ingest/timestamps.ts"
import { clockOf } from "../../../src/domain/localClock.ts"

const local = (zone: string) => toInstant(clockOf(zone)!, zone)
const oneSeries = () => [""]
const berlin = local("Europe/Berlin")

const read = (format: string, text: string, zone = berlin) => {
  const reader = makeTimeReader(format, zone)
  if ("issue" in reader) return reader.issue
  const ts = reader(text, oneSeries)
  return typeof ts === "number" ? new Date(ts).toISOString() : ts
}

test("each part of a format is read", () => {
  expect(read("dd.MM.yyyy HH:mm:ss", "31.01.2026 08:00:01")).toBe("2026-01-31T07:00:01.000Z")
  expect(read("d.M.yy H:mm", "1.7.26 8:05")).toBe("2026-07-01T06:05:00.000Z")
  expect(read("MM/dd/yyyy hh:mm a", "01/31/2026 12:30 AM")).toBe("2026-01-30T23:30:00.000Z")
  expect(read("d MMM yyyy h:mm a", "5 Mar 2026 1:00 p.m.")).toBe("2026-03-05T12:00:00.000Z")
  expect(read("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2026-01-31T08:00:00.123456+05:30")).toBe("2026-01-31T02:30:00.123Z")
  expect(read("yyyyMMddHHmmss", "20260131080000")).toBe("2026-01-31T07:00:00.000Z")
  expect(read("dd.MM.yyyy", "31.01.2026")).toBe("2026-01-30T23:00:00.000Z")
})

test("the letters of Moment.js and the T of ISO 8601 are understood as well", () => {
  expect(read("DD.MM.YYYY HH:mm:ss", "31.01.2026 08:00:01")).toBe("2026-01-31T07:00:01.000Z")
  expect(read("D/M/YY h:mm A", "1/7/26 8:05 PM")).toBe("2026-07-01T18:05:00.000Z")
  expect(read("YYYY-MM-DDTHH:mm:ssZ", "2026-01-31T08:00:00+0530")).toBe("2026-01-31T02:30:00.000Z")
})

test("repeated times are inferred in files in order of time, in every zone, with one or several rows per time", () => {
  const minute = 60_000
  for (const zone of ["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Antarctica/Casey", "Africa/Casablanca"])
    // The clocks of Lord Howe go back by 30 minutes, so that an hourly log has a gap in the first pass.
    for (const step of zone === "Australia/Lord_Howe" ? [10, 30] : [10, 30, 60])
      for (const series of [["a"], ["a", "b", "c"]]) {
        const clock = clockOf(zone)!
        const inferred = toInstant(clock, zone, "infer")
        for (let ts = Date.UTC(2018, 0, 1); ts < Date.UTC(2019, 0, 1); ts += step * minute)
          for (const one of series)
            if (inferred(clock.localTime(ts), () => [one]) !== ts) throw new Error(`${zone} ${step} ${one}: ${new Date(ts).toISOString()}`)
      }
})

test("repeated times are rejected where the rows before do not tell", () => {
  const repeated = Date.UTC(2025, 9, 26, 2, 30)
  const after = Date.UTC(2025, 9, 26, 3)
  const descending = toInstant(clockOf("Europe/Berlin")!, "Europe/Berlin", "infer")
  expect(descending(repeated, oneSeries)).toStartWith("Expected a row before this one")
  expect(descending(after, oneSeries)).toBe(after - 3_600_000)
  expect(descending(repeated, oneSeries)).toStartWith("Expected a row before this one")
})

test("times that do not exist, or do not fit the format, are rejected", () => {
  expect(read("dd.MM.yyyy", "31.02.2026")).toStartWith("Expected a date and time that exist")
  expect(read("dd.MM.yyyy HH:mm", "01.02.2026 24:00")).toStartWith("Expected a date and time that exist")
  expect(read("dd.MM.yyyy hh:mm a", "01.02.2026 13:00 PM")).toStartWith("Expected a date and time that exist")
  expect(read("dd.MM.yyyy", "2026-02-01")).toBe("Expected a time such as the format dd.MM.yyyy")
  expect(read("dd.MM.yyyy", "01.02.1969")).toStartWith("Expected a date and time that exist")
})

test("a wrong format is rejected with the reason", () => {
  expect(read("EEE, dd.MM.yyyy", "")).toBe("Expected a format such as dd.MM.yyyy HH:mm:ss; EEE has no meaning")
  expect(read("HH:mm", "")).toStartWith("Expected a format with year, month and day")
  expect(read("dd.MM.yyyy hh:mm", "")).toStartWith("Expected a with h")
  expect(read("dd.MM.yyyy dd", "")).toStartWith("Expected each part of a time only once")
  expect(makeTimeReader("dd.MM.yyyy", undefined)).toMatchObject({
    issue: "Expected timezone= as well, because the format has no offset (XXX)"
  })
})

test("a local time that the clocks skip or show twice is rejected, and its neighbors are not", () => {
  expect(read("yyyy-MM-dd HH:mm", "2026-03-29 01:59")).toBe("2026-03-29T00:59:00.000Z")
  expect(read("yyyy-MM-dd HH:mm", "2026-03-29 02:30")).toBe("Expected a time that exists in Europe/Berlin: its clocks skip this one")
  expect(read("yyyy-MM-dd HH:mm", "2026-03-29 03:00")).toBe("2026-03-29T01:00:00.000Z")
  expect(read("yyyy-MM-dd HH:mm", "2026-10-25 01:59")).toBe("2026-10-24T23:59:00.000Z")
  for (const time of ["02:00", "02:59"])
    expect(read("yyyy-MM-dd HH:mm", `2026-10-25 ${time}`)).toStartWith("Expected a time that is unique in Europe/Berlin")
  expect(read("yyyy-MM-dd HH:mm", "2026-10-25 03:00")).toBe("2026-10-25T02:00:00.000Z")
  expect(read("yyyy-MM-dd HH:mm", "2026-04-05 01:45", local("Australia/Lord_Howe"))).toStartWith("Expected a time that is unique")
})

test("ISO 8601 without an offset is a local time, and one with an offset is not", () => {
  const reader = makeLocalIsoReader(berlin, (text) => parseNumericTimestamp(text, "s"))
  expect(reader("2026-01-31 08:00", oneSeries)).toBe(Date.UTC(2026, 0, 31, 7))
  expect(reader("2026-01-31", oneSeries)).toBe(Date.UTC(2026, 0, 30, 23))
  expect(reader("2026-01-31T08:00:00Z", oneSeries)).toBe(Date.UTC(2026, 0, 31, 8))
  expect(reader("1769846400", oneSeries)).toBe(1_769_846_400_000)
  expect(reader("2026-02-30 08:00", oneSeries)).toStartWith("Expected a date and time that exist")
})

test("digits beyond milliseconds are cut off in every form of a time", () => {
  for (const fraction of ["0006", "0009999", "999999999"]) {
    const expected = 1_700_000_000_000 + Math.floor(Number(`0.${fraction}`) * 1000)
    expect(parseTimestamp(`2023-11-14T22:13:20.${fraction}Z`)).toBe(expected)
    expect(parseTimestamp(`1700000000.${fraction}`, "s")).toBe(expected)
  }
  expect(parseTimestamp("1700000000123999", "us")).toBe(1_700_000_000_123)
  expect(parseTimestamp("1700000000123999999", "ns")).toBe(1_700_000_000_123)
  expect(parseTimestamp("1700000000123999")).toBe("Looks like microseconds; expected milliseconds, or ts_unit=us")
  expect(parseTimestamp("1700000000123", "ns")).toBe("Looks like milliseconds; expected nanoseconds, because of ts_unit=ns")
})
