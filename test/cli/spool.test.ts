/** `boardwalk spool`: what it prints and changes, and its exit codes. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { join } from "node:path"
import { live } from "../support/effectTest.ts"
import { runProgram } from "../support/program.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { batch, next, open } from "../spool/open.ts"

const limits = { bytes: 1e9, age: 1e9 }

/** Two uploads, of the first of which a point was rejected. */
const prepared = Effect.gen(function* () {
  const folder = join(yield* temporaryFolder("cli-spool"), "spool")
  const spool = yield* open(folder, limits)
  yield* spool.add(batch("one", { a: ["1", "2"], b: ["3"] }))
  yield* Effect.sleep("2 millis")
  yield* spool.add(batch("two", { b: ["4"] }))
  const [first] = yield* next(spool, "a", 1)
  yield* spool.finish([{ entry: first!, rejected: [{ points: first!.points.slice(0, 1), reason: "too\nlarge" }] }])
  const timeOf = (id: string) => Effect.map(spool.batch(id), (found) => new Date(found!.acceptedAt).toISOString())
  return { folder, spool, times: [yield* timeOf("one"), yield* timeOf("two")] }
})

describe("boardwalk spool", () => {
  live("shows what waits, while a gateway uses it", () =>
    Effect.gen(function* () {
      const { folder, times } = yield* prepared
      const environment = { SPOOL_DIR: folder }
      const status = yield* runProgram(["spool", "status"], environment)
      expect(status.stdout).toMatch(/^2 points waiting, the oldest since (.*) \(\d+ s\)\n1 point rejected and set aside\n/)
      expect(status.stdout).toContain(times[0]!)
      const asJson = JSON.parse((yield* runProgram(["spool", "status", "--json"], environment)).stdout)
      expect(asJson).toMatchObject({ points_waiting: 2, points_rejected: 1, oldest_accepted_at: times[0] })
      const list = yield* runProgram(["spool", "list"], environment)
      expect(list.stdout.split("\n")).toEqual([
        `one  key  ${times[0]}  1 waiting  1 stored  1 rejected  a: too\\nlarge (1)`,
        `two  key  ${times[1]}  1 waiting  0 stored`,
        ""
      ])
      const listed = JSON.parse((yield* runProgram(["spool", "list", "--json", "--limit", "1"], environment)).stdout)
      expect(listed).toMatchObject([{ batch_id: "one", key_id: "key", points_waiting: 1, rejected: [{ device: "a", points: 1 }] }])
    })
  )

  live("puts rejected points back, and drops uploads", () =>
    Effect.gen(function* () {
      const { folder, spool } = yield* prepared
      expect(yield* runProgram(["spool", "retry", "one", "--dir", folder])).toMatchObject({
        exitCode: 0,
        stdout: "Put 1 point into the queue again\n"
      })
      expect(yield* spool.waiting).toMatchObject({ points: 3, rejected: 0 })
      expect(yield* runProgram(["spool", "drop", "one", "--dir", folder, "--json"])).toMatchObject({ exitCode: 0 })
      expect([yield* spool.batch("one"), (yield* spool.waiting).points]).toEqual([undefined, 1])
      expect((yield* runProgram(["spool", "retry", "--all", "--dir", folder])).stdout).toBe("Put 0 points into the queue again\n")
    })
  )

  live("says what is wrong, and changes nothing then", () =>
    Effect.gen(function* () {
      const { folder, spool } = yield* prepared
      for (const [args, exitCode, message] of [
        [["drop", "nothing", "--dir", folder], 1, "There is no batch nothing"],
        [["retry", "nothing", "--dir", folder], 1, "There is no batch nothing"],
        [["retry", "--dir", folder], 2, "Expected the id of a batch, or --all"],
        [["retry", "one", "--all", "--dir", folder], 2, "Expected the id of a batch, or --all"],
        [["drop", "--dir", folder], 2, "Expected the id of a batch"],
        [["status"], 2, "Missing: --dir, or SPOOL_DIR"],
        [["status", "--dir", join(folder, "none")], 1, "There is no queue in"]
      ] as const) {
        const result = yield* runProgram(["spool", ...args])
        expect([args, result.exitCode, result.stderr.includes(message)]).toEqual([args, exitCode, true])
      }
      expect(yield* spool.waiting).toMatchObject({ points: 2, rejected: 1 })
    })
  )
})

live("a gateway does not start with the queue of another one, or with a folder that it cannot use", () =>
  Effect.gen(function* () {
    const { folder } = yield* prepared
    const environment = { TB_USERNAME: "a", TB_PASSWORD: "b", API_KEY: "a-key-for-tests-only", PORT: "0", HOST: "127.0.0.1" }
    const used = yield* runProgram(["serve"], { ...environment, SPOOL_DIR: folder })
    expect([used.exitCode, used.stderr + used.stdout]).toEqual([1, expect.stringContaining("is in use by another gateway")])
    const unusable = yield* runProgram(["serve"], { ...environment, SPOOL_DIR: "/dev/null/spool" })
    expect([unusable.exitCode, unusable.stderr + unusable.stdout]).toEqual([
      1,
      expect.stringContaining("SPOOL_DIR /dev/null/spool cannot be used")
    ])
    const missing = yield* runProgram(["serve"], { ...environment, SPOOL: "always" })
    expect([missing.exitCode, missing.stderr]).toEqual([2, expect.stringContaining("SPOOL_DIR is required when SPOOL is always")])
  })
)
