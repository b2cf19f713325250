import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { InvalidRequest } from "../../api/Problems.ts"
import { Settings, type SettingsShape } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { failWithProblem } from "../response/problem.ts"
import { logHostNotServed } from "../logging/securityLog.ts"
import { isHealthCheck as isHealthPath } from "../request/healthChecks.ts"

/**
 * A name or an address, optionally with a port. Two `Host` headers arrive joined by a comma, and a URL could have a user before the name:
 * neither is a host.
 */
const hostPattern = /^([\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?$/

interface Host {
  readonly name: string
  readonly port: string | undefined
}

/** A trailing dot marks a name as fully qualified; it is dropped. */
const parseHost = (header: string): Host | undefined => {
  const match = hostPattern.exec(header.toLowerCase())
  return match === null ? undefined : { name: match[1]!.replace(/\.$/, ""), port: match[2] }
}

/** Matches an entry of ALLOWED_HOSTS: `*`, a name, or `*.` and a domain. An entry without a port matches every port. */
const makeMatcher = (entry: string): ((host: Host) => boolean) => {
  if (entry === "*") return () => true
  const port = /:(\d+)$/.exec(entry)?.[1]
  const name = port === undefined ? entry : entry.slice(0, -port.length - 1)
  const matchesName = name.startsWith("*.") ? (other: string) => other.endsWith(name.slice(1)) : (other: string) => other === name
  return (host) => matchesName(host.name) && (port === undefined || port === host.port)
}

const reject = (reason: Parameters<typeof logHostNotServed>[0], detail: string, issue: string) =>
  Effect.andThen(
    logHostNotServed(reason),
    Effect.flatMap(
      Effect.flip(
        failWithProblem(detail, (common) => new InvalidRequest({ ...common, details: { errors: [{ field: "header.host", issue }] } }))
      ),
      HttpServerRespondable.toResponse
    )
  )

const rejectMalformed = reject("malformed_host", "The Host header is not a valid host.", "Expected one host, optionally with a port")
const rejectUnknown = reject(
  "unknown_host",
  "This gateway does not serve the host in the Host header (ALLOWED_HOSTS).",
  "Expected one of the allowed hosts"
)

const addressPattern = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+\])$/

/** Kubelets and load balancers check the health of an IP address, or send no host. A browser cannot be made to do either for a page. */
const isHealthCheck = (request: Request | undefined, header: string, host: Host | undefined) =>
  request !== undefined && isHealthPath(request.url) && (header === "" || (host !== undefined && addressPattern.test(host.name)))

const maxRemembered = 64

/** Whether a request names a host that is served. The last hosts are remembered: most clients use the same one. */
export const makeHostCheck = ({ allowedHosts }: Pick<SettingsShape, "allowedHosts">) => {
  const matchers = allowedHosts.map(makeMatcher)
  const check = (request: Request | undefined, header: string): "served" | "malformed" | "unknown" => {
    const host = parseHost(header)
    if (host !== undefined && matchers.some((matches) => matches(host))) return "served"
    if (matchers.length > 0 && !isHealthCheck(request, header, host)) return host === undefined ? "malformed" : "unknown"
    // HTTP/1.0 allows a request without a Host header.
    return host === undefined && header !== "" ? "malformed" : "served"
  }
  const served = new Set<string>()
  return (request: Request | undefined) => {
    const header = request?.headers.get("host") ?? ""
    if (served.has(header)) return "served"
    const result = check(request, header)
    // Health checks may name other hosts than the rest of the API.
    if (result === "served" && request !== undefined && !isHealthPath(request.url)) {
      if (served.size >= maxRemembered) served.clear()
      served.add(header)
    }
    return result
  }
}

/**
 * Rejects requests whose `Host` header is not in ALLOWED_HOSTS, so that a forged one has no effect; `X-Forwarded-Host` is never read.
 * Without that setting every valid host is served. Health checks may name any IP address.
 */
export const AllowedHostsLayer = Layer.unwrap(
  Effect.map(Settings, (settings) => {
    const check = makeHostCheck(settings)
    return HttpRouter.middleware(
      (handled) =>
        Effect.withFiber((fiber): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled> => {
          const found = check(fiber.getRef(CurrentExchange)?.request)
          return found === "served" ? handled : found === "malformed" ? rejectMalformed : rejectUnknown
        }),
      { global: true }
    )
  })
)
