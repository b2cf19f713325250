/**
 * Pages for browsers: three viewers of openapi.json, openapi.json itself, and a page for each problem. This folder holds the pages and
 * the files that they load; only pages may run scripts. Responses for programs are in `handlers`.
 */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { buildDocument } from "../../api/openapi/document.ts"
import { Settings } from "../../config/Settings.ts"
import { makeAuthenticate } from "../auth/authenticate.ts"
import { requireKey } from "./requireKey.ts"
import { serveAsset } from "./assets.ts"
import { render } from "./html.ts"
import { isProblemName, problemIndex, problemPage } from "./problems.ts"
import { redoc, scalar, swagger } from "./viewers.ts"

/** Rendered on first use, since most gateways never serve it. */
const openapi = (() => {
  let text: string | undefined
  return Effect.sync(() => {
    text ??= JSON.stringify(buildDocument())
    return HttpServerResponse.raw(text, { contentType: "application/json", headers: { "cache-control": "no-cache" } })
  })
})()

type Page = Effect.Effect<HttpServerResponse.HttpServerResponse>

const documentation = (guard: (page: Page) => Page) =>
  Layer.mergeAll(
    HttpRouter.add("GET", "/openapi.json", guard(openapi)),
    HttpRouter.add("GET", "/docs", guard(render(swagger))),
    HttpRouter.add("GET", "/redoc", guard(render(redoc))),
    HttpRouter.add("GET", "/reference", guard(render(scalar)))
  )

const problem = (request: HttpServerRequest.HttpServerRequest) => {
  const name = new URL(request.url, "http://gateway").pathname.split("/").at(-1)!
  return isProblemName(name)
    ? render(problemPage(name))
    : Effect.fail(new HttpServerError.HttpServerError({ reason: new HttpServerError.RouteNotFound({ request }) }))
}

/** Served even when the documentation is disabled, since every problem links to its page. */
const problemPages = (docsEnabled: boolean) =>
  Layer.mergeAll(
    HttpRouter.add("GET", "/docs/assets/:hash/:name", (request) => serveAsset(request, docsEnabled)),
    HttpRouter.add("GET", "/errors", render(problemIndex)),
    HttpRouter.add("GET", "/errors/:name", problem)
  )

/** The paths of all pages. They support only GET and HEAD. */
export const pagePaths = ({ docsEnabled }: { readonly docsEnabled: boolean }): ReadonlyArray<`/${string}`> => [
  ...(docsEnabled ? (["/openapi.json", "/docs", "/redoc", "/reference"] as const) : []),
  "/docs/assets/:hash/:name",
  "/errors",
  "/errors/:name"
]

export const pages = ({ docsEnabled, guard = (page) => page }: { readonly docsEnabled: boolean; readonly guard?: (page: Page) => Page }) =>
  docsEnabled ? Layer.merge(documentation(guard), problemPages(true)) : problemPages(false)

/** The pages that the settings enable, open or with a key. */
export const PagesLayer = Layer.unwrap(
  Effect.gen(function* () {
    const { docsAccess, docsEnabled } = yield* Settings
    const authenticate = yield* makeAuthenticate
    return pages(docsAccess === "key" ? { docsEnabled, guard: requireKey(authenticate) } : { docsEnabled })
  })
)
