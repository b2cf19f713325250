import { expect, test } from "bun:test"
import { type BufferedPoints, PointBuffer } from "../../../src/services/ingest/PointBuffer.ts"

const limits = { points: 10, characters: 100, pointsPerDevice: 4 }

const pointsOf = (count: number, token = "1") => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, token, rounded: false }))

const summary = (taken: ReadonlyArray<BufferedPoints>) =>
  taken.map((one) => {
    const { deviceId, lines, points } = one.unpack()
    expect(one.size).toBe(points.length)
    return [deviceId, points.length, lines]
  })

test("only devices with enough points are taken for a write of their own", () => {
  const buffer = new PointBuffer(limits)
  buffer.add("a", 1, 0, pointsOf(3))
  buffer.add("b", 2, 0, pointsOf(1))
  expect(buffer.takeLarge()).toEqual([])
  buffer.add("a", 3, 1, pointsOf(1))
  expect(summary(buffer.takeLarge())).toEqual([["a", 4, [1, 3]]])
  expect(buffer.takeLarge()).toEqual([])
  expect(summary(buffer.takeAll())).toEqual([["b", 1, [2]]])
  expect(buffer.takeAll()).toEqual([])
})

test("points keep their key, value and time, in the order of the rows", () => {
  const buffer = new PointBuffer(limits)
  buffer.add("a", 1, 7, [{ key: "x", token: "1.10", rounded: true }])
  buffer.add("a", 2, 5, [{ key: "x", token: '"on"', rounded: false }])
  buffer.add("b", 3, 5, [{ key: "x", token: "1", rounded: false }])
  buffer.add("a", 4, 6, [
    { key: "y", token: '{"a": [1]}', rounded: false },
    { key: "x", token: "true", rounded: false }
  ])
  expect(buffer.takeAll()[0]!.unpack()).toEqual({
    deviceId: "a",
    points: [
      { key: "x", ts: 7, token: "1.10" },
      { key: "x", ts: 5, token: '"on"' },
      { key: "y", ts: 6, token: '{"a": [1]}' },
      { key: "x", ts: 6, token: "true" }
    ],
    lines: [1, 2, 4],
    ends: [1, 2, 4]
  })
})

test("the buffer is full at the limit of points of all devices, until points are taken", () => {
  const buffer = new PointBuffer(limits)
  for (const [line, device] of ["a", "b", "c"].entries()) buffer.add(device, line, 0, pointsOf(3))
  expect(buffer.isFull).toBe(false)
  buffer.add("a", 3, 1, pointsOf(1))
  expect(buffer.isFull).toBe(true)
  buffer.takeLarge()
  expect(buffer.isFull).toBe(false)
  buffer.add("b", 4, 1, pointsOf(3))
  buffer.add("c", 5, 1, pointsOf(1))
  expect(buffer.isFull).toBe(true)
  buffer.takeAll()
  expect(buffer.isFull).toBe(false)
})

test("few points with large keys and values fill the buffer, too", () => {
  const buffer = new PointBuffer(limits)
  buffer.add("a", 1, 0, [{ key: "k".repeat(50), token: "1".repeat(49), rounded: false }])
  expect(buffer.isFull).toBe(false)
  buffer.add("b", 2, 0, [{ key: "", token: "1", rounded: false }])
  expect(buffer.isFull).toBe(true)
  buffer.takeAll()
  expect(buffer.isFull).toBe(false)
})

test("the devices with the most points are taken first, until a quarter of the buffer is free", () => {
  const buffer = new PointBuffer({ points: 20, characters: 1000, pointsPerDevice: 100 })
  for (const [device, count] of Object.entries({ a: 1, b: 6, c: 3, d: 4, e: 6 })) buffer.add(device, 1, 0, pointsOf(count))
  expect(buffer.isFull).toBe(true)
  expect(summary(buffer.takeFullest())).toEqual([["e", 6, [1]]])
  expect(summary(buffer.takeAll())).toEqual([
    ["a", 1, [1]],
    ["b", 6, [1]],
    ["c", 3, [1]],
    ["d", 4, [1]]
  ])
  expect(buffer.takeFullest()).toEqual([])
})

test("by characters, if these fill the buffer", () => {
  const buffer = new PointBuffer({ points: 1000, characters: 100, pointsPerDevice: 1000 })
  buffer.add("many", 1, 0, pointsOf(10))
  buffer.add("large", 2, 0, [{ key: "k", token: "1".repeat(80), rounded: false }])
  expect(summary(buffer.takeFullest())).toEqual([["large", 1, [2]]])
})

test("rows of many devices in turn are stored in about half as many writes", () => {
  const count = (take: "takeAll" | "takeFullest") => {
    const buffer = new PointBuffer({ points: 10_000, characters: 1_000_000, pointsPerDevice: 20_000 })
    const stored = new Map<string, number>()
    let writes = 0
    const write = (taken: ReadonlyArray<BufferedPoints>) => {
      writes += taken.length
      for (const { deviceId, size } of taken) stored.set(deviceId, (stored.get(deviceId) ?? 0) + size)
    }
    for (let ts = 0; ts < 200; ts++) {
      for (let device = 0; device < 500; device++) buffer.add(String(device), 1, ts, pointsOf(1))
      if (buffer.isFull) write(buffer[take]())
    }
    write(buffer.takeAll())
    expect([stored.size, new Set(stored.values())]).toEqual([500, new Set([200])])
    return writes
  }
  expect(count("takeAll")).toBe(5000)
  expect(count("takeFullest")).toBeLessThan(3500)
})
