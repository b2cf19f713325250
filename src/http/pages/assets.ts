/** The scripts and styles of the pages. They are embedded in the binary, so the pages load nothing from other hosts. */
import { Effect } from "effect"
import { HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import scalarScript from "../../../node_modules/@scalar/api-reference/dist/browser/standalone.js" with { type: "file" }
import redocScript from "redoc/bundles/redoc.standalone.js" with { type: "file" }
import swaggerScript from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" }
import swaggerStyle from "swagger-ui-dist/swagger-ui.css" with { type: "file" }
import { EmbeddedFile } from "../../platform/EmbeddedFile.ts"
import pagesStyle from "./browser/pages.css" with { type: "file" }
import redocStart from "./browser/redoc.page.js" with { type: "file" }
import scalarStart from "./browser/scalar.page.js" with { type: "file" }
import swaggerStart from "./browser/swagger.page.js" with { type: "file" }

/** ReDoc loads its logo from its vendor's host. */
const withoutLogo = { "https://cdn.redoc.ly/redoc/logo-mini.svg": "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>" }

export const assets = {
  "pages.css": new EmbeddedFile(pagesStyle),
  "swagger-ui.css": new EmbeddedFile(swaggerStyle),
  "swagger-ui.js": new EmbeddedFile(swaggerScript),
  "swagger-start.js": new EmbeddedFile(swaggerStart),
  "redoc.js": new EmbeddedFile(redocScript, withoutLogo),
  "redoc-start.js": new EmbeddedFile(redocStart),
  "scalar.js": new EmbeddedFile(scalarScript),
  "scalar-start.js": new EmbeddedFile(scalarStart)
} as const

export type AssetName = keyof typeof assets

/** The path of an asset. It changes with the content, so browsers may cache it forever. */
export const assetPath = (name: AssetName): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => assets[name].hash()),
    (hash) => `/docs/assets/${hash}/${name}`
  )

const isAsset = (name: string): name is AssetName => Object.hasOwn(assets, name)

const headers = { "cache-control": "public, max-age=31536000, immutable", vary: "Accept-Encoding, Origin" }

/** Used by the problem pages, which are served even when the documentation is disabled. */
const problemAssets: ReadonlySet<string> = new Set<AssetName>(["pages.css"])

/** Serves `/docs/assets/<hash>/<name>`. */
export const serveAsset = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, docsEnabled: boolean) {
  const [hash, name] = new URL(request.url, "http://gateway").pathname.split("/").slice(-2)
  if (
    name === undefined ||
    !isAsset(name) ||
    !(docsEnabled || problemAssets.has(name)) ||
    hash !== (yield* Effect.promise(() => assets[name].hash()))
  )
    return yield* new HttpServerError.HttpServerError({ reason: new HttpServerError.RouteNotFound({ request }) })
  const gzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "")
  const content = yield* Effect.promise(() => (gzip ? assets[name].compressed() : assets[name].content()))
  return HttpServerResponse.uint8Array(content, {
    contentType: name.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8",
    headers: gzip ? { ...headers, "content-encoding": "gzip" } : headers
  })
})
