import { expect, test } from "bun:test"
import { Redacted } from "effect"
import { parseProxy, proxyFor } from "../../src/config/outgoingProxy.ts"

const proxies = (noProxy?: string) => ({
  httpProxy: Redacted.make("http://plain:3128"),
  httpsProxy: Redacted.make("http://secure:3128"),
  noProxy
})
const found = (url: string, noProxy?: string) => proxyFor(url, proxies(noProxy))?.hostname ?? "direct"

test("the proxy depends on the scheme of ThingsBoard's URL", () => {
  expect([found("http://tb:8080"), found("https://tb")]).toEqual(["plain", "secure"])
  expect(proxyFor("http://tb", { httpProxy: undefined, httpsProxy: Redacted.make("p"), noProxy: undefined })).toBeUndefined()
})

test.each([
  ["*", "http://tb.example.com", "direct"],
  ["other, tb.example.com", "http://tb.example.com", "direct"],
  ["TB.example.com", "http://tb.example.com", "direct"],
  ["example.com", "http://tb.example.com", "direct"],
  [".example.com", "http://tb.example.com", "direct"],
  ["*.example.com", "http://tb.example.com", "direct"],
  ["b.example.com", "http://tb.example.com", "plain"],
  ["tb.example.com:8080", "http://tb.example.com:8080", "direct"],
  ["tb.example.com:80", "http://tb.example.com:8080", "plain"],
  ["10.0.0.1", "http://10.0.0.1:8080", "direct"],
  ["", "http://tb.example.com", "plain"],
  [",", "http://tb.example.com", "plain"]
])("NO_PROXY=%s: %s is reached %s", (noProxy, url, expected) => {
  expect(found(url, noProxy)).toBe(expected)
})

test("a proxy is an http URL, with or without scheme, port and user", () => {
  expect(parseProxy("proxy.example.com:3128")).toMatchObject({ hostname: "proxy.example.com", port: 3128, authorization: undefined })
  expect(parseProxy("http://[::1]")).toMatchObject({ hostname: "::1", port: 80 })
  const { authorization } = parseProxy("http://us%40er:p%3Aw@proxy:1")!
  expect(Redacted.value(authorization!)).toBe(`Basic ${Buffer.from("us@er:p:w").toString("base64")}`)
  for (const text of ["socks5://proxy:1080", "https://proxy:443", "http://us%er@proxy:1", "http://", "://"])
    expect(parseProxy(text)).toBeUndefined()
})
