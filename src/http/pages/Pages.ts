/**
 * What a browser opens: three viewers of openapi.json, openapi.json itself, and a page about each problem.
 * The folder has pages and what they load; only they may run scripts. Whatever a program reads is in `handlers`.
 */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { document } from "../../api/openapi/document.ts"
import { Settings } from "../../config/Settings.ts"
import { serveAsset } from "./assets.ts"
import { render } from "./html.ts"
import { isProblemName, problemIndex, problemPage } from "./problems.ts"
import { redoc, scalar, swagger } from "./viewers.ts"

/** Made when it is first asked for, since most gateways are never asked. */
const openapi = (() => {
  let text: string | undefined
  return Effect.sync(() => {
    text ??= JSON.stringify(document())
    return HttpServerResponse.raw(text, { contentType: "application/json", headers: { "cache-control": "no-cache" } })
  })
})()

const Documentation = Layer.mergeAll(
  HttpRouter.add("GET", "/openapi.json", openapi),
  HttpRouter.add("GET", "/docs", render(swagger)),
  HttpRouter.add("GET", "/redoc", render(redoc)),
  HttpRouter.add("GET", "/reference", render(scalar))
)

const problem = (request: HttpServerRequest.HttpServerRequest) => {
  const name = new URL(request.url, "http://gateway").pathname.split("/").at(-1)!
  return isProblemName(name)
    ? render(problemPage(name))
    : Effect.fail(new HttpServerError.HttpServerError({ reason: new HttpServerError.RouteNotFound({ request }) }))
}

/** Problems name these pages, so they are there also when the documentation is switched off. */
const Always = Layer.mergeAll(
  HttpRouter.add("GET", "/docs/assets/:hash/:name", serveAsset),
  HttpRouter.add("GET", "/errors", render(problemIndex)),
  HttpRouter.add("GET", "/errors/:name", problem)
)

/** Where pages are; all of them take GET and HEAD only. */
export const pagePaths = ["/openapi.json", "/docs", "/redoc", "/reference", "/docs/assets/:hash/:name", "/errors", "/errors/:name"] as const

export const pages = ({ docsEnabled }: { readonly docsEnabled: boolean }) => (docsEnabled ? Layer.merge(Documentation, Always) : Always)

/** The pages that the settings ask for. */
export const PagesLive = Layer.unwrap(Effect.map(Settings, pages))
