import { describe, expect, test } from "bun:test"
import { classify } from "../../../src/thingsboard/transport/classify.ts"

const envelope = (status: number, errorCode: number, message: string) =>
  JSON.stringify({ status, message, errorCode, timestamp: 1_700_000_000_000 })
const json = "application/json"
const plain = "text/plain;charset=UTF-8"

describe("a failed response", () => {
  test.each([
    ["an invalid id", 400, json, envelope(400, 31, "Invalid UUID string: x"), "Rejected", 31],
    [
      "an invalid telemetry payload, in plain text",
      400,
      plain,
      "Unable to parse timeseries payload: Invalid JSON body!",
      "Rejected",
      undefined
    ],
    ["plain text that is labeled as JSON", 400, json, "Number of intervals is to high", "Rejected", undefined],
    ["an expired token", 401, "application/json;charset=ISO-8859-1", envelope(401, 11, "Token has expired"), "LoginRefused", 11],
    ["a wrong password", 401, json, envelope(401, 10, "Invalid username or password"), "LoginRefused", 10],
    ["an entity of another customer", 403, plain, "Customer user is not allowed", "Forbidden", undefined],
    ["a missing permission", 403, json, envelope(403, 20, "You don't have permission"), "Forbidden", 20],
    ["an unknown device", 404, json, envelope(404, 32, "Device with id [x] is not found"), "NotFound", 32],
    ["an unknown device, in plain text", 404, plain, "Device with requested id wasn't found!", "NotFound", undefined],
    ["a wrong method", 405, json, envelope(405, 31, "Request method 'PUT' is not supported"), "Rejected", 31],
    ["an old version", 409, json, envelope(409, 35, "version conflict"), "Conflict", 35],
    ["a large body, as a bare JSON string", 413, "", '"Payload size exceeds the limit"', "TooLarge", undefined],
    ["too many requests", 429, json, envelope(429, 33, "Too many requests for current tenant!"), "RateLimited", 33],
    ["an unknown enum before 4.2", 500, json, envelope(500, 2, "Failed to convert value of type String"), "Rejected", 2],
    ["broken JSON", 500, json, envelope(500, 2, "JSON parse error: Unexpected end"), "Rejected", 2],
    ["a query that takes too long", 500, json, envelope(500, 2, "Request timeout"), "Timeout", 2],
    ["an internal error of ThingsBoard", 500, json, envelope(500, 2, "Could not open JPA EntityManager"), "Unavailable", 2],
    ["a database error", 500, json, envelope(500, 46, "Invalid cursor state"), "Unavailable", 46],
    ["a failure to write, without a body", 500, "", "", "Unavailable", undefined],
    ["a proxy without ThingsBoard", 502, "text/html", "<html>Bad Gateway</html>", "Unavailable", undefined],
    ["a timeout, without a body", 504, "", "", "Timeout", undefined],
    ["another server's missing page", 404, "text/html", "<html>Not Found</html>", "InvalidResponse", undefined],
    ["another server's login", 401, "text/html; charset=utf-8", "<html>Log in</html>", "InvalidResponse", undefined],
    ["a request that cannot be authenticated, from 4.3", 302, "", "", "LoginRefused", undefined]
  ] as const)("%s", (_, status, contentType, body, reason, errorCode) => {
    const error = classify(status, contentType, body)
    expect(error.reason._tag).toBe(reason)
    expect(error.status).toBe(status)
    expect(error.errorCode).toBe(errorCode)
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(
      body === "" ? "unlikely" : (/[A-Z][a-z]+ [a-z]+/.exec(body)?.[0] ?? "unlikely")
    )
  })
})

test("only a redirect to the login page is a rejected login", () => {
  expect(classify(302, "", "", { location: "https://tb.example.com/oauth2Login" }).reason._tag).toBe("LoginRefused")
  expect(classify(301, "text/html", "", { location: "https://tb.example.com/api/auth/user" }).reason).toMatchObject({
    _tag: "Unavailable",
    why: "redirect"
  })
  expect(classify(308, "", "").reason).toMatchObject({ _tag: "Unavailable", why: "redirect" })
})

test("Retry-After from a proxy is converted to ms", () => {
  for (const status of [429, 502, 503])
    expect(classify(status, "", "", { retryAfterMs: 7000 }).reason).toMatchObject({ retryAfterMs: 7000 })
})
