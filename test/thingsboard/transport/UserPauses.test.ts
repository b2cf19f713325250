import { expect, test } from "bun:test"
import { type Pass, UserPauses } from "../../../src/thingsboard/transport/UserPauses.ts"
import { manualTimers } from "../../support/manualTimers.ts"

const make = () => {
  const { moveTo, now, pending, schedule } = manualTimers()
  const started: Array<string> = []
  const rejected: Array<string> = []
  const reported: Array<number> = []
  const passes = new Map<string, Pass>()
  const pauses = new UserPauses({
    now,
    schedule,
    onPause: (_, millis) => reported.push(millis),
    random: () => 0.5
  })
  const start = (name: string, pass: Pass) => {
    passes.set(name, pass)
    started.push(name)
  }
  /** Starts a call, or lets it wait. */
  const call = (name: string, user = "u", deadline = Number.POSITIVE_INFINITY) => {
    const pass = pauses.enter(user)
    if (pass === undefined) return pauses.wait(user, { deadline, resume: (given) => start(name, given), reject: () => rejected.push(name) })
    start(name, pass)
    return () => {}
  }
  return {
    pauses,
    call,
    moveTo,
    started,
    rejected,
    reported,
    pending,
    succeed: (name: string, user = "u") => pauses.leave(user, passes.get(name)!, true),
    fail: (name: string, user = "u") => pauses.leave(user, passes.get(name)!, false),
    limit: (name: string, asked?: number, user = "u") => {
      const left = pauses.recordLimit(user, passes.get(name)!, asked)
      pauses.leave(user, passes.get(name)!, true)
      return left
    }
  }
}

test("no call of the user is made for as long as the 429 asks, then one, then twice as many each time", () => {
  const { call, limit, moveTo, pauses, started, succeed } = make()
  call("first")
  expect(limit("first", 7000)).toBe(7000)
  for (let i = 0; i < 9; i++) call(`${i}`)
  moveTo(6999)
  expect([started, pauses.paused]).toEqual([["first"], 1])
  moveTo(7000)
  expect([started, pauses.paused]).toEqual([["first", "0"], 0])
  succeed("0")
  expect(started.slice(2)).toEqual(["1", "2"])
  succeed("1")
  succeed("2")
  expect(started.slice(4)).toEqual(["3", "4", "5", "6"])
  // When none waits any more, calls are made as usual.
  for (const name of ["3", "4"]) succeed(name)
  expect(started).toHaveLength(10)
  for (let i = 0; i < 20; i++) call("later")
  expect(started).toHaveLength(30)
})

test("other users go on", () => {
  const { call, limit, started } = make()
  call("first")
  limit("first", 7000)
  call("mine")
  call("other", "v")
  expect(started).toEqual(["first", "other"])
})

test("without Retry-After the pauses double up to 30 s, until a call succeeds; a longer Retry-After is limited, too", () => {
  const { call, limit, moveTo, reported, succeed } = make()
  let time = 0
  const rejectedCalls = (count: number) => {
    for (let i = 0; i < count; i++) {
      call("call")
      time += limit("call")
      moveTo(time)
    }
  }
  rejectedCalls(7)
  expect(reported).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  call("good")
  succeed("good")
  rejectedCalls(1)
  expect(reported.slice(7)).toEqual([1000])
  call("call")
  expect(limit("call", 3_600_000)).toBe(30_000)
})

test("of the calls that were in flight together, one begins the pause and the others can only make it longer", () => {
  const { call, limit, moveTo, reported, started, succeed } = make()
  for (const name of ["a", "b", "c", "d"]) call(name)
  expect(limit("a")).toBe(1000)
  expect(limit("b")).toBe(1000)
  expect(limit("c", 5000)).toBe(5000)
  expect(reported).toEqual([1000, 5000])
  succeed("d")
  call("waiting")
  moveTo(1500)
  expect(started).toHaveLength(4)
  moveTo(5000)
  expect(started).toHaveLength(5)
})

test("a call that says nothing lets the next one try, and calls that have left are not made", () => {
  const { call, fail, limit, moveTo, started } = make()
  call("first")
  limit("first")
  call("second")
  const leave = call("third")
  call("fourth")
  moveTo(1000)
  leave()
  fail("second")
  expect(started).toEqual(["first", "second", "fourth"])
})

test("calls whose time ends before a longer pause are rejected when it begins", () => {
  const { call, limit, moveTo, pauses, rejected, started } = make()
  call("first")
  limit("first")
  call("probe")
  call("short", "u", 2500)
  call("long", "u", 60_000)
  moveTo(1000)
  limit("probe")
  expect([started, rejected]).toEqual([["first", "probe"], ["short"]])
  expect([pauses.endsBefore("u", 3000), pauses.endsBefore("u", 3001)]).toEqual([false, true])
})

test("after a second 429, the number of calls grows slowly from half of what was too much", () => {
  const { call, limit, moveTo, started, succeed } = make()
  let answered = 0
  call("first")
  answered++
  for (let i = 0; i < 100; i++) call(`${i}`)
  limit("first", 1000)
  for (let i = 100; i < 200; i++) call(`${i}`)
  /** Answers all calls in flight, and returns how many have started since. */
  const round = () => {
    const before = started.length
    for (const name of started.slice(answered, before)) succeed(name)
    answered = before
    return started.length - before
  }
  answered = started.length
  moveTo(1000)
  expect([round(), round(), round()]).toEqual([2, 4, 8])
  limit(started.at(-1)!, 1000)
  answered = started.length
  moveTo(2000)
  expect([round(), round(), round(), round(), round()]).toEqual([2, 4, 4, 5, 6])
})

test("a pause of another gateway holds calls back, and is not reported again", () => {
  const { call, moveTo, pauses, reported, started, pending } = make()
  pauses.follow("u", 5000)
  call("call")
  moveTo(4999)
  expect([started, reported]).toEqual([[], []])
  pauses.follow("u", 2000)
  moveTo(6998)
  expect(started).toEqual([])
  moveTo(6999)
  expect(started).toEqual(["call"])
  pauses.follow("v", 1000)
  pauses.close()
  expect(pending()).toBe(0)
})
