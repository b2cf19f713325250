/** TLS of the gateway itself: protocols, client certificates and the renewal of the certificate. */
import { describe, expect } from "bun:test"
import { Effect, Schedule } from "effect"
import { connect, type ConnectionOptions } from "node:tls"
import { gateway } from "../support/gateway.ts"
import { certificateAuthority, type Certificate } from "../support/certificates.ts"
import { live } from "../support/effectTest.ts"
import { runProgram, startProgram } from "../support/program.ts"
import { startServe } from "../support/startServe.ts"

/** The name in the certificate of a new connection and its protocol, or the reason why it fails. */
const shown = (url: string, options: ConnectionOptions) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        const { hostname, port } = new URL(url)
        const socket = connect({ port: Number(port), host: hostname, servername: "localhost", ...options }, () => {
          resolve(`${String(socket.getPeerCertificate().subject.CN)} ${String(socket.getProtocol())}`)
          socket.destroy()
        })
        socket.on("error", () => resolve("refused"))
      })
  )

const ask = (url: string, tls: Bun.TLSOptions) =>
  Effect.promise(() =>
    fetch(`${url.replace("127.0.0.1", "localhost")}/health`, { tls, keepalive: false }).then(
      (response) => ({ status: response.status, headers: response.headers }),
      () => ({ status: 0, headers: new Headers() })
    )
  )

const filesOf = (path: (name: string) => string, name: string) => ({
  tlsCertFile: path(`${name}.pem`),
  tlsKeyFile: path(`${name}.key`)
})

describe("https", () => {
  live("needs TLS 1.2 or later, and browsers are told to use only https", () =>
    Effect.gen(function* () {
      const { certificate: ca, issue, path } = yield* certificateAuthority()
      yield* issue("one")
      const { url } = yield* gateway({ settings: filesOf(path, "one") })
      expect(url).toStartWith("https://")
      const { headers, status } = yield* ask(url, { ca })
      expect([status, headers.get("strict-transport-security")]).toEqual([200, "max-age=31536000"])
      const protocols = ["TLSv1.1", "TLSv1.2", "TLSv1.3"] as const
      expect(yield* Effect.forEach(protocols, (protocol) => shown(url, { ca, minVersion: protocol, maxVersion: protocol }))).toEqual([
        "refused",
        "one TLSv1.2",
        "one TLSv1.3"
      ])
    })
  )

  live("encrypts with AEAD and forward secrecy only, whatever else the client offers", () =>
    Effect.gen(function* () {
      const { path } = yield* certificateAuthority()
      const { url } = yield* gateway({ settings: { tlsCertFile: path("ca.pem"), tlsKeyFile: path("ca.key") } })
      const rsa = yield* certificateAuthority({ newKey: "rsa:2048" })
      const withRsa = yield* gateway({ settings: { tlsCertFile: rsa.path("ca.pem"), tlsKeyFile: rsa.path("ca.key") } })
      /** The suite that `openssl s_client` gets when it offers only these. */
      const agreed = (address: string, ...offer: ReadonlyArray<string>) =>
        Effect.promise(async () => {
          const client = Bun.spawn(["openssl", "s_client", "-connect", new URL(address).host, ...offer], {
            stdin: "ignore",
            stdout: "pipe",
            stderr: "ignore"
          })
          return /Cipher is (\S+)/.exec(await new Response(client.stdout).text())?.[1]
        })
      const offered = (address: string, ciphers: string) => agreed(address, "-tls1_2", "-cipher", `${ciphers}:@SECLEVEL=0`)
      for (const [address, kind] of [
        [url, "ECDSA"],
        [withRsa.url, "RSA"]
      ] as const) {
        for (const cipher of ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"])
          expect(yield* offered(address, `ECDHE-${kind}-${cipher}`)).toBe(`ECDHE-${kind}-${cipher}`)
        for (const cbc of [`ECDHE-${kind}-AES128-SHA`, `ECDHE-${kind}-AES256-SHA`, `ECDHE-${kind}-AES128-SHA256`])
          expect([cbc, yield* offered(address, cbc)]).toEqual([cbc, "(NONE)"])
        // Everything that this OpenSSL has, except for the six suites above.
        expect(yield* offered(address, "ALL:!ECDHE+AESGCM:!ECDHE+CHACHA20")).toBe("(NONE)")
        expect(yield* agreed(address, "-tls1_3")).toStartWith("TLS_")
      }
      for (const keyExchange of ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA"])
        expect([keyExchange, yield* offered(withRsa.url, keyExchange)]).toEqual([keyExchange, "(NONE)"])
    })
  )

  live(
    "rejects revoked client certificates of every authority, also after the list changes",
    () =>
      Effect.gen(function* () {
        const [own, other] = [yield* certificateAuthority(), yield* certificateAuthority({ name: "Other authority" })]
        const { certificate: ca, issue, path, revoke } = own
        yield* issue("one")
        const [client, revoked] = [yield* issue("client"), yield* issue("revoked")]
        const [stranger, revokedStranger] = [yield* other.issue("client"), yield* other.issue("revoked")]
        const second = yield* other.revoke("list", ["revoked"])
        const write = (name: string, text: string) => Effect.promise(() => Bun.write(path(name), text))
        yield* write("authorities.pem", `${ca}${other.certificate}`)
        yield* write("lists.pem", `${yield* revoke("list", ["revoked"])}${second}`)
        const { logs, url } = yield* gateway({
          settings: { ...filesOf(path, "one"), tlsClientCaFile: path("authorities.pem"), tlsClientCrlFile: path("lists.pem") }
        })
        const asked = (certificate: Certificate) => Effect.map(ask(url, { ca, ...certificate }), ({ status }) => status)
        const all = [client, revoked, stranger, revokedStranger]
        expect(yield* Effect.forEach(all, asked)).toEqual([200, 0, 200, 0])

        yield* write("lists.pem", `${yield* revoke("list", ["client", "revoked"])}${second}`)
        yield* Effect.retry(
          Effect.filterOrFail(
            Effect.sync(() => logs.some((line) => line.includes("revocation lists are in use"))),
            Boolean
          ),
          {
            schedule: Schedule.spaced("100 millis"),
            times: 100
          }
        )
        expect(yield* Effect.forEach(all, asked)).toEqual([0, 0, 200, 0])
      }),
    120_000
  )

  live("requires a client certificate of the configured authority", () =>
    Effect.gen(function* () {
      const { certificate: ca, issue, path } = yield* certificateAuthority()
      const stranger = yield* certificateAuthority()
      yield* issue("one")
      const client = yield* issue("client")
      const other = yield* stranger.issue("client")
      const { url } = yield* gateway({ settings: { ...filesOf(path, "one"), tlsClientCaFile: path("ca.pem") } })
      const asked = (certificate?: Certificate) => Effect.map(ask(url, { ca, ...certificate }), ({ status }) => status)
      expect([yield* asked(client), yield* asked(), yield* asked(other)]).toEqual([200, 0, 0])
    })
  )

  live(
    "uses a renewed certificate without a restart, and keeps the previous one while the files do not match",
    () =>
      Effect.gen(function* () {
        const { certificate: ca, issue, path } = yield* certificateAuthority()
        const one = yield* issue("used")
        const { logs, url } = yield* gateway({ settings: filesOf(path, "used") })
        expect(yield* shown(url, { ca })).toStartWith("used")
        const two = yield* issue("renewed")
        const write = (name: string, text: string) => Effect.promise(() => Bun.write(path(name), text))
        const until = (found: Effect.Effect<boolean>) =>
          Effect.retry(Effect.filterOrFail(found, Boolean), { schedule: Schedule.spaced("100 millis"), times: 100 })

        yield* write("used.pem", two.cert)
        yield* until(Effect.sync(() => logs.some((line) => line.includes("cannot be used"))))
        expect(yield* shown(url, { ca })).toStartWith("used")
        expect(logs.join("\n")).not.toContain("PRIVATE")

        yield* write("used.key", two.key)
        yield* until(Effect.map(shown(url, { ca }), (name) => name.startsWith("renewed")))
        expect((yield* ask(url, { ca })).status).toBe(200)
        expect(logs.filter((line) => line.includes("renewed certificate is in use"))).toHaveLength(1)
        expect(logs.filter((line) => line.includes("cannot be used"))).toHaveLength(1)
        expect(one.cert).not.toBe(two.cert)
      }),
    120_000
  )
})

describe("boardwalk serve with TLS", () => {
  const enough = { TB_HOST: "http://127.0.0.1:9", TB_USERNAME: "u", TB_PASSWORD: "p", API_KEY: "0123456789abcdef0123" }

  live("does not start if a file is missing, unreadable or does not match the certificate, and names it", () =>
    Effect.gen(function* () {
      const { issue, path } = yield* certificateAuthority()
      yield* issue("one")
      yield* issue("two")
      const refused = (environment: Record<string, string>) =>
        Effect.map(runProgram(["serve", "--port", "0"], { ...enough, ...environment }), ({ exitCode, stderr }) => {
          expect(exitCode).toBe(2)
          return stderr
        })
      const all = yield* refused({
        TLS_CERT_FILE: path("none.pem"),
        TLS_KEY_FILE: path("one.key"),
        TLS_CLIENT_CA_FILE: path("one.key"),
        TB_CA_FILE: path("none.pem")
      })
      expect(all).toContain("TLS_CERT_FILE names a file that cannot be read")
      expect(all).toContain("TLS_CLIENT_CA_FILE contains no certificate in PEM format")
      expect(all).toContain("TB_CA_FILE names a file that cannot be read")
      expect(yield* refused({ TLS_CERT_FILE: path("one.pem"), TLS_KEY_FILE: path("two.key") })).toContain(
        "TLS_KEY_FILE is not the key of the certificate"
      )
      expect(yield* refused({ TLS_CERT_FILE: path("one.pem"), TLS_KEY_FILE: path("one.pem") })).toContain(
        "TLS_KEY_FILE contains no private key"
      )
      expect(yield* refused({ TLS_CERT_FILE: path("one.pem") })).toContain("TLS_KEY_FILE is required")
      expect(yield* refused({ TLS_CLIENT_CA_FILE: path("ca.pem") })).toContain("TLS_CERT_FILE is required")
      const withLists = { TLS_CERT_FILE: path("one.pem"), TLS_KEY_FILE: path("one.key"), TLS_CLIENT_CRL_FILE: path("ca.pem") }
      expect(yield* refused(withLists)).toContain("TLS_CLIENT_CA_FILE is required when TLS_CLIENT_CRL_FILE is set")
      const lists = yield* refused({ ...withLists, TLS_CLIENT_CA_FILE: path("ca.pem") })
      expect(lists).toContain("TLS_CLIENT_CRL_FILE contains no revocation list in PEM format")
    })
  )

  live("prints its https address, which `boardwalk ready` checks, even if client certificates are required", () =>
    Effect.gen(function* () {
      const { issue, path } = yield* certificateAuthority()
      yield* issue("one")
      const tls = { TLS_CERT_FILE: path("one.pem"), TLS_KEY_FILE: path("one.key"), TLS_CLIENT_CA_FILE: path("ca.pem") }
      const { environment, url } = yield* startServe({}, tls)
      expect(url).toStartWith("https://")
      const { port } = new URL(url)
      expect(yield* runProgram(["ready"], { ...environment, PORT: port })).toMatchObject({ exitCode: 0, stdout: "ready\n" })
      const { stdout } = yield* runProgram(["doctor"], { ...environment, PORT: port })
      expect(stdout).toContain(`own endpoints: ${url}`)
      const again = yield* runProgram(["serve", "--port", port], environment)
      expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("Cannot listen on 127.0.0.1:")])
    })
  )

  live("warns once about plain http to ThingsBoard", () =>
    Effect.gen(function* () {
      const program = yield* startProgram(["serve", "--port", "0"], { ...enough, TB_HOST: "http://10.1.2.3:8080", HOST: "127.0.0.1" })
      yield* program.waitForOutput(/listens on/)
      expect(program.output().match(/TB_HOST is plain http/g)).toHaveLength(1)
    })
  )
})
