/** Login, token refresh and the valid tokens. Any user with the password `tenant` may log in, without a limit. */
import { tenantId } from "./tenant.ts"

export const username = "tenant@bench.example"
export const password = "tenant"

const [accessSeconds, refreshSeconds] = [9_000, 604_800]
const userId = "784f394c-42b6-435a-983c-b7beff2784f9"
const customerId = "13814000-1dd2-11b2-8080-808080808080"
const encodePart = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
const unauthorized = (message: string, errorCode: number) =>
  Response.json({ status: 401, message, errorCode, timestamp: Date.now() }, { status: 401 })

export const sessions = (onLogin: () => void) => {
  const [accessTokens, refreshTokens] = [new Set<string>(), new Set<string>()]
  let count = 0
  const makeToken = (scope: string, seconds: number) => {
    const now = Math.floor(Date.now() / 1_000)
    const session = {
      sub: username,
      userId,
      scopes: [scope],
      sessionId: String(++count),
      iss: "thingsboard.io",
      iat: now,
      exp: now + seconds
    }
    return `${encodePart({ alg: "HS512" })}.${encodePart({ ...session, enabled: true, isPublic: false, tenantId, customerId })}.${"s".repeat(86)}`
  }
  const issueTokens = () => {
    const [token, refreshToken] = [makeToken("TENANT_ADMIN", accessSeconds), makeToken("REFRESH_TOKEN", refreshSeconds)]
    accessTokens.add(`Bearer ${token}`)
    refreshTokens.add(refreshToken)
    return Response.json({ token, refreshToken })
  }
  return {
    authorized: (headers: Headers) => accessTokens.has(headers.get("x-authorization") ?? headers.get("authorization") ?? ""),
    login: async (request: Request) => {
      onLogin()
      const body = (await request.json()) as { password?: string }
      return body.password === password ? issueTokens() : unauthorized("Invalid username or password", 10)
    },
    refresh: async (request: Request) => {
      const body = (await request.json()) as { refreshToken?: string }
      return refreshTokens.has(body.refreshToken ?? "") ? issueTokens() : unauthorized("Token has expired", 11)
    },
    user: () =>
      Response.json({
        id: { entityType: "USER", id: userId },
        createdTime: 1_700_000_000_000,
        tenantId: { entityType: "TENANT", id: tenantId },
        customerId: { entityType: "CUSTOMER", id: customerId },
        email: username,
        authority: "TENANT_ADMIN",
        firstName: null,
        lastName: null,
        phone: null,
        version: 1,
        additionalInfo: null,
        name: username
      })
  }
}
