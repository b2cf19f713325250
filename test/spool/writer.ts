/** A process that adds batches as fast as it can and prints the number of each one that is acknowledged, until it is killed. */
import { Effect } from "effect"
import type { Spool } from "../../src/spool/Spool.ts"
import { open } from "./open.ts"

const [folder, round] = process.argv.slice(2)
const writers = 8

const addForever = (spool: Spool, writer: number) =>
  Effect.gen(function* () {
    for (let index = 0; ; index++) {
      const points = [0, 1, 2].map((n) => ({ key: `k${n}`, ts: index, token: `${index}.50` }))
      const id = `${round}-${writer}-${index}`
      const devices = [`a${writer}`, `b${writer}`].map((id) => ({ device: { id }, points }))
      yield* spool.add({ id, owner: "key", devices })
      process.stdout.write(`${id}\n`)
    }
  })

await Effect.runPromise(
  Effect.scoped(
    Effect.flatMap(open(folder!, { bytes: 1e9, age: 1e9 }), (spool) =>
      Effect.all(
        Array.from({ length: writers }, (_, writer) => addForever(spool, writer)),
        { concurrency: "unbounded", discard: true }
      )
    )
  )
)
