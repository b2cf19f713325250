import { expect, test } from "bun:test"
import { CircuitBreaker, type Outcome } from "../../../src/thingsboard/transport/CircuitBreaker.ts"

const make = () => {
  const changes: Array<boolean> = []
  const breaker = new CircuitBreaker({ minFailed: 5, firstPause: 1000, onChange: (isOpen) => changes.push(isOpen), random: () => 0.5 })
  /** Calls one after the other, each of them at a time of its own. */
  const calls = (outcome: Outcome, count: number, from: number, every = 1) => {
    for (let i = 0; i < count; i++) {
      const entry = breaker.enter(from + i * every)
      if (typeof entry !== "number") breaker.record(outcome, entry, from + i * every)
    }
  }
  return { breaker, calls, changes }
}

test("opens when enough calls, and at least half of them, have failed within ten seconds", () => {
  const few = make()
  few.calls("failed", 4, 0)
  expect(few.breaker.isOpen).toBe(false)
  few.calls("failed", 1, 100)
  expect([few.breaker.isOpen, few.changes]).toEqual([true, [true]])

  const mostlyGood = make()
  mostlyGood.calls("ok", 20, 0)
  mostlyGood.calls("failed", 10, 100)
  expect(mostlyGood.breaker.isOpen).toBe(false)
  mostlyGood.calls("failed", 10, 200)
  expect(mostlyGood.breaker.isOpen).toBe(true)

  const rare = make()
  rare.calls("failed", 100, 0, 3000)
  expect(rare.breaker.isOpen).toBe(false)

  const left = make()
  left.calls("unknown", 100, 0)
  expect(left.breaker.isOpen).toBe(false)
})

test("lets nothing through during the pause, then one probe at a time, and closes when it succeeds", () => {
  const { breaker, calls, changes } = make()
  calls("failed", 5, 0)
  expect(breaker.enter(4)).toBe(1000)
  expect(breaker.enter(1003)).toBe(1)
  expect(breaker.enter(1004)).toBe("probe")
  expect(breaker.enter(1005)).toBe(1000)
  breaker.record("ok", "probe", 1100)
  expect([breaker.enter(1101), breaker.isOpen, changes]).toEqual(["pass", false, [true, false]])
  // Earlier failures do not count any more.
  calls("failed", 4, 1102)
  expect(breaker.isOpen).toBe(false)
})

test("pauses get longer up to a minute, and begin anew after a success", () => {
  const { breaker, calls, changes } = make()
  calls("failed", 5, 0)
  let now = 4
  const pauses = []
  for (let i = 0; i < 9; i++) {
    const left = breaker.enter(now)
    pauses.push(left)
    now += Number(left)
    expect(breaker.enter(now)).toBe("probe")
    breaker.record(i === 8 ? "ok" : "failed", "probe", now)
  }
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  expect(changes).toEqual([true, false])
  calls("failed", 5, now)
  expect(breaker.enter(now + 4)).toBe(1000)
})

test("a probe whose caller has left lets the next call be one", () => {
  const { breaker, calls } = make()
  calls("failed", 5, 0)
  expect(breaker.enter(2000)).toBe("probe")
  breaker.record("unknown", "probe", 2100)
  expect(breaker.enter(2200)).toBe("probe")
})

test("calls that began before it opened do not open it again or close it", () => {
  const { breaker, calls, changes } = make()
  calls("failed", 5, 0)
  breaker.record("failed", "pass", 10)
  breaker.record("ok", "pass", 10)
  expect([breaker.isOpen, breaker.enter(500), changes]).toEqual([true, 504, [true]])
})
