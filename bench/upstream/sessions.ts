/** Login, refresh and the tokens that count as valid: any user with the password `tenant`, as often as wanted. */
import { tenantId } from "./tenant.ts"

export const username = "tenant@bench.example"
export const password = "tenant"

const [accessSeconds, refreshSeconds] = [9_000, 604_800]
const userId = "784f394c-42b6-435a-983c-b7beff2784f9"
const customerId = "13814000-1dd2-11b2-8080-808080808080"
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
const refused = (message: string, errorCode: number) =>
  Response.json({ status: 401, message, errorCode, timestamp: Date.now() }, { status: 401 })

export const sessions = (onLogin: () => void) => {
  const [access, refreshing] = [new Set<string>(), new Set<string>()]
  let count = 0
  const token = (scope: string, seconds: number) => {
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
    return `${part({ alg: "HS512" })}.${part({ ...session, enabled: true, isPublic: false, tenantId, customerId })}.${"s".repeat(86)}`
  }
  const pair = () => {
    const [first, second] = [token("TENANT_ADMIN", accessSeconds), token("REFRESH_TOKEN", refreshSeconds)]
    access.add(`Bearer ${first}`)
    refreshing.add(second)
    return Response.json({ token: first, refreshToken: second })
  }
  return {
    authorized: (headers: Headers) => access.has(headers.get("x-authorization") ?? headers.get("authorization") ?? ""),
    login: async (request: Request) => {
      onLogin()
      const given = (await request.json()) as { password?: string }
      return given.password === password ? pair() : refused("Invalid username or password", 10)
    },
    refresh: async (request: Request) => {
      const given = (await request.json()) as { refreshToken?: string }
      return refreshing.has(given.refreshToken ?? "") ? pair() : refused("Token has expired", 11)
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
