import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HttpServerResponse } from "effect/http"
import { Api, basePath } from "../../api/Api.ts"
import { Settings } from "../../config/Settings.ts"
import { Readiness } from "../../services/Readiness.ts"

const documentationLinks = { docs: "/docs", redoc: "/redoc", reference: "/reference", openapi: "/openapi.json" }

const links = { health: "/health", ready: "/ready", api: basePath }

/** Probes call this often, so the response is one prepared string. */
const makeHealthResponse = ({ projectName, version }: { readonly projectName: string; readonly version: string }) => {
  const rest = `,"service":${JSON.stringify(projectName)},"version":${JSON.stringify(version)}}`
  const json = { contentType: "application/json" }
  return Effect.withFiber((fiber) =>
    Effect.succeed(
      HttpServerResponse.raw(`{"status":"success","timestamp":${fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()}${rest}`, json)
    )
  )
}

export const SystemLayer = HttpApiBuilder.group(
  Api,
  "system",
  Effect.fnUntraced(function* (handlers) {
    const settings = yield* Settings
    const readiness = yield* Readiness
    const health = makeHealthResponse(settings)
    return handlers
      .handle("index", () =>
        Effect.map(Clock.currentTimeMillis, (timestamp) => ({
          status: "success" as const,
          timestamp,
          name: settings.projectName,
          version: settings.version,
          links: settings.docsEnabled ? { ...documentationLinks, ...links } : links
        }))
      )
      .handle("health", () => health)
      .handle("healthV1", () => health)
      .handle("ready", () =>
        Effect.gen(function* () {
          const { dependencies, isReady: ready } = yield* readiness.check
          const { inFlight, isCircuitOpen, maxInFlight, maxWaiting, pausedUsers, waiting } = readiness.calls()
          const body = {
            status: ready ? "ready" : "not ready",
            timestamp: yield* Clock.currentTimeMillis,
            dependencies,
            thingsboard_calls: {
              in_flight: inFlight,
              max_in_flight: maxInFlight,
              waiting,
              max_waiting: maxWaiting,
              circuit_open: isCircuitOpen,
              paused_users: pausedUsers
            }
          }
          return HttpServerResponse.jsonUnsafe(body, { status: ready ? 200 : 503, ...(ready ? {} : { headers: { "retry-after": "5" } }) })
        })
      )
  })
)
