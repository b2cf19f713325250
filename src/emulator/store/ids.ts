/** Milliseconds from the epoch of version 1 UUIDs (the start of the Gregorian calendar, 15 October 1582) to 1970. */
const gregorianOffset = 12_219_292_800_000n

let lastTicks = 0n

const hex = (value: bigint, digits: number) => value.toString(16).padStart(digits, "0")

/** A time-based UUID (version 1), as ThingsBoard generates them. Each one is later than the one before, also within one ms. `time` in ms. */
export const timeBasedId = (time: number): string => {
  const ticks = (BigInt(Math.max(0, Math.trunc(time))) + gregorianOffset) * 10_000n
  lastTicks = ticks > lastTicks ? ticks : lastTicks + 1n
  const low = hex(lastTicks & 0xffffffffn, 8)
  const middle = hex((lastTicks >> 32n) & 0xffffn, 4)
  const high = hex((lastTicks >> 48n) & 0x0fffn, 3)
  return `${low}-${middle}-1${high}-${node}`
}

const random = crypto.randomUUID()
const node = random.slice(19)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/** Random letters and digits, for device tokens and API keys. */
export const randomToken = (length: number): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => alphabet[byte % alphabet.length]).join("")
