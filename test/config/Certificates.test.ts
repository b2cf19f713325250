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
    const files = { tlsCertFile: path("one.pem"), tlsKeyFile: path("one.key"), tlsClientCaFile: path("ca.pem"), tbCaFile: path("ca.pem") }
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
