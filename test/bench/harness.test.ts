/** Tests of the benchmark's parts: an incorrect upstream, or a reader that miscounts, would distort the figures. */
import { describe, expect, test } from "bun:test"
import { ResponseReader } from "../../bench/ResponseReader.ts"
import { median, percentile } from "../../bench/report.ts"
import { firstTs, history, keyNames, latest, stepMs, valueOf } from "../../bench/upstream/series.ts"
import { devicePage, varyPage } from "../../bench/upstream/tenant.ts"

const points = 5_000
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const everything = { startTs: 0, endTs: firstTs + points * stepMs, limit: 50_000, ascending: true, typed: true }

describe("the fake ThingsBoard's series", () => {
  test.each([
    [0, 1],
    [0, 1_000],
    [999, 1_001],
    [1_234, 4_567],
    [4_990, 9_000]
  ])("a page of the points %i to %i equals the points rendered one by one", (from, to) => {
    const key = "temperature"
    const page = history({ ...everything, keys: [key], startTs: firstTs + from * stepMs, endTs: firstTs + to * stepMs }, points)
    const rows = Array.from({ length: Math.min(to, points) - from }, (_, row) => {
      const index = from + row
      return `{"ts":${firstTs + index * stepMs},"value":${valueOf(key, index, true)}}`
    })
    expect(text(page)).toBe(`{"${key}":[${rows.join(",")}]}`)
  })

  test("the pages of a key contain the whole series, each point once", () => {
    const seen: Array<number> = []
    for (let startTs = 0; ;) {
      const page = JSON.parse(text(history({ ...everything, keys: ["state"], startTs, limit: 777 }, points)))["state"] ?? []
      seen.push(...page.map(({ ts }: { ts: number }) => ts))
      if (page.length < 777) break
      startTs = page.at(-1).ts + 1
    }
    expect(seen).toEqual(Array.from({ length: points }, (_, index) => firstTs + index * stepMs))
  })

  test("the limit applies per key, and an unknown key is omitted", () => {
    const page = JSON.parse(text(history({ ...everything, keys: ["battery", "missing", "state"], limit: 3 }, points)))
    expect(Object.keys(page)).toEqual(["battery", "state"])
    expect(page.battery).toHaveLength(3)
    expect(page.state).toHaveLength(3)
  })

  test("the newest points come first unless the order is ascending", () => {
    const page = JSON.parse(text(history({ ...everything, keys: ["battery"], limit: 2, ascending: false }, points)))
    expect(page.battery.map(({ ts }: { ts: number }) => ts)).toEqual([firstTs + 4_999 * stepMs, firstTs + 4_998 * stepMs])
  })

  test("values are strings without strict types, and the latest value of an unknown key is null", () => {
    const values = JSON.parse(latest([...keyNames, "missing"], points, 0, false))
    for (const key of keyNames) expect(values[key][0].value).toBeString()
    expect(values.missing[0].value).toBeNull()
    expect(JSON.parse(latest(["battery"], points, 0, true)).battery[0].value).toBeNumber()
  })

  test("two varied pages differ on every device, and only in the version", () => {
    const page = devicePage(new URLSearchParams({ page: "0", pageSize: "20" }), 487, false)!
    const [one, two] = [JSON.parse(text(varyPage(page, 1))), JSON.parse(text(varyPage(page, 2)))]
    expect(one.data).toHaveLength(20)
    for (const [index, device] of one.data.entries()) {
      expect(two.data[index].version).toBe(device.version + 1)
      expect({ ...two.data[index], version: 0 }).toEqual({ ...device, version: 0 })
    }
  })
})

describe("the response reader", () => {
  const responses = {
    sized: 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"a":12345}',
    chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"a":1\r\n5\r\n2345}\r\n0\r\n\r\n'
  }
  for (const [name, response] of Object.entries(responses)) {
    test(`reads a complete ${name} response, wherever the network splits it`, () => {
      for (let cut = 1; cut < response.length; cut++) {
        const parts: Array<string> = []
        const reader = new ResponseReader((bytes) => parts.push(text(bytes)))
        expect(reader.push(Buffer.from(response.slice(0, cut)))).toBe(false)
        expect(reader.push(Buffer.from(response.slice(cut)))).toBe(true)
        expect({ body: parts.join(""), status: reader.status, size: reader.bodyBytes }).toEqual({
          body: '{"a":12345}',
          status: 200,
          size: 11
        })
        expect(String.fromCharCode(reader.firstByte, reader.lastByte)).toBe("{}")
      }
    })
  }

  test("an empty response is complete at the end of its head", () => {
    expect(new ResponseReader().push(Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"))).toBe(true)
  })
})

test("the median is the mean of the middle two values, and the largest percentile is the largest value", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(percentile([1, 2, 3], 1)).toBe(3)
  expect(percentile([], 0.5)).toBeNaN()
})
