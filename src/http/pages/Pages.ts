/**
 * What a browser opens: three viewers of openapi.json, openapi.json itself, and a page about each problem.
 * The folder has pages and what they load; only they may run scripts. Whatever a program reads is in `handlers`.
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

/** Made when it is first asked for, since most gateways are never asked. */
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

/** Problems name these pages, so they are there also when the documentation is switched off. */
const always = (docsEnabled: boolean) =>
  Layer.mergeAll(
    HttpRouter.add("GET", "/docs/assets/:hash/:name", (request) => serveAsset(request, docsEnabled)),
    HttpRouter.add("GET", "/errors", render(problemIndex)),
    HttpRouter.add("GET", "/errors/:name", problem)
  )

/** Where pages are; all of them take GET and HEAD only. */
export const pagePaths = ({ docsEnabled }: { readonly docsEnabled: boolean }): ReadonlyArray<`/${string}`> => [
  ...(docsEnabled ? (["/openapi.json", "/docs", "/redoc", "/reference"] as const) : []),
  "/docs/assets/:hash/:name",
  "/errors",
  "/errors/:name"
]

export const pages = ({ docsEnabled, guard = (page) => page }: { readonly docsEnabled: boolean; readonly guard?: (page: Page) => Page }) =>
  docsEnabled ? Layer.merge(documentation(guard), always(true)) : always(false)

/** The pages that the settings ask for, open or behind a key. */
export const PagesLayer = Layer.unwrap(
  Effect.gen(function* () {
    const { docsAccess, docsEnabled } = yield* Settings
    const authenticate = yield* makeAuthenticate
    return pages(docsAccess === "key" ? { docsEnabled, guard: requireKey(authenticate) } : { docsEnabled })
  })
)
