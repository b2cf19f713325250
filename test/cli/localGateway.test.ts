/** Commands that call the gateway with the same configuration can connect whatever the configuration allows. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { join } from "node:path"
import { certificateAuthority } from "../support/certificates.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { runProgram } from "../support/program.ts"
import { startServe } from "../support/startServe.ts"

describe("with ALLOWED_HOSTS", () => {
  live(
    "ready, doctor, export and import send an allowed host name",
    () =>
      Effect.gen(function* () {
        const it = yield* gateway({ settings: { allowedHosts: ["*.example.org", "api.example.com"] } })
        const { directory, telemetry } = it.emulator.store
        const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Source", now: 1 })
        telemetry.save(device, [{ key: "t", ts: 1_700_000_000_000, value: 1n }])
        const path = yield* temporaryFolder("own")
        const environment = {
          TB_HOST: it.emulator.url,
          TB_USERNAME: canaries.username,
          TB_PASSWORD: canaries.password,
          API_KEY: canaries.apiKey,
          BOARDWALK_KEY: canaries.apiKey,
          HOST: "127.0.0.1",
          PORT: new URL(it.url).port
        }
        const file = join(path, "x.jsonl")
        const commands = [
          ["ready"],
          ["ready", "--live"],
          ["doctor"],
          ["export", "--device", device.id, "--from", "2023-11-01", "--to", "2024-01-01", "--format", "jsonl", "-o", file],
          ["import", file, "--device", device.id]
        ]
        for (const command of commands) {
          const { exitCode, stderr, stdout } = yield* runProgram(command, {
            ...environment,
            ALLOWED_HOSTS: "*.example.org,api.example.com"
          })
          expect([command[0], exitCode, exitCode === 0 ? "" : stdout + stderr]).toEqual([command[0], 0, ""])
        }
        // With only a wildcard, a name that matches it is used.
        expect((yield* runProgram(["doctor"], { ...environment, ALLOWED_HOSTS: "*.example.org" })).exitCode).toBe(0)
        expect(it.logs.filter((line) => line.includes("Security event"))).toEqual([])
        const elsewhere = yield* runProgram(["doctor"], { ...environment, ALLOWED_HOSTS: "other.example.com" })
        expect([elsewhere.exitCode, elsewhere.stdout.includes("/ready responds with 400")]).toEqual([1, true])
      }),
    120_000
  )

  live("the host name includes an allowed port, also over https", () =>
    Effect.gen(function* () {
      const { issue, path } = yield* certificateAuthority()
      yield* issue("one")
      const { environment, url } = yield* startServe(
        {},
        { TLS_CERT_FILE: path("one.pem"), TLS_KEY_FILE: path("one.key"), ALLOWED_HOSTS: "*.example.org:8443" }
      )
      const { exitCode, stdout } = yield* runProgram(["doctor"], { ...environment, PORT: new URL(url).port })
      expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`✔ own endpoints: ${url}`)])
    })
  )
})

describe("with required client certificates", () => {
  live(
    "commands report a failed TLS handshake if the gateway's own certificate does not allow clientAuth",
    () =>
      Effect.gen(function* () {
        const { issue, path } = yield* certificateAuthority()
        yield* issue("one", ["extendedKeyUsage=serverAuth"])
        const tls = { TLS_CERT_FILE: path("one.pem"), TLS_KEY_FILE: path("one.key"), TLS_CLIENT_CA_FILE: path("ca.pem") }
        const { environment, url } = yield* startServe({}, tls)
        const own = { ...environment, PORT: new URL(url).port, BOARDWALK_KEY: canaries.apiKey }
        const device = "784f394c-42b6-435a-983c-b7beff2784f9"
        for (const command of [
          ["ready"],
          ["ready", "--live"],
          ["doctor"],
          ["export", "--device", device, "--from", "2023-11-01", "--to", "2024-01-01", "-o", "x.csv"]
        ]) {
          const { exitCode, stderr, stdout } = yield* runProgram(command, own)
          expect([command[0], exitCode]).toEqual([command[0], 1])
          expect(stderr + stdout).toContain("The TLS handshake failed. If TLS_CLIENT_CA_FILE is set")
          expect((stderr + stdout).toLowerCase()).toContain(`no response from ${url}`)
        }
        const { stderr } = yield* runProgram(["ready", "--live", "--url", url], own)
        expect(stderr).toContain("Its certificate is not trusted. For a private authority, set NODE_EXTRA_CA_CERTS")
        // If nothing listens, TLS is not the cause.
        expect((yield* runProgram(["ready"], { ...own, PORT: "9" })).stderr).not.toContain("The TLS handshake failed")
      }),
    120_000
  )
})
