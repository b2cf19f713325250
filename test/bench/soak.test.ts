/** A short soak: everything that the gateway acknowledged is stored, although ThingsBoard and Redis failed at random. `.ci/run` has a longer one. */
import { expect, test } from "bun:test"
import { hasRedis } from "../support/redis.ts"

test("nothing that was acknowledged is missing after a load with random faults", async () => {
  const soak = Bun.spawn([process.execPath, "bench/soak.ts", "--seconds", "8", ...(hasRedis ? ["--redis"] : [])], {
    cwd: new URL("../..", import.meta.url).pathname,
    stdout: "pipe",
    stderr: "pipe"
  })
  const [exitCode, stdout, stderr] = await Promise.all([soak.exited, new Response(soak.stdout).text(), new Response(soak.stderr).text()])
  // The output has the seed.
  expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 0, stderr: "" })
  expect(stdout).toMatch(/^seed \d+/)
  expect(stdout).toMatch(/^ok {3}acknowledged points: [1-9]\d*, missing: 0$/m)
}, 90_000)
