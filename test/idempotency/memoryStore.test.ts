/** Responses in memory: for how long, how many, and whose are lost first. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { makeMemoryStore } from "../../src/idempotency/memoryStore.ts"
import type { Claimed, KeptResponse } from "../../src/idempotency/model.ts"
import { effect } from "../support/effectTest.ts"

const response = (bytes = 10): KeptResponse => ({
  fingerprint: "f",
  bodyBytes: 1,
  status: 201,
  headers: {},
  contentType: "application/json",
  body: new Uint8Array(bytes)
})
const name = (key: string, caller = "a", operation = "POST /x") => ({ caller, operation, key })

const open = (maxBytes = 1_000_000) => {
  const store = makeMemoryStore(86_400_000, maxBytes)
  const claim = (key: string, caller?: string, operation?: string) => store.claim(name(key, caller, operation))
  const state = (key: string, caller?: string) => Effect.map(claim(key, caller), ({ _tag }) => _tag)
  const keep = (key: string, caller?: string, bytes?: number) =>
    Effect.flatMap(claim(key, caller), (claimed) => (claimed as Claimed).keep(response(bytes)))
  return { store, claim, state, keep }
}

effect("a claim is given once, until its response is kept or it is released", () =>
  Effect.gen(function* () {
    const { claim, state } = open()
    const first = (yield* claim("k")) as Claimed
    expect([first._tag, yield* state("k"), yield* state("k", "b"), yield* state("other")]).toEqual([
      "Claimed",
      "Running",
      "Claimed",
      "Claimed"
    ])
    expect((yield* claim("k", "a", "POST /y"))._tag).toBe("Claimed")
    yield* first.release
    const second = (yield* claim("k")) as Claimed
    // The first request has no claim anymore.
    yield* first.release
    expect([second._tag, yield* state("k")]).toEqual(["Claimed", "Running"])
    yield* second.keep(response())
    expect(yield* state("k")).toBe("Finished")
    yield* second.release
    expect(yield* state("k")).toBe("Finished")
  })
)

effect("a response is kept for a day, and its memory is free after that", () =>
  Effect.gen(function* () {
    const { keep, state, store } = open()
    yield* keep("k")
    yield* TestClock.adjust("23 hours")
    expect(yield* state("k")).toBe("Finished")
    expect(store.bytes()).toBeGreaterThan(0)
    yield* TestClock.adjust("61 minutes")
    expect(yield* state("k")).toBe("Claimed")
    expect(store.bytes()).toBe(0)
  })
)

effect("the memory is bounded, and the caller with the most loses its oldest responses", () =>
  Effect.gen(function* () {
    const { keep, state, store } = open(100_000)
    yield* keep("k", "quiet")
    for (let i = 0; i < 1000; i++) {
      yield* keep(`k${i}`, "loud", 500)
      expect(store.bytes()).toBeLessThanOrEqual(100_000)
    }
    expect(yield* state("k", "quiet")).toBe("Finished")
    expect([yield* state("k999", "loud"), yield* state("k0", "loud")]).toEqual(["Finished", "Claimed"])
    // What would need all of the memory is not kept.
    yield* keep("large", "quiet", 100_000)
    expect([yield* state("large", "quiet"), yield* state("k", "quiet")]).toEqual(["Claimed", "Finished"])
  })
)
