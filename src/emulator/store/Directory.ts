import type { Database, SQLQueryBindings } from "bun:sqlite"
import { timeBasedId } from "./ids.ts"

export type StoredType = "TENANT" | "CUSTOMER" | "USER" | "DEVICE" | "ASSET" | "DEVICE_PROFILE" | "ASSET_PROFILE"

/** A tenant, customer, user, profile, device or asset: one row of the store, not `domain`'s device or asset. */
export interface Entity {
  /** Row number, which points and attributes refer to. */
  readonly n: number
  readonly id: string
  readonly type: StoredType
  /** For a tenant, its own id. */
  readonly tenantId: string
  readonly customerId: string | null
  /** For a user, the e-mail address; for a customer or tenant, the title. */
  readonly name: string
  /** For a device or asset, the name of its profile, which ThingsBoard calls its type; otherwise empty. */
  readonly kind: string
  readonly label: string | null
  readonly profileId: string | null
  /** ms */
  readonly createdTime: number
  readonly version: number
  /** JSON text */
  readonly additionalInfo: string | null
  /** JSON text: a device's `transportConfiguration`, or the fields of a device profile that only its own endpoint returns; null for the default. */
  readonly details: string | null
}

export type SortProperty = "id" | "createdTime" | "name" | "label" | "type" | "profileName" | "customerTitle"

export interface ListQuery {
  readonly tenantId: string
  readonly type: StoredType
  readonly customerId?: string | undefined
  readonly kind?: string | undefined
  readonly profileId?: string | undefined
  /** Filters by the server attribute `active`. */
  readonly active?: boolean | undefined
  readonly textSearch?: string | undefined
  /** Also searches the type and the customer's title, as ThingsBoard does for lists of infos. */
  readonly searchInfoFields?: boolean | undefined
  readonly sort?: SortProperty | undefined
  readonly descending?: boolean | undefined
  /** Zero-based. */
  readonly page: number
  readonly pageSize: number
}

interface NewEntity {
  /** A new time-based id by default. */
  readonly id?: string | undefined
  readonly tenantId: string
  readonly name: string
  /** ms */
  readonly now: number
  readonly customerId?: string | null | undefined
  readonly label?: string | null | undefined
  /** JSON text */
  readonly additionalInfo?: string | null | undefined
  readonly details?: string | null | undefined
}

/** A device or asset. The profile named `type` is created when it does not exist yet, as ThingsBoard does. */
export interface NewDeviceOrAsset extends NewEntity {
  readonly type?: string | undefined
}

export interface Changes {
  readonly name?: string
  readonly label?: string | null
  readonly type?: string
  readonly customerId?: string | null
  readonly additionalInfo?: string | null
  readonly details?: string | null
}

const sortColumns: Record<SortProperty, string> = {
  id: "e.id",
  createdTime: "e.createdTime",
  name: "e.name",
  label: "e.label",
  type: "e.kind",
  profileName: "e.kind",
  customerTitle: "(SELECT c.name FROM entities c WHERE c.id = e.customerId)"
}

export const makeDirectory = (db: Database) => {
  const insert = db.prepare<Entity, SQLQueryBindings[]>(
    `INSERT INTO entities (id, type, tenantId, customerId, name, kind, label, profileId, createdTime, version, additionalInfo, details)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) RETURNING *`
  )
  const byId = db.prepare<Entity, [string]>("SELECT * FROM entities WHERE id = ?")
  const byName = db.prepare<Entity, [string, string, string]>("SELECT * FROM entities WHERE tenantId = ? AND type = ? AND name = ?")
  const userByEmail = db.prepare<Entity, [string]>("SELECT * FROM entities WHERE type = 'USER' AND name = ? COLLATE NOCASE")
  const byType = db.prepare<Entity, [string, string]>("SELECT * FROM entities WHERE tenantId = ? AND type = ? ORDER BY name, id")
  const kinds = db.prepare<{ kind: string }, [string, string]>(
    "SELECT DISTINCT kind FROM entities WHERE tenantId = ? AND type = ? ORDER BY kind"
  )
  const update = db.prepare<Entity, SQLQueryBindings[]>(
    "UPDATE entities SET customerId = ?, name = ?, kind = ?, label = ?, profileId = ?, additionalInfo = ?, details = ?, version = version + 1 WHERE id = ? RETURNING *"
  )

  const insertEntity = (
    type: StoredType,
    { now, id = timeBasedId(now), tenantId, name, customerId, label, additionalInfo, details }: NewEntity,
    kind = "",
    profileId: string | null = null
  ) => {
    const tenant = type === "TENANT" ? id : tenantId
    const texts = [additionalInfo ?? null, details ?? null]
    return insert.get(id, type, tenant, customerId ?? null, name, kind, label ?? null, profileId, Math.trunc(now), ...texts)!
  }

  const ensureProfile = (type: "DEVICE_PROFILE" | "ASSET_PROFILE", tenantId: string, name: string, now: number): Entity =>
    byName.get(tenantId, type, name) ?? insertEntity(type, { tenantId, name, now })

  const createDeviceOrAsset = (type: "DEVICE" | "ASSET", newEntity: NewDeviceOrAsset): Entity => {
    const kind = newEntity.type ?? "default"
    return insertEntity(type, newEntity, kind, ensureProfile(`${type}_PROFILE`, newEntity.tenantId, kind, newEntity.now).id)
  }

  const deleteByRow = [
    "DELETE FROM points WHERE entity = ?1",
    "DELETE FROM latest WHERE entity = ?1",
    "DELETE FROM attributes WHERE entity = ?1",
    "DELETE FROM entities WHERE n = ?1"
  ]
  const deleteById = [
    "DELETE FROM relations WHERE fromId = ?1 OR toId = ?1",
    "DELETE FROM alarms WHERE originatorId = ?1",
    "DELETE FROM credentials WHERE deviceId = ?1",
    "DELETE FROM users WHERE id = ?1",
    "DELETE FROM apiKeys WHERE userId = ?1"
  ]

  return {
    get: (id: string): Entity | undefined => byId.get(id.toLowerCase()) ?? undefined,
    byName: (tenantId: string, type: StoredType, name: string): Entity | undefined => byName.get(tenantId, type, name) ?? undefined,
    userByEmail: (email: string): Entity | undefined => userByEmail.get(email) ?? undefined,
    tenants: (): ReadonlyArray<Entity> => db.query<Entity, []>("SELECT * FROM entities WHERE type = 'TENANT' ORDER BY id").all(),
    /** All entities of a type, sorted by name. */
    all: (tenantId: string, type: StoredType): ReadonlyArray<Entity> => byType.all(tenantId, type),
    /** The names of all profiles in use by devices or assets. */
    kinds: (tenantId: string, type: "DEVICE" | "ASSET"): ReadonlyArray<string> => kinds.all(tenantId, type).map(({ kind }) => kind),

    /** Creates a tenant with the two profiles named "default" that every tenant has. */
    createTenant: (tenant: { readonly title: string; readonly now: number }): Entity => {
      const entity = insertEntity("TENANT", { tenantId: "", name: tenant.title, now: tenant.now })
      ensureProfile("DEVICE_PROFILE", entity.id, "default", tenant.now)
      ensureProfile("ASSET_PROFILE", entity.id, "default", tenant.now)
      return entity
    },
    createCustomer: (customer: NewEntity): Entity => insertEntity("CUSTOMER", customer),
    /** Creates the entity only; `accounts.createUser` creates a user who can log in. */
    createUser: (user: NewEntity): Entity => insertEntity("USER", user),
    createDevice: (device: NewDeviceOrAsset): Entity => createDeviceOrAsset("DEVICE", device),
    createAsset: (asset: NewDeviceOrAsset): Entity => createDeviceOrAsset("ASSET", asset),
    createDeviceProfile: (profile: NewEntity): Entity => insertEntity("DEVICE_PROFILE", profile),

    update: (entity: Entity, changes: Changes, now: number): Entity => {
      const kind = changes.type ?? entity.kind
      const isDeviceOrAsset = entity.type === "DEVICE" || entity.type === "ASSET"
      const profileId = isDeviceOrAsset ? ensureProfile(`${entity.type}_PROFILE`, entity.tenantId, kind, now).id : entity.profileId
      const next = { ...entity, ...changes }
      return update.get(next.customerId, next.name, kind, next.label, profileId, next.additionalInfo, next.details, entity.id)!
    },

    /** Removes the entity and all its data at once; ThingsBoard's housekeeper removes the data a little later. */
    remove: (entity: Entity): void =>
      db.transaction(() => {
        for (const sql of deleteByRow) db.query<unknown, [number]>(sql).run(entity.n)
        for (const sql of deleteById) db.query<unknown, [string]>(sql).run(entity.id)
      })(),

    list: (query: ListQuery): { readonly rows: ReadonlyArray<Entity>; readonly total: number } => {
      const conditions = ["e.tenantId = ?", "e.type = ?"]
      const values: SQLQueryBindings[] = [query.tenantId, query.type]
      const addCondition = (condition: string, ...bindings: SQLQueryBindings[]) => {
        conditions.push(condition)
        values.push(...bindings)
      }
      if (query.customerId !== undefined) addCondition("e.customerId = ?", query.customerId)
      if (query.kind !== undefined) addCondition("e.kind = ?", query.kind)
      if (query.profileId !== undefined) addCondition("e.profileId = ?", query.profileId)
      if (query.active !== undefined) {
        const active =
          "SELECT 1 FROM attributes a WHERE a.entity = e.n AND a.scope = 'SERVER_SCOPE' AND a.key = 'active' AND a.value = x'01'"
        addCondition(`${query.active ? "" : "NOT "}EXISTS (${active})`)
      }
      if (query.textSearch !== undefined && query.textSearch !== "") {
        const columns = ["e.name", "e.label", ...(query.searchInfoFields === true ? ["e.kind", sortColumns.customerTitle] : [])]
        const pattern = `%${query.textSearch}%`
        addCondition(`(${columns.map((column) => `${column} LIKE ? ESCAPE '\\'`).join(" OR ")})`, ...columns.map(() => pattern))
      }
      const from = `FROM entities e WHERE ${conditions.join(" AND ")}`
      const order = `${sortColumns[query.sort ?? "id"]} ${query.descending === true ? "DESC" : "ASC"}, e.id`
      const rows = db.query<Entity, SQLQueryBindings[]>(`SELECT e.* ${from} ORDER BY ${order} LIMIT ? OFFSET ?`)
      const count = db.query<{ total: number }, SQLQueryBindings[]>(`SELECT count(*) AS total ${from}`)
      return { rows: rows.all(...values, query.pageSize, query.page * query.pageSize), total: count.get(...values)!.total }
    }
  }
}

export type Directory = ReturnType<typeof makeDirectory>
