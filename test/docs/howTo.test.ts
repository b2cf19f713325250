/** The programs and requests in docs/how-to work as they are written. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { join } from "node:path"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { pythonEnvironment } from "../support/python.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

const folder = join(import.meta.dir, "..", "..", "docs", "how-to")
const blocksOf = async (page: string, language: string) =>
  [...(await Bun.file(join(folder, page)).text()).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, code]) => code!
  )

// The same packages as in python.test.ts, so that both use one environment.
const programs = await pythonEnvironment("pyarrow==21.0.0", "pandas==2.3.3", "polars==1.35.2", "duckdb==1.4.2")

const documentedUrl = "http://127.0.0.1:8000"
const documentedDevice = "784f394c-42b6-435a-983c-b7beff2784f9"

/** An hour of two keys, one point per minute. */
const site = Effect.gen(function* () {
  const it = yield* gateway()
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", now: 1 })
  for (const [key, base] of [
    ["temperature", 21],
    ["humidity", 40]
  ] as const)
    telemetry.loadBulk(
      device,
      key,
      Array.from({ length: 60 }, (_, i) => ({ ts: 1_700_000_000_000 + i * 60_000, value: base + i / 8 }))
    )
  const environment = { BOARDWALK_URL: it.url, BOARDWALK_KEY: canaries.apiKey, DEVICE: device.id }
  const send = (url: string, init: RequestInit = {}) =>
    Effect.promise(async () => {
      const response = await fetch(url.replace(documentedUrl, it.url).replace(documentedDevice, device.id), {
        ...init,
        headers: init.headers ?? { "x-api-key": canaries.apiKey }
      })
      return { status: response.status, text: await response.text() }
    })
  return { ...it, device, environment, send }
})

const run = (command: ReadonlyArray<string>, cwd: string, environment: Record<string, string>) =>
  Effect.promise(async () => {
    const child = Bun.spawn([...command], { cwd, env: { PATH: process.env.PATH, ...environment }, stdout: "pipe", stderr: "pipe" })
    const [out, errors, exitCode] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
    expect([exitCode, exitCode === 0 ? "" : errors]).toEqual([0, ""])
    return out
  })

const runPython = programs === undefined ? test.skip : live

runPython(
  "the Python programs",
  () =>
    Effect.gen(function* () {
      const { call, device, environment } = yield* site
      const cwd = yield* temporaryFolder("how-to")
      const blocks = yield* Effect.promise(() => blocksOf("python.md", "python"))
      const outputs = yield* Effect.forEach(blocks, (block) => run([join(programs!, "python"), "-c", block], cwd, environment))
      expect(outputs.length).toBe(3)
      expect(outputs[0]).toMatch(/2023-11-14 22:00:00\+00:00 +21\.0625 +40\.0625/)
      expect(outputs[1]).toMatch(/"temperature" +┆ 60 +┆ 24\.6875|temperature +┆ 60 +┆ 24\.6875/)
      expect(outputs[2]!.trim()).toBe("success 2 []")
      const { json } = yield* call(`/api/v1/tb/devices/${device.id}/telemetry?keys=setpoint,mode&start_ts=0&end_ts=1800000000000`)
      expect(json).toEqual({
        setpoint: [{ ts: 1_700_000_000_000, value: 21.5 }],
        mode: [
          { ts: 1_700_000_000_000, value: "auto" },
          { ts: 1_700_000_060_000, value: "manual" }
        ]
      })
    }),
  120_000
)

runPython(
  "the download and the query for DuckDB",
  () =>
    Effect.gen(function* () {
      const { environment } = yield* site
      const cwd = yield* temporaryFolder("how-to")
      const [download] = yield* Effect.promise(() => blocksOf("duckdb.md", "sh"))
      const [query] = yield* Effect.promise(() => blocksOf("duckdb.md", "sql"))
      yield* run(["sh", "-c", download!], cwd, environment)
      const program = `import duckdb, json; print(json.dumps([[r[0], r[3]] for r in duckdb.sql(${JSON.stringify(query)}).fetchall()]))`
      const rows = JSON.parse(yield* run([join(programs!, "python"), "-c", program], cwd, environment)) as ReadonlyArray<[string, number]>
      for (const key of ["temperature", "humidity"])
        expect(rows.filter(([name]) => name === key).reduce((sum, [, points]) => sum + points, 0)).toBe(60)
    }),
  120_000
)

live("the request of the Power Query", () =>
  Effect.gen(function* () {
    const { send } = yield* site
    const [query] = yield* Effect.promise(() => blocksOf("power-query.md", "powerquery"))
    const path = /RelativePath = "([^"]+)" & Device & "([^"]+)"/.exec(query!)!
    const parameters = [.../Query = \[([^\]]+)\]/.exec(query!)![1]!.matchAll(/(\w+) = "([^"]*)"/g)].map(([, name, value]) => [
      name!,
      value!
    ])
    const { status, text } = yield* send(
      `${documentedUrl}/${path[1]}${documentedDevice}${path[2]}?${new URLSearchParams(parameters).toString()}`
    )
    expect([status, text.split("\r\n").slice(0, 2)]).toEqual([
      200,
      ["ts,local_time,temperature,humidity", "1700000000000,2023-11-14T22:13:20.000+00:00,21.0,40.0"]
    ])
    expect(query).toContain('#"X-API-Key" = Key')
    for (const column of text.split("\r\n")[0]!.split(",").slice(1)) expect(query).toContain(`{"${column}", type `)
  })
)

live("the request of the Grafana panel", () =>
  Effect.gen(function* () {
    const { send } = yield* site
    const [template] = yield* Effect.promise(() => blocksOf("grafana.md", "text"))
    const variables: Record<string, string> = { __from: "1700000000000", __to: "1700003600000", __interval_ms: "60000" }
    const url = template!.trim().replaceAll(/\$\{(\w+)\}/g, (_, name: string) => variables[name]!)
    const { status, text } = yield* send(documentedUrl + url)
    expect([status, text.split("\r\n")[0]]).toEqual([200, "ts,temperature,humidity"])
    const [source] = yield* Effect.promise(() => blocksOf("grafana.md", "yaml"))
    const { datasources } = Bun.YAML.parse(source!) as { readonly datasources: ReadonlyArray<{ readonly jsonData: object }> }
    expect(datasources[0]!.jsonData).toMatchObject({ httpHeaderName1: "X-API-Key", allowedHosts: [documentedUrl] })
  })
)

live("the function nodes of Node-RED", () =>
  Effect.gen(function* () {
    const { environment, send } = yield* site
    const [read, store] = yield* Effect.promise(() => blocksOf("node-red.md", "javascript"))
    const env = { get: (name: string) => environment[name as keyof typeof environment] }
    // A function node is the body of a function of `msg` and `env`.
    // oxlint-disable-next-line typescript/no-implied-eval -- it runs the documented code
    const evaluate = (code: string, payload: unknown) => new Function("msg", "env", code)({ payload }, env)
    const one = evaluate(read!, undefined)
    const latest = yield* send(one.url, { method: one.method, headers: one.headers })
    expect([latest.status, Object.keys(JSON.parse(latest.text).data)]).toEqual([200, ["temperature", "humidity"]])
    const two = evaluate(store!, { setpoint: 19 })
    expect((yield* send(two.url, { method: two.method, headers: two.headers, body: JSON.stringify(two.payload) })).status).toBe(201)
    const after = yield* send(one.url.replace("keys=temperature,humidity", "keys=setpoint"), { headers: one.headers })
    expect(JSON.parse(after.text).data.setpoint.value).toBe(19)
  })
)
