/**
 * The measurements of the demo's devices, as pure functions of time: the same timestamp always gives the same value.
 * So the history can be generated at the start, and live points continue it smoothly.
 */
import { JsonValue, type Value } from "../values/Value.ts"

/** A deterministic number from 0 to 1 that looks random (an integer hash). */
export const pseudoRandom = (seed: number, step: number): number => {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(step | 0, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** Slow noise between -0.5 and 0.5, interpolated smoothly between random values `period` ms apart. */
const drift = (seed: number, ts: number, period: number): number => {
  const step = Math.floor(ts / period)
  const fraction = (ts - step * period) / period
  const smooth = fraction * fraction * (3 - 2 * fraction)
  return pseudoRandom(seed, step) * (1 - smooth) + pseudoRandom(seed, step + 1) * smooth - 0.5
}

/** The daily cycle: -1 at 3:00 UTC, 1 at 15:00 UTC. */
const daily = (ts: number): number => Math.sin(((ts % day) / day) * 2 * Math.PI - (2 * Math.PI * 9) / 24)

/** How full the building is, from 0 to 1; it is almost empty on weekends. */
const occupancy = (seed: number, ts: number): number => {
  const weekday = (Math.floor(ts / day) + 4) % 7 // 1 January 1970 was a Thursday
  if (weekday === 0 || weekday === 6) return pseudoRandom(seed, Math.floor(ts / day)) > 0.9 ? 0.2 : 0
  const hourOfDay = (ts % day) / hour
  if (hourOfDay < 6.5 || hourOfDay > 19) return 0
  const lunch = hourOfDay > 12 && hourOfDay < 13 ? 0.5 : 1
  return Math.max(0, Math.min(1, Math.min(hourOfDay - 6.5, 19 - hourOfDay) / 2)) * lunch * (0.7 + 0.6 * drift(seed, ts, hour))
}

const round = (value: number, decimals: number) => Math.round(value * 10 ** decimals) / 10 ** decimals

export type Signal = (seed: number, ts: number) => Value

const setpoint = (seed: number, ts: number) => (occupancy(seed, ts) > 0 ? 21.5 : 18)
const temperature = (seed: number, ts: number) => 20.4 + 1.1 * daily(ts) + 1.2 * occupancy(seed, ts) + 1.6 * drift(seed, ts, 2 * hour)
const co2 = (seed: number, ts: number) => 430 + 620 * occupancy(seed, ts) + 60 * drift(seed, ts, 30 * minute)
const power = (seed: number, ts: number) => 900 + 5200 * occupancy(seed, ts) + 600 * drift(seed, ts, 20 * minute)
const running = (seed: number, ts: number) => occupancy(seed, ts) > 0.1 || pseudoRandom(seed, Math.floor(ts / hour)) > 0.8

/** Beyond 2^53, as counters of real meters can be, to reveal readers that lose digits. */
const counterStart = 9_007_199_254_740_993n

/** The signals by device type and telemetry key. LONG values are bigints, DOUBLE values numbers. */
export const signals: Record<string, Record<string, Signal>> = {
  thermostat: {
    temperature: (seed, ts) => round(temperature(seed, ts), 1),
    humidity: (seed, ts) => BigInt(Math.round(44 - 5 * daily(ts) + 12 * drift(seed + 1, ts, 3 * hour))),
    setpoint: (seed, ts) => setpoint(seed, ts),
    heating: (seed, ts) => temperature(seed, ts) < setpoint(seed, ts),
    mode: (seed, ts) => (occupancy(seed, ts) > 0 ? "comfort" : "eco")
  },
  "energy meter": {
    power: (seed, ts) => round(power(seed, ts), 1),
    energy: (seed, ts) => counterStart + BigInt(Math.floor(ts / minute)) * BigInt(20 + (seed % 7)),
    phases: (seed, ts) => {
      const third = power(seed, ts) / 3
      const phase = (n: number) => round((third + 80 * drift(seed + n, ts, 10 * minute)) / 230, 2)
      return new JsonValue(`{"l1":${phase(1)},"l2":${phase(2)},"l3":${phase(3)}}`)
    }
  },
  "air quality": {
    co2: (seed, ts) => BigInt(Math.round(co2(seed, ts))),
    pm25: (seed, ts) => round(6 + 4 * drift(seed + 1, ts, 4 * hour) + 3 * occupancy(seed, ts), 1),
    quality: (seed, ts) => (co2(seed, ts) > 950 ? "poor" : co2(seed, ts) > 700 ? "fair" : "good")
  },
  "door contact": {
    open: (seed, ts) => pseudoRandom(seed, Math.floor(ts / (5 * minute))) < 0.35 * occupancy(seed, ts),
    battery: (seed, ts) => BigInt(100 - Math.floor(((ts / day + seed * 13) % 300) / 3))
  },
  pump: {
    rpm: (seed, ts) => (running(seed, ts) ? BigInt(Math.round(1450 + 60 * drift(seed, ts, 15 * minute))) : 0n),
    "flow (l/min)": (seed, ts) => (running(seed, ts) ? round(42 + 9 * drift(seed + 1, ts, 30 * minute), 2) : 0),
    state: (seed, ts) => (running(seed, ts) ? "running" : "standby"),
    bearing: (seed, ts) => round((running(seed, ts) ? 47 : 29) + 3 * daily(ts) + 4 * drift(seed + 2, ts, hour), 1)
  },
  gateway: {
    connected: (seed, ts) => (pseudoRandom(seed, Math.floor(ts / hour)) > 0.97 ? 7n : 8n),
    power: (seed, ts) => round(0.2 + 0.3 * occupancy(seed, ts) + 0.1 * drift(seed, ts, 10 * minute), 2),
    uplink: (seed, ts) => (pseudoRandom(seed, Math.floor(ts / (6 * hour))) > 0.95 ? "lte" : "ethernet")
  }
}
