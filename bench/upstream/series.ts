/**
 * Computed telemetry: point i of every series has the timestamp `firstTs + i * stepMs`, and its value depends on the key and on i modulo 1,000.
 * Blocks of 1,000 points therefore differ only in five digits of the timestamps, and a page takes a few memory copies plus those digits. This
 * is about ten times as fast as any reader of the page. Numbers are formatted as in Java (`21.0`, not `21`), like ThingsBoard's.
 */
export const firstTs = 1_700_000_000_000
export const stepMs = 1_000
export const keyNames = ["temperature", "humidity", "pressure", "battery", "state"]

const blockPoints = 1_000
const firstBlock = firstTs / (blockPoints * stepMs)
const states = ["idle", "heating", "cooling", "fault"]
const utf8 = new TextEncoder()

/** Whether devices have this key. ThingsBoard omits an unknown key from a history and returns null as its latest value. */
export const isKnown = (key: string) => key !== "" && !key.startsWith("missing")

/** The value as JSON: typed with useStrictDataTypes=true, otherwise a string (ThingsBoard's default). */
export const valueOf = (key: string, index: number, typed: boolean): string => {
  const noise = (index * 7_919 + key.length * 104_729) % 1_000
  if (key === "state") return `"${states[noise % states.length]}"`
  const number = key === "battery" ? String(noise % 101) : noise % 100 === 0 ? `${20 + noise / 100}.0` : String((2_000 + noise) / 100)
  return typed ? number : `"${number}"`
}

interface Block {
  /** 1,000 points, each followed by a comma, with the timestamps of the first block. */
  readonly bytes: Uint8Array
  /** The offset of each point, plus one entry for the end. */
  readonly starts: Int32Array
}

const blocks = new Map<string, Block>()
const getBlock = (key: string, typed: boolean): Block => {
  const name = `${key}/${typed}`
  const cached = blocks.get(name)
  if (cached !== undefined) return cached
  const starts = new Int32Array(blockPoints + 1)
  let text = ""
  for (let i = 0; i < blockPoints; i++) {
    starts[i] = text.length
    text += `{"ts":${firstTs + i * stepMs},"value":${valueOf(key, i, typed)}},`
  }
  starts[blockPoints] = text.length
  const block = { bytes: utf8.encode(text), starts }
  blocks.set(name, block)
  return block
}

/** Calls `use` with each block's part of the points from `from` to `to` (exclusive). */
const forEachBlock = (from: number, to: number, use: (block: number, first: number, end: number) => void) => {
  for (let point = from; point < to;) {
    const block = Math.floor(point / blockPoints)
    const end = Math.min(to, (block + 1) * blockPoints)
    use(block, point - block * blockPoints, end - block * blockPoints)
    point = end
  }
}

const sizeOf = ({ starts }: Block, from: number, to: number) => {
  let size = 0
  forEachBlock(from, to, (_, first, end) => {
    size += starts[end]! - starts[first]!
  })
  return size
}

const write = (out: Uint8Array, at: number, { bytes, starts }: Block, from: number, to: number) => {
  forEachBlock(from, to, (block, first, end) => {
    const origin = starts[first]!
    out.set(bytes.subarray(origin, starts[end]!), at)
    const digits = utf8.encode(String(firstBlock + block))
    const [c, d, e, f, g] = [digits[2]!, digits[3]!, digits[4]!, digits[5]!, digits[6]!]
    for (let point = first; point < end; point++) {
      const ts = at + starts[point]! - origin + 6
      out[ts + 2] = c
      out[ts + 3] = d
      out[ts + 4] = e
      out[ts + 5] = f
      out[ts + 6] = g
    }
    at += starts[end]! - origin
  })
  return at
}

export interface HistoryQuery {
  readonly keys: ReadonlyArray<string>
  /** Inclusive. */
  readonly startTs: number
  /** Exclusive. */
  readonly endTs: number
  /** Maximum points per key. */
  readonly limit: number
  readonly ascending: boolean
  readonly typed: boolean
}

const renderDescending = (key: string, from: number, to: number, typed: boolean) => {
  const points: Array<string> = []
  for (let i = to - 1; i >= from; i--) points.push(`{"ts":${firstTs + i * stepMs},"value":${valueOf(key, i, typed)}}`)
  return utf8.encode(`${points.join(",")},`)
}

/** ThingsBoard's response to a history query on series of `points` points each. */
export const history = (query: HistoryQuery, points: number): Uint8Array<ArrayBuffer> => {
  const indexOf = (ts: number) => Math.max(0, Math.min(points, Math.ceil((ts - firstTs) / stepMs)))
  const [low, high] = [indexOf(query.startTs), indexOf(query.endTs)]
  const keys = high > low ? query.keys.filter(isKnown) : []
  if (keys.length === 0) return utf8.encode("{}")
  const [from, to] = query.ascending ? [low, Math.min(high, low + query.limit)] : [Math.max(low, high - query.limit), high]
  const series = keys.map((key) => {
    const block = getBlock(key, query.typed)
    const reversed = query.ascending ? undefined : renderDescending(key, from, to, query.typed)
    return { name: utf8.encode(`${JSON.stringify(key)}:[`), block, reversed, size: reversed?.length ?? sizeOf(block, from, to) }
  })
  const out = new Uint8Array(series.reduce((size, { name, size: rows }) => size + name.length + rows + 1, 1))
  const [comma, bracket] = utf8.encode(",]")
  out.set(utf8.encode("{"))
  let at = 1
  for (const { name, block, reversed, size } of series) {
    out.set(name, at)
    at += name.length
    if (reversed === undefined) write(out, at, block, from, to)
    else out.set(reversed, at)
    at += size
    out[at - 1] = bracket!
    out[at++] = comma!
  }
  out.set(utf8.encode("}"), at - 1)
  return out
}

/** ThingsBoard's response to a query for latest values; `tick` shifts them so that responses differ. */
export const latest = (keys: ReadonlyArray<string>, points: number, tick: number, typed: boolean): string => {
  const index = points - 1
  const render = (key: string) =>
    isKnown(key)
      ? `{"ts":${firstTs + index * stepMs + tick},"value":${valueOf(key, index + tick, typed)}}`
      : `{"ts":${Date.now()},"value":null}`
  return `{${keys.map((key) => `${JSON.stringify(key)}:[${render(key)}]`).join(",")}}`
}
