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

test("opens with another gateway's breaker, unless its own calls succeed; then probes need permission", () => {
  const idle = make()
  idle.breaker.permitProbe(0, 0)
  idle.breaker.follow(4000, 0)
  idle.breaker.follow(2000, 1000)
  expect([idle.breaker.enter(3999), idle.breaker.needsPermission, idle.changes]).toEqual([1, false, [true]])
  expect([idle.breaker.enter(4000), idle.breaker.needsPermission]).toEqual([1000, true])
  idle.breaker.permitProbe(5000, 5000)
  expect([idle.breaker.needsPermission, idle.breaker.enter(5500), idle.breaker.isProbing]).toEqual([false, "probe", true])
  expect(idle.breaker.enter(5600)).toBe(1000)
  idle.breaker.record("ok", "probe", 5700)
  expect([idle.breaker.enter(5800), idle.changes]).toEqual(["pass", [true, false]])
  // Its probe has just succeeded, so what others say is old.
  idle.breaker.follow(4000, 5900)
  expect(idle.breaker.isOpen).toBe(false)

  const busy = make()
  busy.calls("ok", 3, 9000, 10)
  busy.breaker.follow(4000, 9500)
  expect(busy.breaker.isOpen).toBe(false)
  busy.calls("failed", 1, 10_500)
  busy.breaker.follow(4000, 11_100)
  expect(busy.breaker.isOpen).toBe(true)
})

test("closes when another gateway's probe succeeds; one that was opened by its own calls may then send a probe itself", () => {
  const follower = make()
  follower.breaker.permitProbe(0, 0)
  follower.breaker.follow(4000, 0)
  follower.breaker.followEnd(3000)
  expect(follower.breaker.isOpen).toBe(true)
  follower.breaker.followEnd(4000)
  expect(follower.breaker.enter(4000)).toBe("pass")

  const own = make()
  own.breaker.permitProbe(0, 0)
  own.calls("failed", 5, 0)
  expect([own.breaker.enter(2000), own.breaker.enter(2100)]).toEqual([1000, 1000])
  own.breaker.followEnd(2200)
  expect([own.breaker.isOpen, own.breaker.enter(2300)]).toEqual([true, "probe"])
})
