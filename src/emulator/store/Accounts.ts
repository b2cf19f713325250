import type { Database } from "bun:sqlite"
import { Redacted } from "effect"
import { equalDigests, sha256 } from "../../platform/Digest.ts"
import type { Directory, Entity } from "./Directory.ts"
import { randomToken, timeBasedId } from "./ids.ts"

/** `PRE_VERIFICATION_TOKEN` is the authority of a token that only allows entering the second factor. */
export type Authority = "SYS_ADMIN" | "TENANT_ADMIN" | "CUSTOMER_USER" | "PRE_VERIFICATION_TOKEN"

/** What else a user with the right password must do before a normal login. */
export type LoginChallenge = "NONE" | "SECOND_FACTOR" | "PASSWORD_EXPIRED"

export interface Account {
  /** The user's id. */
  readonly id: string
  readonly authority: Authority
  readonly enabled: boolean
  /** Failed logins since the last successful one. */
  readonly failedLogins: number
  /** ms. Tokens issued in an earlier second are invalid. */
  readonly tokensRevokedAt: number
  readonly loginChallenge: LoginChallenge
}

interface AccountRow extends Omit<Account, "enabled"> {
  readonly enabled: number
  readonly password: Uint8Array | null
}

export interface ApiKey {
  readonly id: string
  /** ms */
  readonly createdTime: number
  readonly userId: string
  /** `tb_` and 86 random letters and digits. The API shows it only once. */
  readonly value: string
  readonly description: string
  readonly enabled: boolean
  /** ms; 0 means never. */
  readonly expirationTime: number
}

interface ApiKeyRow extends Omit<ApiKey, "enabled"> {
  readonly enabled: number
}

export interface Credentials {
  readonly id: string
  /** ms */
  readonly createdTime: number
  readonly deviceId: string
  /** The token in `/api/v1/{token}`, ThingsBoard's HTTP API for devices. */
  readonly token: string
}

export interface NewUser {
  readonly tenantId: string
  readonly email: string
  readonly authority: Authority
  /** ms */
  readonly now: number
  readonly customerId?: string | null | undefined
  /** Without a password the account is not active yet. */
  readonly password?: Redacted.Redacted<string> | undefined
  /** JSON text */
  readonly additionalInfo?: string | null | undefined
}

/** One round of SHA-256 is enough for test accounts; a slow hash would only slow down logins. */
const hashPassword = (userId: string, password: Redacted.Redacted<string>) => sha256(`${userId}:${Redacted.value(password)}`)

const toApiKey = (row: ApiKeyRow): ApiKey => ({ ...row, enabled: row.enabled === 1 })

export const makeAccounts = (db: Database, directory: Directory) => {
  const byId = db.prepare<AccountRow, [string]>("SELECT * FROM users WHERE id = ?")
  const keyByValue = db.prepare<ApiKeyRow, [string]>("SELECT * FROM apiKeys WHERE value = ?")
  const keyById = db.prepare<ApiKeyRow, [string]>("SELECT * FROM apiKeys WHERE id = ?")
  const keysOfUser = db.prepare<ApiKeyRow, [string]>("SELECT * FROM apiKeys WHERE userId = ? ORDER BY createdTime, id")
  const credentialsByDevice = db.prepare<Credentials, [string]>("SELECT * FROM credentials WHERE deviceId = ?")
  const credentialsByToken = db.prepare<Credentials, [string]>("SELECT * FROM credentials WHERE token = ?")

  const setPassword = (userId: string, password: Redacted.Redacted<string>): void =>
    void db.query("UPDATE users SET password = ?, failedLogins = 0, enabled = 1 WHERE id = ?").run(hashPassword(userId, password), userId)

  return {
    /** Creates a user of a tenant or, with `customerId`, of a customer. */
    createUser: ({ authority, email, password, ...user }: NewUser): Entity =>
      db.transaction(() => {
        const entity = directory.createUser({ ...user, name: email })
        db.query("INSERT INTO users VALUES (?, ?, 0, NULL, 0, 0, 'NONE')").run(entity.id, authority)
        if (password !== undefined) setPassword(entity.id, password)
        return entity
      })(),
    get: (userId: string): Account | undefined => {
      const row = byId.get(userId)
      if (row === null) return undefined
      const { password: _, ...account } = row
      return { ...account, enabled: row.enabled === 1 }
    },
    /** Also activates the account. */
    setPassword,
    hasPassword: (userId: string): boolean => (byId.get(userId)?.password ?? null) !== null,
    setLoginChallenge: (userId: string, loginChallenge: LoginChallenge): void =>
      void db.query("UPDATE users SET loginChallenge = ? WHERE id = ?").run(loginChallenge, userId),
    isPassword: (userId: string, password: Redacted.Redacted<string>): boolean => {
      const stored = byId.get(userId)?.password
      return stored !== undefined && stored !== null && equalDigests(stored, hashPassword(userId, password))
    },
    setEnabled: (userId: string, enabled: boolean): void =>
      void db.query("UPDATE users SET enabled = ? WHERE id = ?").run(enabled ? 1 : 0, userId),
    setFailedLogins: (userId: string, failedLogins: number): void =>
      void db.query("UPDATE users SET failedLogins = ? WHERE id = ?").run(failedLogins, userId),
    /** Invalidates all tokens of the user that were issued before the second of `now` (ms). */
    revokeTokens: (userId: string, now: number): void =>
      void db.query("UPDATE users SET tokensRevokedAt = ? WHERE id = ?").run(Math.trunc(now), userId),

    createKey: (key: Omit<ApiKey, "id" | "createdTime" | "value"> & { readonly now: number }): ApiKey => {
      const created: ApiKey = {
        id: timeBasedId(key.now),
        createdTime: Math.trunc(key.now),
        userId: key.userId,
        value: `tb_${randomToken(86)}`,
        description: key.description,
        enabled: key.enabled,
        expirationTime: key.expirationTime
      }
      db.query("INSERT INTO apiKeys VALUES (?, ?, ?, ?, ?, ?, ?)").run(
        created.id,
        created.createdTime,
        created.userId,
        created.value,
        created.description,
        created.enabled ? 1 : 0,
        created.expirationTime
      )
      return created
    },
    keyByValue: (value: string): ApiKey | undefined => {
      const row = keyByValue.get(value)
      return row === null ? undefined : toApiKey(row)
    },
    key: (id: string): ApiKey | undefined => {
      const row = keyById.get(id)
      return row === null ? undefined : toApiKey(row)
    },
    keysOf: (userId: string): ReadonlyArray<ApiKey> => keysOfUser.all(userId).map(toApiKey),
    updateKey: (key: ApiKey): void =>
      void db.query("UPDATE apiKeys SET description = ?, enabled = ? WHERE id = ?").run(key.description, key.enabled ? 1 : 0, key.id),
    removeKey: (id: string): void => void db.query("DELETE FROM apiKeys WHERE id = ?").run(id),

    /** Created on the first read. */
    credentialsOf: (deviceId: string, now: number): Credentials => {
      const existing = credentialsByDevice.get(deviceId)
      if (existing !== null) return existing
      const created: Credentials = { id: timeBasedId(now), createdTime: Math.trunc(now), deviceId, token: randomToken(20) }
      db.query("INSERT INTO credentials (deviceId, id, createdTime, token) VALUES (?, ?, ?, ?)").run(
        deviceId,
        created.id,
        created.createdTime,
        created.token
      )
      return created
    },
    credentialsByToken: (token: string): Credentials | undefined => credentialsByToken.get(token) ?? undefined
  }
}

export type Accounts = ReturnType<typeof makeAccounts>
