import { Effect, Layer, type Types } from "effect"
import { HttpRouter, HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { failWithProblem } from "../response/problem.ts"
import { logHostNotServed } from "../logging/securityLog.ts"
import { pathOf } from "../logging/redactedPath.ts"

/** A name or an address, and a port. Two `Host` headers come joined by a comma, and a name could hold a user before it: neither is a host. */
const host = /^([\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?$/

interface Named {
  readonly name: string
  readonly port: string | undefined
}

/** A name may end in a dot, which says that it is complete. */
const named = (text: string): Named | undefined => {
  const found = host.exec(text.toLowerCase())
  return found === null ? undefined : { name: found[1]!.replace(/\.$/, ""), port: found[2] }
}

/** A pattern without a port is good for all. */
const matcher = (pattern: string): ((asked: Named) => boolean) => {
  if (pattern === "*") return () => true
  const port = /:(\d+)$/.exec(pattern)?.[1]
  const name = port === undefined ? pattern : pattern.slice(0, -port.length - 1)
  const fits = name.startsWith("*.") ? (asked: string) => asked.endsWith(name.slice(1)) : (asked: string) => asked === name
  return (asked) => fits(asked.name) && (port === undefined || port === asked.port)
}

const refused = (reason: Parameters<typeof logHostNotServed>[0], detail: string, issue: string) =>
  Effect.andThen(
    logHostNotServed(reason),
    Effect.flatMap(
      Effect.flip(
        failWithProblem(detail, (common) => new InvalidRequest({ ...common, details: { errors: [{ field: "headers.host", issue }] } }))
      ),
      HttpServerRespondable.toResponse
    )
  )

const noHost = refused("malformed_host", "The Host header of the request is no host.", "Expected one host, with a port or without")
const foreign = refused(
  "unknown_host",
  "This gateway does not serve the host of the request (ALLOWED_HOSTS).",
  "Expected one of the allowed hosts"
)

const probes = new Set(["/health", "/api/v1/health", "/ready"])

const address = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+\])$/

/** Kubelets and load balancers ask for the health of an address, or say nothing of a host; no page of a browser can be made to. */
const isProbe = (request: Request | undefined, header: string, asked: Named | undefined) =>
  request !== undefined && probes.has(pathOf(request.url)) && (header === "" || (asked !== undefined && address.test(asked.name)))

/**
 * Refuses requests that name another host than ALLOWED_HOSTS has, so that no forged `Host` header gets anywhere; `X-Forwarded-Host` is
 * never looked at. Without that setting every host will do that is one, and for health checks every address.
 */
export const AllowedHostsLayer = Layer.unwrap(
  Effect.map(Settings, ({ allowedHosts }) => {
    const matchers = allowedHosts.map(matcher)
    return HttpRouter.middleware(
      (handled) =>
        Effect.withFiber((fiber): Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled> => {
          const request = fiber.getRef(CurrentExchange)?.request
          const header = request?.headers.get("host") ?? ""
          const asked = named(header)
          if (asked !== undefined && matchers.some((matches) => matches(asked))) return handled
          if (matchers.length > 0 && !isProbe(request, header, asked)) return asked === undefined ? noHost : foreign
          // HTTP/1.0 may leave it out.
          return asked === undefined && header !== "" ? noHost : handled
        }),
      { global: true }
    )
  })
)
