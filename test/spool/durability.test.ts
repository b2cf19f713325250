/** What the spool acknowledged survives a killed process and a WAL that ends in the middle, and no batch is there in part. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { copyFile, mkdir, truncate } from "node:fs/promises"
import { join } from "node:path"
import type { Spool } from "../../src/spool/Spool.ts"
import { live } from "../support/effectTest.ts"
import { randomFrom } from "../support/random.ts"
import { propertySeed } from "../support/propertySeed.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { batch, devices, next, open } from "./open.ts"

const limits = { bytes: 1e9, age: 1e9 }

/** Every batch that is there, with the number of its entries; checks the order of each device. */
const entriesByBatch = Effect.fnUntraced(function* (spool: Spool) {
  const found = new Map<string, number>()
  for (const device of yield* devices(spool)) {
    const entries = yield* next(spool, device, Infinity)
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map(({ seq }) => seq).toSorted((a, b) => a - b))
    const indexes = entries.map(({ batch }) => batch.split("-").map(Number))
    expect(indexes).toEqual(indexes.toSorted((a, b) => a[0]! - b[0]! || a[2]! - b[2]!))
    for (const { batch } of entries) found.set(batch, (found.get(batch) ?? 0) + 1)
  }
  return found
})

/** Kills a writing process after it acknowledged `after` batches; returns every acknowledged one that arrived. */
const writeAndKill = async (folder: string, round: number, after: number) => {
  const writer = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), folder, String(round)], {
    stdout: "pipe",
    stderr: "inherit"
  })
  const decoder = new TextDecoder()
  let output = ""
  for await (const chunk of writer.stdout) {
    output += decoder.decode(chunk, { stream: true })
    if (output.split("\n").length > after) writer.kill("SIGKILL")
  }
  expect(await writer.exited).not.toBe(0)
  return output.slice(0, output.lastIndexOf("\n")).split("\n")
}

const kills = Number(process.env["SPOOL_KILLS"] ?? 5)

live(
  "every acknowledged batch survives kill -9, in order per device",
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder("spool")
      const random = randomFrom(propertySeed)
      const acknowledged: Array<string> = []
      for (let round = 0; round < kills; round++)
        acknowledged.push(...(yield* Effect.promise(() => writeAndKill(folder, round, 1 + Math.floor(random() * 500)))))
      const found = yield* entriesByBatch(yield* open(folder, limits))
      expect(acknowledged.length).toBeGreaterThanOrEqual(kills)
      expect(acknowledged.filter((id) => !found.has(id))).toEqual([])
      expect([...found].filter(([, entries]) => entries !== 2)).toEqual([])
    }),
  120_000
)

live("a WAL that ends in the middle has the batches before that as a whole, and none after it", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder("spool")
    const spool = yield* open(folder, limits)
    const ends: Array<number> = []
    const wal = "spool.db-wal"
    for (let index = 0; index < 20; index++) {
      yield* spool.add(batch(`0-0-${index}`, { a: ["1"], b: ["1"] }))
      ends.push(Bun.file(join(folder, wal)).size)
    }
    for (const [copy, length] of [ends[5]!, ends[9]! + 100, ends[14]! - 1, ends[19]!].entries()) {
      const copied = join(folder, `copy${copy}`)
      yield* Effect.promise(() => mkdir(copied))
      for (const name of ["spool.db", wal]) yield* Effect.promise(() => copyFile(join(folder, name), join(copied, name)))
      yield* Effect.promise(() => truncate(join(copied, wal), length))
      const found = yield* entriesByBatch(yield* open(copied, limits))
      expect([...found.values()].filter((entries) => entries !== 2)).toEqual([])
      expect(found.size).toBe(ends.filter((end) => end <= length).length)
    }
  })
)
