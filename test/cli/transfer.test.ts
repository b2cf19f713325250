/** `boardwalk export` and `boardwalk import`, run as users do. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { join } from "node:path"
import { findLastCompleteRow } from "../../src/cli/resumeExport.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { live } from "../support/effectTest.ts"
import { runProgram, startProgram } from "../support/program.ts"

const folder = temporaryFolder("transfer")

const setUp = Effect.gen(function* () {
  const it = yield* gateway()
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Source", now: 1 })
  const t0 = 1_700_000_000_000
  for (const [key, count] of [
    ["a", 5000],
    ["b,c", 3000]
  ] as const) {
    telemetry.loadBulk(
      device,
      key,
      Array.from({ length: count }, (_, i) => ({ ts: t0 + i * 1000, value: key === "a" ? i / 4 : `line\n${i}` }))
    )
  }
  const path = yield* folder
  const run = (...args: ReadonlyArray<string>) =>
    Effect.flatMap(startProgram(args, { BOARDWALK_KEY: canaries.apiKey }), (program) => program.exited)
  const read = (file: string) => Effect.promise(() => Bun.file(join(path, file)).text())
  return { ...it, id: device.id, path, run, read }
})

for (const format of ["csv", "jsonl"] as const) {
  live(`an interrupted export resumes, and the file is the same as without the interruption (${format})`, () =>
    Effect.gen(function* () {
      const { id, path, read, run, url } = yield* setUp
      const args = (file: string) => [
        "export",
        "--url",
        url,
        "--device",
        id,
        "--from",
        "2023-11-01",
        "--to",
        "2024-01-01",
        "--format",
        format,
        "-o",
        join(path, file)
      ]
      const whole = yield* run(...args("whole"))
      expect([whole.exitCode, whole.stderr.includes(canaries.apiKey)]).toEqual([0, false])
      expect(JSON.parse(whole.stderr.trim().split("\n").at(-2)!)).toMatchObject({ event: "done", share: 1 })
      const text = yield* read("whole")
      for (const cut of [10, 20_000, text.length - 5000, text.length - 3]) {
        yield* Effect.promise(() => Bun.write(join(path, "cut.part"), text.slice(0, cut)))
        const { exitCode } = yield* run(...args("cut"))
        expect(exitCode).toBe(0)
        expect((yield* read("cut")) === text).toBe(true)
      }
    })
  )
}

live("an import reports rejected rows with exit code 1; one without any exits with 0", () =>
  Effect.gen(function* () {
    const { call, id, path, run, url } = yield* setUp
    const file = join(path, "in.csv")
    yield* Effect.promise(() => Bun.write(file, "ts,key,value\n1700000000000,z,1\n1700000000,z,2\n"))
    const dry = yield* run("import", file, "--url", url, "--device", id, "--dry-run")
    expect(dry.exitCode).toBe(1)
    expect(dry.stdout).toContain("Would accept 1 row, reject 1")
    expect(dry.stdout).toContain("line 3: ts: looks like seconds")
    yield* Effect.promise(() => Bun.write(file, "ts,key,value\n1700000000000,z,1\n"))
    const stored = yield* run("import", file, "--url", url, "--device", id)
    expect([stored.exitCode, stored.stdout.trim()]).toEqual([0, "Accepted 1 row, rejected 0; 1 points of 1 devices."])
    expect((yield* call(`/api/v1/tb/devices/${id}/telemetry/latest?keys=z`)).json.data.z.value).toBe(1)
  })
)

live("the key can be set in .env, like settings", () =>
  Effect.gen(function* () {
    const { id, path, url } = yield* setUp
    const file = join(path, "in.csv")
    yield* Effect.promise(() => Bun.write(file, "ts,key,value\n1700000000000,z,1\n"))
    const files = { ".env": `BOARDWALK_KEY=${canaries.apiKey}\n` }
    const { exitCode, stdout } = yield* runProgram(["import", file, "--url", url, "--device", id], {}, files)
    expect([exitCode, stdout.trim()]).toEqual([0, "Accepted 1 row, rejected 0; 1 points of 1 devices."])
  })
)

live("a rejection is reported in the gateway's words", () =>
  Effect.gen(function* () {
    const { path, run, url } = yield* setUp
    const missing = "00000000-0000-4000-8000-000000000001"
    const { exitCode, stderr } = yield* run("export", "--url", url, "--device", missing, "--from", "0", "--to", "1", "-o", join(path, "x"))
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`No device has the id ${missing}`)
  })
)

live("rows with line breaks in their values are found", () =>
  Effect.sync(() => {
    const csv = 'ts,key,value\r\n1,"a,b",x\r\n2,"a,b","line\r\n3,no,row"\r\n4,"a,b","cut\r\n5'
    const found = findLastCompleteRow(Buffer.from(csv), "csv", ["a,b"])
    expect(found).toMatchObject({ value: { ts: 4, keyIndex: 0 } })
  })
)
