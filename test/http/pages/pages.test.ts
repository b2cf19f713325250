import { expect } from "bun:test"
import { Effect } from "effect"
import { buildDocument } from "../../../src/api/openapi/document.ts"
import { problemNames } from "../../../src/api/ProblemGuide.ts"
import * as Problems from "../../../src/api/Problems.ts"
import { assets } from "../../../src/http/pages/assets.ts"
import { pages } from "../../../src/http/pages/Pages.ts"
import { securityHeaders } from "../../../src/http/response/securityHeaders.ts"
import * as BunHttpServer from "../../../src/platform/BunHttpServer.ts"
import { effect, live } from "../../support/effectTest.ts"

const serve = (docsEnabled: boolean) =>
  BunHttpServer.layer(pages({ docsEnabled }), {
    port: 0,
    hostname: "127.0.0.1",
    headers: securityHeaders
  })

const get = (path: string, init?: RequestInit) =>
  Effect.flatMap(BunHttpServer.BunHttpServer, ({ url }) => Effect.promise(() => fetch(`${url}${path}`, init)))

const text = (response: Response) => Effect.promise(() => response.text())

live("/openapi.json is the API's document", () =>
  Effect.gen(function* () {
    const response = yield* get("/openapi.json")
    expect(response.headers.get("content-type")).toBe("application/json")
    expect(response.headers.get("content-security-policy")).toBe(securityHeaders["content-security-policy"])
    expect(yield* text(response)).toBe(JSON.stringify(buildDocument()))
  }).pipe(Effect.provide(serve(true)))
)

const viewers = ["/docs", "/redoc", "/reference"]

for (const path of viewers)
  live(`${path} loads only its own files, which a browser may cache`, () =>
    Effect.gen(function* () {
      const page = yield* get(path)
      const policy = page.headers.get("content-security-policy")!
      expect(policy).toContain("script-src 'self';")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(page.headers.get("cache-control")).toBe("no-cache")
      expect(page.headers.get("x-content-type-options")).toBe("nosniff")
      const html = yield* text(page)
      expect(html).not.toMatch(/<script>|<style>| on\w+=/)
      const files = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]!)
      expect(files.length).toBeGreaterThanOrEqual(3)
      for (const file of files) {
        const asset = yield* get(file)
        expect(asset.status).toBe(200)
        expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable")
        expect(asset.headers.get("content-encoding")).toBe("gzip")
        const plain = yield* get(file, { headers: { "accept-encoding": "identity" } })
        expect(plain.headers.get("content-encoding")).toBeNull()
        const content = yield* text(plain)
        expect(content).toBe(yield* text(asset))
        const head = yield* get(file, { method: "HEAD", headers: { "accept-encoding": "identity" } })
        expect(Number(head.headers.get("content-length"))).toBe(Buffer.byteLength(content))
      }
    }).pipe(Effect.provide(serve(true)))
  )

live("an asset of another version is not found", () =>
  Effect.gen(function* () {
    const answers = yield* Effect.forEach(["/docs/assets/000000000000/redoc.js", "/docs/assets/x/__proto__"], (path) => get(path))
    expect(answers.map(({ status }) => status)).toEqual([404, 404])
  }).pipe(Effect.provide(serve(true)))
)

live("a script is compressed once, however often it is requested", () =>
  Effect.gen(function* () {
    const file = /"(\/docs\/assets\/[^"]+\/scalar\.js)"/.exec(yield* text(yield* get("/reference")))![1]!
    yield* text(yield* get(file))
    const before = process.cpuUsage()
    for (let i = 0; i < 20; i++) expect((yield* get(file, { method: "HEAD", headers: { "accept-encoding": "gzip" } })).status).toBe(200)
    const { system, user } = process.cpuUsage(before)
    expect((system + user) / 1000).toBeLessThan(500) // ms; compressing it once takes about 70
  }).pipe(Effect.provide(serve(true)))
)

live("without the documentation, the problem pages are still served", () =>
  Effect.gen(function* () {
    const answers = yield* Effect.forEach([...viewers, "/openapi.json", "/errors/rate-limited"], (path) => get(path))
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 200])
    const hashes = yield* Effect.promise(() => Promise.all([assets["scalar.js"].hash(), assets["pages.css"].hash()]))
    const files = yield* Effect.forEach(["scalar.js", "pages.css"], (name, i) => get(`/docs/assets/${hashes[i]}/${name}`))
    expect(files.map(({ status }) => status)).toEqual([404, 200])
  }).pipe(Effect.provide(serve(false)))
)

effect("every problem of the contract has a page", () =>
  Effect.sync(() => {
    const classes = Object.values(Problems).filter(
      (value): value is typeof Problems.Forbidden => typeof value === "function" && "fields" in value
    )
    expect(classes.length).toBe(problemNames.length)
    expect(classes.length).toBeGreaterThan(10)
  })
)

live("a problem's page says what to do", () =>
  Effect.gen(function* () {
    for (const name of problemNames) {
      const page = yield* get(`/errors/${name}`)
      expect([name, page.status]).toEqual([name, 200])
      expect(page.headers.get("content-security-policy")).not.toContain("unsafe-inline")
      expect(yield* text(page)).toMatch(/What to do[\s\S]+<li>/)
    }
    expect((yield* get("/errors/no-such-problem")).status).toBe(404)
    expect((yield* get("/errors/__proto__")).status).toBe(404)
    const index = yield* text(yield* get("/errors"))
    expect(problemNames.filter((name) => !index.includes(`href="/errors/${name}"`))).toEqual([])
  }).pipe(Effect.provide(serve(true)))
)
