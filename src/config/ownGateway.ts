import { Effect } from "effect"
import { toOneself } from "../platform/Tls.ts"
import { readServerTls } from "./Certificates.ts"
import { read } from "./Settings.ts"

const wildcards = new Set(["0.0.0.0", "::", "[::]"])

/** Where a gateway with this configuration is reached from this machine, and how; works with an otherwise faulty configuration too. */
export const ownGateway = Effect.gen(function* () {
  const readings = yield* read()
  const valueOf = (variable: string) => readings.find((reading) => reading.variable === variable)?.value
  const pathOf = (variable: string) => valueOf(variable) as string | undefined
  const host = String(valueOf("HOST") ?? "0.0.0.0")
  const reachable = wildcards.has(host) ? "127.0.0.1" : host
  const [tlsCertFile, tlsKeyFile] = [pathOf("TLS_CERT_FILE"), pathOf("TLS_KEY_FILE")]
  const secure = tlsCertFile !== undefined && tlsKeyFile !== undefined
  const tls = yield* Effect.orElseSucceed(
    readServerTls({ tlsCertFile, tlsKeyFile, tlsClientCaFile: undefined, tbCaFile: undefined }),
    () => undefined
  )
  const address = reachable.includes(":") && !reachable.startsWith("[") ? `[${reachable}]` : reachable
  return {
    url: `${secure ? "https" : "http"}://${address}:${String(valueOf("PORT") ?? 8000)}`,
    /** For `fetch`. */
    requestInit: tls === undefined ? {} : toOneself(tls)
  }
})
