import { expect } from "bun:test"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { checkCertificates } from "../../src/config/Certificates.ts"
import * as Runtime from "../../src/platform/Runtime.ts"
import { certificateAuthority } from "../support/certificates.ts"
import { effect } from "../support/effectTest.ts"

const day = 86_400_000

effect("a certificate causes a warning two weeks before it expires, and after it has expired", () =>
  Effect.gen(function* () {
    const { issue, path } = yield* certificateAuthority()
    yield* issue("one", [], "30")
    const issuedAt = Date.now()
    const files = {
      tlsCertFile: path("one.pem"),
      tlsKeyFile: path("one.key"),
      tlsClientCaFile: path("ca.pem"),
      tlsClientCrlFile: undefined,
      tbCaFile: path("ca.pem")
    }
    const issues = Effect.fnUntraced(function* (days: number) {
      yield* TestClock.setTime(issuedAt + days * day)
      const { errors, warnings } = yield* checkCertificates(files)
      expect(errors).toEqual([])
      return warnings.map(({ issue, variable }) => `${variable} ${issue}`)
    })
    expect(yield* issues(15)).toEqual([])
    expect(yield* issues(17)).toEqual([expect.stringMatching(/^TLS_CERT_FILE has a certificate that expires on [\d-]+: renew it$/)])
    expect(yield* issues(31)).toEqual([
      expect.stringMatching(/^TLS_CERT_FILE has a certificate that expired on [\d-]+: clients reject it$/)
    ])
  }).pipe(Effect.provide(Runtime.layer))
)

effect("an outdated revocation list causes a warning, and a damaged one an error", () =>
  Effect.gen(function* () {
    const { issue, path, revoke } = yield* certificateAuthority()
    yield* issue("one")
    const list = yield* revoke("list", ["one"])
    const now = Date.now()
    const check = Effect.fnUntraced(function* (text: string, days: number) {
      yield* TestClock.setTime(now + days * day)
      yield* Effect.promise(() => Bun.write(path("lists.pem"), text))
      const tlsClientCrlFile = path("lists.pem")
      const files = { tlsCertFile: path("one.pem"), tlsKeyFile: path("one.key"), tlsClientCaFile: path("ca.pem"), tbCaFile: undefined }
      const { errors, warnings } = yield* checkCertificates({ ...files, tlsClientCrlFile })
      const about = (issues: typeof errors) => issues.flatMap(({ issue, variable }) => (variable === "TLS_CLIENT_CRL_FILE" ? [issue] : []))
      return [about(errors), about(warnings)]
    })
    expect(yield* check(list, 1)).toEqual([[], []])
    expect(yield* check(list, 3)).toEqual([
      [],
      [expect.stringMatching(/^has a revocation list that was due for renewal on 20\d\d-\d\d-\d\d:/)]
    ])
    // Of several lists, the first that is outdated counts.
    expect((yield* check(`${yield* revoke("later", [], ["-crldays", "9"])}${list}`, 3))[1]).toHaveLength(1)
    for (const damaged of [
      list.replace(/\n.{20}/, "\n"),
      list.replaceAll("X509 CRL", "CERTIFICATE"),
      "",
      "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----"
    ])
      expect([damaged, yield* check(damaged, 1)]).toEqual([damaged, [[expect.stringMatching(/^contains (no|a) revocation list/)], []]])
  }).pipe(Effect.provide(Runtime.layer))
)
