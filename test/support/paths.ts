/** The paths of the gateway's endpoints, and the ThingsBoard paths that it may call. */
import { HttpApi } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"

interface Endpoint {
  readonly method: string
  readonly path: string
}

/** Every endpoint of the API. */
export const endpoints = (() => {
  const all: Array<Endpoint> = []
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => void all.push({ method: endpoint.method, path: endpoint.path })
  })
  return all
})()

/** Every ThingsBoard path that the gateway may call; ids are UUIDs. */
const id = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
const expectedPath = new RegExp(
  `^/api/(?:${[
    "auth/(?:login|token|user)",
    "system/info",
    "tenant/(?:devices|deviceInfos|assets)",
    `customer/${id}/(?:devices|deviceInfos|assets)`,
    `(?:device|asset|device/info)/${id}`,
    "(?:devices|assets|relations|deviceProfileInfos|assetProfileInfos)",
    "(?:entitiesQuery/(?:find|count)|entities/info|relations/info)",
    `plugins/telemetry/(?:DEVICE|ASSET)/${id}/(?:keys/timeseries|values/timeseries(?:/history)?|timeseries(?:/history)?|timeseries/ANY)`,
    `plugins/telemetry/DEVICE/${id}/(?:values/attributes|attributes)/(?:SERVER|SHARED|CLIENT)_SCOPE`
  ].join("|")})$`,
  "i"
)

/** The paths that no endpoint has a reason to call. */
export const findUnexpectedPaths = (paths: ReadonlyArray<string>) => [...new Set(paths)].filter((path) => !expectedPath.test(path))
