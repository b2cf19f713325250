import { expect, test } from "bun:test"
import { type Claims, sign, verify } from "../../../src/emulator/auth/Jwt.ts"

const key = new TextEncoder().encode("the signing key of these tests")

const claims: Claims = {
  sub: "tenant@thingsboard.org",
  userId: "13814000-1dd2-11b2-8080-808080808080",
  scopes: ["TENANT_ADMIN"],
  sessionId: "a session",
  exp: 1_700_000_060,
  iss: "thingsboard.io",
  iat: 1_700_000_000
}

test("a token is signed with HS512 and is valid until it expires", () => {
  const token = sign(key, claims)
  expect(JSON.parse(Buffer.from(token.split(".")[0]!, "base64url").toString())).toEqual({ alg: "HS512" })
  expect(verify(key, token, 1_700_000_059_999)).toEqual(claims)
  expect(verify(key, token, 1_700_000_060_000)).toBe("Expired")
})

test("the signature is HMAC with SHA-512 over header and claims", async () => {
  const [header, body, signature] = sign(key, claims).split(".")
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-512" }, false, ["verify"])
  const signed = new TextEncoder().encode(`${header}.${body}`)
  expect(await crypto.subtle.verify("HMAC", imported, Buffer.from(signature!, "base64url"), signed)).toBe(true)
})

test("a wrong key or a changed claim is reported as expired, as in ThingsBoard", () => {
  const [header, , signature] = sign(key, claims).split(".")
  const forged = Buffer.from(JSON.stringify({ ...claims, scopes: ["SYS_ADMIN"] })).toString("base64url")
  expect(verify(new Uint8Array(64), sign(key, claims), 1_700_000_000_000)).toBe("Expired")
  expect(verify(key, `${header}.${forged}.${signature}`, 1_700_000_000_000)).toBe("Expired")
})

test("text that is not a token is malformed", () => {
  const malformed = ["", "garbage", "a.b", "a.b.c.d", "e30.e30.e30", `${"x".repeat(3)}.bnVsbA.y`]
  expect(malformed.map((token) => verify(key, token, 0))).toEqual(malformed.map(() => "Malformed"))
})
