import { HttpApi } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { isUuid } from "../../domain/Ids.ts"

/** The index at which the path starts in a URL; Bun passes absolute URLs. -1 when there is no path. */
export const pathStart = (url: string): number => (url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3))

export const pathOf = (url: string): string => {
  const from = pathStart(url)
  return from < 0 ? "/" : url.slice(from).split(/[?#]/, 1)[0]!
}

const pageSegments = ["docs", "redoc", "reference", "openapi.json", "errors", "assets"]

/** The fixed segments of the API's paths. Collected on first use, since most requests are not logged. */
const knownSegments = (() => {
  let segments: Set<string> | undefined
  return () => {
    if (segments !== undefined) return segments
    const all = new Set(["", ...pageSegments])
    HttpApi.reflect(Api, {
      onGroup: () => {},
      onEndpoint: ({ endpoint }) => {
        for (const part of endpoint.path.split("/")) if (!part.startsWith(":")) all.add(part)
      }
    })
    return (segments = all)
  }
})()

/** The API has no longer path. */
const maxSegments = 10

/**
 * The path of a request as it may be logged. A caller may have put a key into it, generated or of any form that API_KEY allows, so only
 * segments of the API's own paths and UUIDs are shown.
 */
export const redactedPath = (url: string): string => {
  const segments = pathOf(url).split("/")
  const shown = segments.slice(0, maxSegments).map((segment) => (knownSegments().has(segment) || isUuid(segment) ? segment : "{hidden}"))
  return [...shown, ...(segments.length > maxSegments ? ["…"] : [])].join("/")
}
