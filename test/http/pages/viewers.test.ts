/** The documentation in a browser that can reach only the gateway. */
import { expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Browser, Page } from "playwright-core"
import { buildDocument } from "../../../src/api/openapi/document.ts"
import { pages } from "../../../src/http/pages/Pages.ts"
import { securityHeaders } from "../../../src/http/response/securityHeaders.ts"
import * as BunHttpServer from "../../../src/platform/BunHttpServer.ts"
import { hasBrowser, launchBrowser } from "../../support/browser.ts"

const health = HttpRouter.add("GET", "/health", HttpServerResponse.jsonUnsafe({ status: "success", service: "a healthy gateway" }))

/** Responds with the key that it was called with. */
const devices = HttpRouter.add("GET", "/api/v1/tb/devices", (request: HttpServerRequest.HttpServerRequest) =>
  Effect.succeed(HttpServerResponse.jsonUnsafe({ key: request.headers["x-api-key"], url: request.url }))
)

const server = BunHttpServer.layer(Layer.mergeAll(pages({ docsEnabled: true }), health, devices), {
  port: 0,
  hostname: "127.0.0.1",
  headers: securityHeaders
})

interface Visit {
  readonly page: Page
  /** Errors and warnings in the console, exceptions, and requests to other hosts. */
  readonly complaints: ReadonlyArray<string>
}

const open = async (browser: Browser, origin: string, path: string): Promise<Visit> => {
  const page = await browser.newPage({ viewport: { width: 1300, height: 1000 } })
  const complaints: Array<string> = []
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text())
  })
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("request", (request) => {
    const url = new URL(request.url())
    if (url.origin !== origin && !["data:", "blob:"].includes(url.protocol)) complaints.push(`request to ${url.host}`)
  })
  await page.goto(`${origin}${path}`, { waitUntil: "networkidle" })
  return { page, complaints }
}

const inBrowser = (use: (browser: Browser, origin: string) => Promise<void>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { url } = yield* BunHttpServer.BunHttpServer
      const browser = yield* Effect.acquireRelease(Effect.promise(launchBrowser), (opened) => Effect.promise(() => opened.close()))
      yield* Effect.promise(() => use(browser, url))
    }).pipe(Effect.provide(server), Effect.scoped)
  )

const operations = Object.values(buildDocument().paths).flatMap((methods) => Object.values(methods))
const shown = { "/docs": "operationId", "/redoc": "summary", "/reference": "summary" } as const

const viewer = (path: keyof typeof shown, prepare: (page: Page) => Promise<void>) =>
  test.skipIf(!hasBrowser)(
    `${path} shows every operation and asks nobody else`,
    () =>
      inBrowser(async (browser, origin) => {
        const { complaints, page } = await open(browser, origin, path)
        await prepare(page)
        const html = await page.locator("body").innerHTML()
        expect(operations.filter((operation) => !html.includes(operation[shown[path]])).map((found) => found.operationId)).toEqual([])
        expect(complaints).toEqual([])
      }),
    120_000
  )

viewer("/docs", (page) =>
  page
    .locator(".opblock")
    .nth(operations.length - 1)
    .waitFor()
)
viewer("/redoc", (page) => page.getByRole("heading", { name: "List devices" }).first().waitFor())
viewer("/reference", (page) => page.getByText("List devices").first().waitFor())

test.skipIf(!hasBrowser)(
  "the first screen of /docs and /reference shows how to enter a key",
  () =>
    inBrowser(async (browser, origin) => {
      for (const [path, find] of [
        ["/docs", (page: Page) => page.getByRole("button", { name: "Authorize" }).first()],
        ["/reference", (page: Page) => page.getByText("Authentication", { exact: true }).first()]
      ] as const) {
        const { page } = await open(browser, origin, path)
        await page.setViewportSize({ width: 1280, height: 720 })
        const element = find(page)
        await element.waitFor()
        const { height, y } = (await element.boundingBox())!
        expect([path, y >= 0 && y + height <= 720]).toEqual([path, true])
      }
    }),
  120_000
)

test.skipIf(!hasBrowser)(
  "Swagger UI calls the gateway, with a key where one is needed",
  () =>
    inBrowser(async (browser, origin) => {
      const { complaints, page } = await open(browser, origin, "/docs")
      const healthBlock = page.locator("#operations-System-getHealth")
      await healthBlock.locator(".opblock-summary").click()
      await healthBlock.getByRole("button", { name: "Execute" }).click()
      await healthBlock.getByText("a healthy gateway").first().waitFor()

      await page.getByRole("button", { name: "Authorize" }).first().click()
      await page.locator(".auth-container input").fill("a-key-of-the-test")
      await page.getByRole("button", { name: "Apply credentials" }).click()
      await page.locator(".btn-done").click()
      const devicesBlock = page.locator("#operations-Devices-listDevices")
      await devicesBlock.locator(".opblock-summary").click()
      await devicesBlock.getByRole("button", { name: "Execute" }).click()
      await devicesBlock.getByText('"key": "a-key-of-the-test"').first().waitFor()
      expect(await devicesBlock.locator(".responses-inner").innerText()).toContain("/api/v1/tb/devices?page=0&page_size=100")
      expect(complaints).toEqual([])
    }),
  120_000
)
