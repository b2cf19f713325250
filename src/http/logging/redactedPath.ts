/**
 * The path of a request as a log may have it. A caller may have put a key there, minted or of whatever form API_KEY has: so words of the
 * API and UUIDs are shown, and all else is hidden.
 */
import { HttpApi } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { isUuid } from "../../domain/Ids.ts"

/** Where the path begins in a whole address, which is how Bun gives it; -1 when it has none. */
export const pathStart = (url: string): number => (url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3))

export const pathOf = (url: string): string => {
  const from = pathStart(url)
  return from < 0 ? "/" : url.slice(from).split(/[?#]/, 1)[0]!
}

const pages = ["docs", "redoc", "reference", "openapi.json", "errors", "assets"]

/** Made when something is first told, since most requests are told of nowhere. */
const words = (() => {
  let found: Set<string> | undefined
  return () => {
    if (found !== undefined) return found
    const all = new Set(["", ...pages])
    HttpApi.reflect(Api, {
      onGroup: () => {},
      onEndpoint: ({ endpoint }) => {
        for (const part of endpoint.path.split("/")) if (!part.startsWith(":")) all.add(part)
      }
    })
    return (found = all)
  }
})()

/** The API has no path that is longer. */
const maxSegments = 10

export const redactedPath = (url: string): string => {
  const segments = pathOf(url).split("/")
  const shown = segments.slice(0, maxSegments).map((segment) => (words().has(segment) || isUuid(segment) ? segment : "{hidden}"))
  return [...shown, ...(segments.length > maxSegments ? ["…"] : [])].join("/")
}
