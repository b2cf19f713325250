import { expect, test } from "bun:test"
import type { ThingsBoardError } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { Admission } from "../../../src/thingsboard/transport/Admission.ts"
import type { Call } from "../../../src/thingsboard/transport/Call.ts"
import { CallLimits } from "../../../src/thingsboard/transport/CallLimits.ts"
import { UserPauses } from "../../../src/thingsboard/transport/UserPauses.ts"
import { manualTimers } from "../../support/manualTimers.ts"
import { propertySeed } from "../../support/propertySeed.ts"
import { randomFrom } from "../../support/random.ts"

const make = (maxInFlight: number, maxWaiting: number) => {
  const { moveTo, now, schedule } = manualTimers()
  const limits = new CallLimits(maxInFlight, maxWaiting)
  const pauses = new UserPauses({ now, schedule, random: () => 0.5 })
  const waiting = new Set<Admission>()
  const started = new Set<Admission>()
  const rejected: Array<ThingsBoardError["reason"]["_tag"]> = []
  const leave = (admission: Admission, isAccepted: boolean) => {
    waiting.delete(admission)
    started.delete(admission)
    admission.leave(isAccepted)
  }
  const enter = (user: string, share: Call["share"] = "read", deadline = Number.POSITIVE_INFINITY) => {
    const call: Call = { method: "GET", path: "/", headers: {}, repeatable: true, user, share }
    const admission: Admission = new Admission(call, {
      limits,
      pauses,
      deadline,
      start: () => {
        expect(pauses.remaining(user)).toBe(0)
        waiting.delete(admission)
        started.add(admission)
      },
      reject: ({ reason }) => {
        rejected.push(reason._tag)
        leave(admission, false)
      }
    })
    waiting.add(admission)
    admission.enter()
    return admission
  }
  return { enter, leave, limits, pauses, moveTo, now, waiting, started, rejected }
}

test("a call that waited for room is held back if its user was paused meanwhile, and leaves its place to others", () => {
  const { enter, leave, moveTo, started, waiting } = make(1, 10)
  const first = enter("u")
  const mine = enter("u")
  const other = enter("v")
  first.recordLimit(1000)
  leave(first, true)
  expect([...started]).toEqual([other])
  leave(other, true)
  expect([...waiting]).toEqual([mine])
  moveTo(1000)
  expect([...started]).toEqual([mine])
})

test("calls that wait for pauses take half of the places at most", () => {
  const { enter, leave, rejected, started } = make(1, 4)
  const first = enter("u")
  first.recordLimit(1000)
  leave(first, true)
  for (let i = 0; i < 3; i++) enter("u")
  expect(rejected).toEqual(["QueueFull"])
  for (let i = 0; i < 3; i++) enter("v")
  expect([started.size, rejected]).toEqual([1, ["QueueFull"]])
})

test("a call whose time ends before the pause does is rejected at once, as are logins and probes of the user", () => {
  const { enter, leave, rejected, started } = make(1, 4)
  const first = enter("u")
  first.recordLimit(1000)
  leave(first, true)
  enter("u", "read", 1000)
  enter("u", "session")
  expect(rejected).toEqual(["RateLimitPaused", "RateLimitPaused"])
  enter("v", "session")
  expect(started.size).toBe(1)
})

test("no call is made during a pause of its user, limits are kept, and no call is forgotten, in any order", () => {
  const next = randomFrom(propertySeed)
  const random = (below: number) => Math.floor(next() * below)
  const oneOf = <A>(values: Iterable<A>): A | undefined => {
    const all = [...values]
    return all[random(all.length)]
  }
  for (const max of [1, 3, 16]) {
    const { enter, leave, limits, moveTo, now, rejected, started, waiting } = make(max, 200)
    let entered = 0
    let ended = 0
    for (let i = 0; i < 3000; i++) {
      const what = random(100)
      if (what < 45) {
        entered++
        enter(oneOf("abc")!, oneOf(["read", "history", "write"] as const), random(2) === 0 ? now() + random(20_000) : undefined)
      } else if (what < 80) {
        const call = oneOf(started)
        if (call === undefined) continue
        ended++
        const result = random(10)
        if (result < 2) call.recordLimit(random(2) === 0 ? undefined : random(5000))
        leave(call, result < 8)
      } else if (what < 85) {
        const call = oneOf(waiting)
        if (call === undefined) continue
        ended++
        leave(call, false)
      } else moveTo(now() + random(800))
      expect(limits.counts).toMatchObject({ inFlight: started.size, waiting: waiting.size })
      expect(started.size).toBeLessThanOrEqual(max)
      expect(started.size + waiting.size + ended + rejected.length).toBe(entered)
    }
    // Everything that still waits is made in the end, once ThingsBoard accepts all calls.
    for (let rounds = 0; waiting.size + started.size > 0; rounds++) {
      expect(rounds).toBeLessThan(2000)
      for (const call of started) leave(call, true)
      moveTo(now() + 1000)
    }
    expect(limits.counts).toMatchObject({ inFlight: 0, waiting: 0 })
  }
})
