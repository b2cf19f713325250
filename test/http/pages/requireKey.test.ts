/** Documentation that needs a key: for programs, and for people with a browser. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { hasBrowser, launchBrowser } from "../../support/browser.ts"
import { canaries, gateway } from "../../support/gateway.ts"
import { live } from "../../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../../support/keyFile.ts"

const guarded = ["/docs", "/redoc", "/reference", "/openapi.json"]
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` })

live("the documentation needs a valid key, in the header or as a password", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({ reader: { scopes: ["devices:read"] }, gone: { expires_at: "2020-01-01T00:00:00Z" } })
    const { call, logs } = yield* gateway({ settings: { docsAccess: "key", apiKeysFile } })
    for (const path of guarded) {
      const ask = (headers: Record<string, string>) => Effect.map(call(path, { key: null, headers }), ({ status }) => status)
      expect(yield* ask({ "x-api-key": keyOf("reader") })).toBe(200)
      expect(yield* ask(basic(`anyone:${keyOf("reader")}`))).toBe(200)
      expect(yield* ask(basic(`:${canaries.apiKey}`))).toBe(200)
      expect(yield* ask(basic("anyone:wrong"))).toBe(401)
      expect(yield* ask(basic(`anyone:${keyOf("gone")}`))).toBe(401)
      expect(yield* ask(basic(`${keyOf("reader")}:`))).toBe(401)
      expect(yield* ask({ authorization: `Bearer ${keyOf("reader")}` })).toBe(401)
      expect(yield* ask({ authorization: "Basic %%%" })).toBe(401)
      expect(yield* ask({ "x-api-key": "wrong", ...basic(`:${canaries.apiKey}`) })).toBe(401)
      const refused = yield* call(path, { key: null })
      expect([refused.status, refused.json.error_code]).toEqual([401, "AUTHENTICATION_FAILED"])
      expect(refused.headers.get("www-authenticate")).toBe('Basic realm="Boardwalk documentation", charset="UTF-8"')
      expect((yield* call(path, { key: null, headers: basic(`:${canaries.apiKey}`) })).headers.get("cache-control")).toBe("no-store")
      expect((yield* call(path, { key: null, method: "HEAD" })).status).toBe(401)
    }
    expect(logs.join("\n")).toContain("Security event: 401")
    expect(logs.join("\n")).not.toContain(keyOf("reader"))
  })
)

live("the API does not accept or request basic authentication when the documentation does", () =>
  Effect.gen(function* () {
    const { call } = yield* gateway({ settings: { docsAccess: "key" } })
    const refused = yield* call("/api/v1/tb/devices", { key: null, headers: basic(`:${canaries.apiKey}`) })
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, null])
    expect((yield* call("/errors/rate-limited", { key: null })).status).toBe(200)
    expect((yield* call("/health", { key: null })).status).toBe(200)
  })
)

live("the documentation is not found when it is disabled", () =>
  Effect.gen(function* () {
    const { call } = yield* gateway({ settings: { docsAccess: "key", docsEnabled: false } })
    for (const path of guarded) expect((yield* call(path)).status).toBe(404)
    expect(Object.values((yield* call("/")).json.links)).toEqual(["/health", "/ready", "/api/v1/tb"])
  })
)

const viewers = [
  ["/docs", "#operations-System-getHealth"],
  ["/redoc", "h2:has-text('List devices')"],
  ["/reference", "text=List devices"]
] as const

test.skipIf(!hasBrowser)(
  "the documentation works in a browser with the key, without violating the content security policy",
  () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const { url } = yield* gateway({ settings: { docsAccess: "key" } })
        const browser = yield* Effect.acquireRelease(Effect.promise(launchBrowser), (opened) => Effect.promise(() => opened.close()))
        yield* Effect.promise(async () => {
          const context = await browser.newContext({ httpCredentials: { username: "me", password: canaries.apiKey } })
          for (const [path, shown] of viewers) {
            const page = await context.newPage()
            const complaints: Array<string> = []
            page.on("console", (message) => {
              // The browser logs the 401 that makes it ask for the key.
              if (["error", "warning"].includes(message.type()) && !message.text().includes("401")) complaints.push(message.text())
            })
            page.on("pageerror", (error) => complaints.push(error.message))
            page.on("request", (request) => {
              if (/^https?:/.test(request.url()) && !request.url().startsWith(url)) complaints.push(request.url())
            })
            await page.goto(`${url}${path}`, { waitUntil: "networkidle" })
            await page.locator(shown).first().waitFor()
            expect([path, complaints]).toEqual([path, []])
            await page.close()
          }
        })
      }).pipe(Effect.scoped)
    ),
  120_000
)
