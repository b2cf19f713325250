/** Errors of programs that hold secrets themselves: the typed client, and commands with a password in a URL. */
import { expect, test } from "bun:test"
import { Cause, Effect, Exit } from "effect"
import { FetchHttpClient } from "effect/http"
import { make } from "../../src/client/BoardwalkClient.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { collectLeaks, checkForLeaks } from "../support/leaks/watch.ts"
import { live } from "../support/effectTest.ts"
import { runProgram } from "../support/program.ts"

const answers: Readonly<Record<string, () => Response>> = {
  "an undeclared status": () => new Response("teapot", { status: 418 }),
  "another content": () => Response.json({ status: "success", data: "none" }),
  "no JSON": () => new Response("{", { headers: { "content-type": "application/json" } }),
  "a refusal": () => Response.json({ error_code: "AUTHENTICATION_FAILED" }, { status: 401 })
}

live("an error of the typed client does not contain the key, however it is printed", () =>
  Effect.gen(function* () {
    const servers = Object.entries(answers).map(([name, fetch]) => ({ name, server: Bun.serve({ port: 0, hostname: "127.0.0.1", fetch }) }))
    const urls = [...servers.map(({ name, server }) => [name, server.url.href] as const), ["nobody there", "http://127.0.0.1:9"] as const]
    for (const [name, baseUrl] of urls) {
      const client = yield* make({ baseUrl, apiKey: canaries.apiKey }).pipe(Effect.provide(FetchHttpClient.layer))
      const exit = yield* Effect.exit(client.devices.list({ query: {} }))
      expect([name, Exit.isFailure(exit)]).toEqual([name, true])
      if (!Exit.isFailure(exit)) continue
      const error = Cause.squash(exit.cause)
      const texts = [String(error), Cause.pretty(exit.cause), JSON.stringify(error), Bun.inspect(error, { depth: 12 }), Bun.inspect(exit)]
      checkForLeaks(`error of the typed client for ${name}`, texts.join("\n"))
    }
    yield* Effect.promise(() => Promise.all(servers.map(({ server }) => server.stop(true))))
  })
)

test("commands do not print a password in a URL", async () => {
  const withPassword = `http://user:${canaries.urlPassword}@127.0.0.1:9`
  const range = ["--from", "2023-11-01", "--to", "2024-01-01"]
  const commands = [
    ["ready", "--url", withPassword],
    ["export", "--url", withPassword, "--device", "784f394c-42b6-435a-983c-b7beff2784f9", ...range, "--format", "csv", "-o", "x.csv"]
  ]
  for (const args of commands) {
    const leaks = await collectLeaks(async () => {
      const { stderr } = await Effect.runPromise(runProgram(args, { BOARDWALK_KEY: canaries.apiKey }))
      expect([args[0], /No response from http:\/\/\S+@127\.0\.0\.1:9/.test(stderr)]).toEqual([args[0], true])
    })
    // Its arguments were written by whoever started it.
    expect(leaks.filter(({ place }) => !place.startsWith("arguments of"))).toEqual([])
  }
})

test("a ThingsBoard URL with a password is rejected without being printed", async () => {
  const environment = {
    TB_HOST: `http://user:${canaries.urlPassword}@tb:8080`,
    TB_API_KEY: canaries.thingsBoardKey,
    API_KEY: canaries.apiKey
  }
  for (const args of [["serve"], ["doctor"], ["config", "show"]]) {
    const { exitCode, stderr, stdout } = await Effect.runPromise(runProgram(args, environment))
    expect([args[0], exitCode === 0 && args[0] !== "config"]).toEqual([args[0], false])
    expect([args[0], `${stdout}${stderr}`.includes("TB_HOST")]).toEqual([args[0], true])
  }
})
