/** `boardwalk export` and `boardwalk import`, run as users do. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { rm } from "node:fs/promises"
import { join } from "node:path"
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
  const { url } = it
  /** The arguments of an export of the device to a file. */
  const exportTo = (file: string, ...more: ReadonlyArray<string>) => [
    ...`export --url ${url} --device ${device.id} --from 2023-11-01 --to 2024-01-01`.split(" "),
    ...more,
    "-o",
    join(path, file)
  ]
  return { ...it, exportTo, id: device.id, path, run, read }
})

for (const format of ["csv", "jsonl"] as const) {
  live(`an interrupted export resumes, and the file is the same as without the interruption (${format})`, () =>
    Effect.gen(function* () {
      const { exportTo, path, read, run } = yield* setUp
      const args = (file: string) => exportTo(file, "--format", format)
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

live("an import reads a logger's file as its flags say, and resumes at a line", () =>
  Effect.gen(function* () {
    const { call, id, path, run, url } = yield* setUp
    const file = join(path, "logger.csv")
    const rows = ["31.01.2026;08:00;21,5;-999,0", "31.01.2026;08:15;NaN;NA", "31.01.2026;08:30;-0,5;0"]
    yield* Effect.promise(() => Bun.write(file, Buffer.from(["Logger 7", "Datum;Zeit;Außen;b", ...rows, ""].join("\r\n"), "latin1")))
    const flags = ["--skip-lines", "1", "--time-column", "Datum", "--time-column", "Zeit", "--time-format", "DD.MM.YYYY HH:mm"]
    const zone = ["--timezone", "Europe/Berlin", "--repeated-times", "infer", "--charset", "windows-1252"]
    const values = ["--decimal", "comma", "--missing=-999,0", "--missing", "NA", "--nan", "gap"]
    const all = ["import", file, "--url", url, "--device", id, ...flags, ...zone, ...values]
    const resumed = yield* run(...all, "--from-line", "5")
    expect([resumed.exitCode, resumed.stdout.trim()]).toEqual([0, "Accepted 1 row, rejected 0; 2 points of 1 devices."])
    const stored = yield* run(...all)
    expect([stored.exitCode, stored.stdout.trim()]).toEqual([0, "Accepted 3 rows, rejected 0; 3 points of 1 devices."])
    const { json } = yield* call(`/api/v1/tb/devices/${id}/telemetry?keys=Außen,b&start_ts=0&end_ts=9000000000000`)
    const last = Date.parse("2026-01-31T08:30+01:00")
    expect(json).toEqual({
      Außen: [
        { ts: last - 1_800_000, value: 21.5 },
        { ts: last, value: -0.5 }
      ],
      b: [{ ts: last, value: 0 }]
    })
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

live("an export continues after its last complete row, even if a value contains text that looks like rows", () =>
  Effect.gen(function* () {
    const { emulator, exportTo, id, path, read, run } = yield* setUp
    const device = emulator.store.directory.get(id)!
    const values = Array.from({ length: 400 }, (_, i) => ({
      ts: 1_700_000_000_000 + i,
      value: `x\n170000000${i},a,1\n1700000000999,trap,2\n"`
    }))
    emulator.store.telemetry.loadBulk(device, "trap", values)
    const args = (file: string) => exportTo(file, "--keys", "trap")
    expect((yield* run(...args("whole.csv"))).exitCode).toBe(0)
    const text = yield* read("whole.csv")
    for (let cut = text.length - 130; cut < text.length; cut += 31) {
      yield* Effect.promise(() => Bun.write(join(path, "cut.csv.part"), text.slice(0, cut)))
      expect((yield* run(...args("cut.csv"))).exitCode).toBe(0)
      expect((yield* read("cut.csv")) === text).toBe(true)
    }
  })
)

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143]
] as const) {
  live(`${signal} stops an export with exit code ${exitCode}, and the command that it prints continues it`, () =>
    Effect.gen(function* () {
      const { emulator, exportTo, id, path, read, run, url } = yield* setUp
      const file = join(path, "my file.csv")
      const args = exportTo("my file.csv")
      expect((yield* run(...args)).exitCode).toBe(0)
      const whole = yield* read("my file.csv")
      yield* Effect.promise(() => rm(file))
      emulator.faults.inject({ path: "*values/timeseries*", times: "always", latencyMillis: 400 })
      const program = yield* startProgram(args, { BOARDWALK_KEY: canaries.apiKey })
      yield* program.waitForOutput(/"event":"progress"/)
      program.kill(signal)
      const stopped = yield* program.exited
      expect(stopped.exitCode).toBe(exitCode)
      expect(stopped.stderr).toMatch(/Stopped after \d+ bytes in .*my file.csv.part. To continue from there, run the same command again:/)
      expect(stopped.stderr).toContain(`boardwalk export --url ${url} --device ${id}`)
      expect(stopped.stderr).toContain(`-o '${file}'`)
      expect(yield* Effect.promise(() => Bun.file(file).exists())).toBe(false)
      emulator.faults.clearFaults()
      expect((yield* run(...args)).exitCode).toBe(0)
      expect((yield* read("my file.csv")) === whole).toBe(true)
    })
  )

  live(`${signal} stops an import with exit code ${exitCode}, and says what to do`, () =>
    Effect.gen(function* () {
      const { emulator, id, path, run, url } = yield* setUp
      const file = join(path, "in.csv")
      yield* Effect.promise(() => Bun.write(file, "ts,key,value\n1700000000000,z,1\n"))
      emulator.faults.inject({ path: "*timeseries*", times: "always", latencyMillis: 60_000 })
      const program = yield* startProgram(["import", file, "--url", url, "--device", id], { BOARDWALK_KEY: canaries.apiKey })
      yield* program.waitForOutput(/"event":"progress"/)
      program.kill(signal)
      const { exitCode: code, stderr } = yield* program.exited
      expect(code).toBe(exitCode)
      expect(stderr).toContain(
        "Stopped after sending 2 rows, which may be stored. Nothing is stored twice by running the same command again:"
      )
      expect(stderr).toContain(`boardwalk import ${file} --url`)
      emulator.faults.clearFaults()
      expect((yield* run("import", file, "--url", url, "--device", id)).exitCode).toBe(0)
    })
  )
}

live("the name of the file selects the format, several devices go into one file, and - is standard output", () =>
  Effect.gen(function* () {
    const { emulator, id, path, read, run, tenant, url } = yield* setUp
    const other = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name: "Other", type: "meter", now: 2 })
    emulator.store.telemetry.loadBulk(other, "a", [{ ts: 1_700_000_000_000, value: 7.5 }])
    const range = ["--url", url, "--from", "2023-11-01", "--to", "2024-01-01", "--keys", "a"]
    const bytesOf = (file: string) => Effect.promise(() => Bun.file(join(path, file)).bytes())
    for (const [file, magic] of [
      ["a.parquet", "PAR1"],
      ["a.xlsx", "PK"],
      ["a.json", "{"],
      ["a.jsonl", '{"ts":']
    ] as const) {
      expect([file, (yield* run("export", ...range, "--device", id, "-o", join(path, file))).exitCode]).toEqual([file, 0])
      expect(Buffer.from(yield* bytesOf(file)).toString("latin1")).toStartWith(magic)
    }
    yield* run("export", ...range, "--device", id, "--device", other.id, "-o", join(path, "two.csv"))
    const rows = (yield* read("two.csv")).trimEnd().split("\n")
    expect([rows.length, rows[0]!.trim(), rows.at(-1)!.trim()]).toEqual([
      5002,
      "device_id,device_name,ts,key,value",
      `${other.id},Other,1700000000000,a,7.5`
    ])
    const meters = yield* run("export", ...range, "--type", "meter", "--format", "jsonl", "-o", "-")
    expect(JSON.parse(meters.stdout)).toMatchObject({ device_name: "Other", ts: 1_700_000_000_000, key: "a", value: 7.5 })
  })
)

live("a wrong command line is one sentence that says what to change", () =>
  Effect.gen(function* () {
    const { id, path, run, url } = yield* setUp
    const base = ["export", "--url", url, "--device", id]
    const range = ["--from", "2023-11-01", "--to", "2024-01-01"]
    const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, exitCode: number, message: string]> = [
      [[...base, "--from", "2024-01-01", "--to", "2023-01-01", "-o", "x.csv"], 2, "--from must be before --to."],
      [[...base, ...range, "--format", "csv", "-o", "x.xlsx"], 2, "--format csv does not fit the file name x.xlsx, which is xlsx."],
      [
        [...base, ...range, "--type", "meter", "-o", "x.csv"],
        2,
        "with --device, which can be repeated, or with --type, but not with both."
      ],
      [[...base, "--from", "1700000000", "--to", "2024-01-01", "-o", "x.csv"], 2, "Looks like seconds"],
      [[...base, ...range, "-o", join(path, "missing", "x.csv")], 1, "cannot be written: the folder does not exist."],
      [["import", join(path, "nothing.csv"), "--url", url], 1, `The file ${join(path, "nothing.csv")} does not exist.`],
      [["import", path, "--url", url, "--format", "csv"], 1, "is a folder."],
      [["import", "data.bin", "--url", url], 2, "Name the format of the file: --format csv or --format jsonl."]
    ]
    for (const [args, exitCode, message] of cases) {
      const { exitCode: code, stderr } = yield* run(...args)
      expect({ args, code, stderr }).toMatchObject({ args, code: exitCode, stderr: expect.stringContaining(message) })
      for (const internal of ["FileSystem", "    at ", "NotFound:"]) expect(stderr).not.toContain(internal)
    }
  })
)

live("an import with --queue ends when the file is on the gateway's disk, and says which batch it is", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const { call, emulator, tenant, url } = yield* gateway({ settings: { spoolDir: join(path, "spool") } })
    const device = emulator.store.directory.createDevice({ tenantId: tenant.tenantId, name: "Source", now: 1 })
    const file = join(path, "rows.csv")
    yield* Effect.promise(() => Bun.write(file, "ts,key,value\n1700000000000,a,1\nsoon,a,2\n"))
    const args = ["import", file, "--url", url, "--device", device.id, "--queue"]
    const { exitCode, stdout } = yield* Effect.flatMap(startProgram(args, { BOARDWALK_KEY: canaries.apiKey }), (program) => program.exited)
    const [, id] = /^Accepted 1 data point; .*\. The batch is ([\da-f-]{36})\.\n/.exec(stdout) ?? []
    // One row was rejected.
    expect([exitCode, id?.length]).toEqual([1, 36])
    let state: string
    do state = (yield* call(`/api/v1/tb/ingest/${id}`)).json.state
    while (state === "waiting")
    expect(state).toBe("stored")
  })
)
