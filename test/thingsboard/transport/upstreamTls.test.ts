/** Which certificates the gateway trusts when it calls ThingsBoard, and where its token is never sent. */
import { describe, expect } from "bun:test"
import { Duration, Effect } from "effect"
import { make } from "../../../src/thingsboard/transport/Transport.ts"
import { certificateAuthority, type Certificate } from "../../support/certificates.ts"
import { live } from "../../support/effectTest.ts"
import { gateway } from "../../support/gateway.ts"
import { runProgram } from "../../support/program.ts"
import { apiKey } from "../../support/startServe.ts"
import { scriptedUpstream, tokens, user } from "../../support/scriptedUpstream.ts"

const get = { method: "GET", path: "/api/thing", headers: { "x-authorization": "Bearer a-secret-token" }, repeatable: false } as const

const secure = ({ cert, key }: Certificate) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const asked: Array<string> = []
        const server = Bun.serve({
          port: 0,
          hostname: "127.0.0.1",
          tls: { cert, key },
          fetch: (request) => {
            asked.push(new URL(request.url).pathname)
            return Response.json([])
          }
        })
        return { asked, server }
      }),
      ({ server }) => Effect.promise(() => server.stop(true))
    ),
    ({ asked, server }) => ({ asked, url: `https://localhost:${server.port}` })
  )

const outcome = (url: string, authorities?: string) =>
  Effect.match(make({ host: url, timeout: Duration.seconds(5), authorities }).send(get), {
    onSuccess: () => "answered",
    onFailure: ({ message }) => message
  })

describe("ThingsBoard's certificate", () => {
  live("is trusted if it comes from the given authority; otherwise nothing is sent", () =>
    Effect.gen(function* () {
      const ours = yield* certificateAuthority()
      const other = yield* certificateAuthority()
      const { asked, url } = yield* secure(yield* ours.issue("thingsboard"))
      expect(yield* outcome(url)).toBe("Unavailable, certificate")
      expect(yield* outcome(url, other.certificate)).toBe("Unavailable, certificate")
      expect(asked).toEqual([])
      expect(yield* outcome(url, ours.certificate)).toBe("answered")
      expect(yield* outcome(url, `${other.certificate}\n${ours.certificate}`)).toBe("answered")
      expect(yield* outcome(url)).toBe("Unavailable, certificate")
      expect(asked).toHaveLength(2)
    })
  )

  live("must name the host", () =>
    Effect.gen(function* () {
      const ours = yield* certificateAuthority()
      const { asked, url } = yield* secure(yield* ours.issue("thingsboard"))
      expect(yield* outcome(url.replace("localhost", "127.0.0.2"), ours.certificate)).not.toBe("answered")
      expect(asked).toEqual([])
    })
  )

  live("is verified by every command, whatever NODE_TLS_REJECT_UNAUTHORIZED says", () =>
    Effect.gen(function* () {
      const ours = yield* certificateAuthority()
      const { asked, url } = yield* secure(yield* ours.issue("thingsboard"))
      const environment = { TB_HOST: url, TB_USERNAME: "u", TB_PASSWORD: "p", API_KEY: apiKey, PORT: "9" }
      const careless = yield* runProgram(["doctor"], { ...environment, NODE_TLS_REJECT_UNAUTHORIZED: "0" })
      expect(careless.exitCode).toBe(1)
      expect(careless.stdout).toContain("✘ ThingsBoard reachable")
      expect(asked).toEqual([])
      const careful = yield* runProgram(["doctor"], { ...environment, TB_CA_FILE: ours.path("ca.pem") })
      expect(careful.stdout).toContain("✔ ThingsBoard reachable")
      expect(asked).not.toEqual([])
    })
  )
})

live("a redirect to another host is an upstream error, and the token is not sent there", () =>
  Effect.gen(function* () {
    const elsewhere = yield* scriptedUpstream({})
    const upstream = yield* scriptedUpstream({
      "POST /api/auth/login": tokens("tenant"),
      "GET /api/auth/user": user(),
      "GET /api/tenant/devices": () => new Response(null, { status: 302, headers: { location: `${elsewhere.url}/stolen` } })
    })
    const { call } = yield* gateway({ settings: { tbHost: upstream.url } })
    const answer = yield* call("/api/v1/tb/devices")
    expect([answer.status, answer.json.error_code]).toEqual([502, "UPSTREAM_ERROR"])
    expect(answer.json.detail).toContain("TB_HOST")
    expect(elsewhere.requests).toEqual([])
  })
)
