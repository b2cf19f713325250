/** Hands out the points that wait in a spool in Redis, and takes them out once it is known what became of them. */
import { Effect } from "effect"
import { readDevice, readPoints, writeDevice, writePoints } from "../content.ts"
import { SpoolFailed } from "../errors.ts"
import type { Entry, Outcome } from "../model.ts"
import type { Delivery } from "../Spool.ts"
import type { Connection } from "./Connection.ts"
import type { Lease } from "./Lease.ts"
import { script } from "./lua.ts"

/** Devices per search, and entries per search for those of an owner: a script of a few ms. */
const searchSize = 1000
const fewEntries = 100

const lastSeq = script<string | 0>(`return redis.call("GET", P .. "seq") or 0`)

const owners = script<ReadonlyArray<string>>(`return redis.call("HKEYS", P .. "owners")`)

/** Returns devices, each followed by its position. */
const devices = script<ReadonlyArray<string>>(
  `return redis.call("ZRANGEBYSCORE", P .. "devices:" .. ARGV[1], "(" .. ARGV[2], ARGV[3], "WITHSCORES", "LIMIT", 0, ARGV[4])`
)

/** Position, batch, owner, points, bytes, part, content. */
type Fields = readonly [string, string, string, string, string, string, string]

/** Calls `visit` with the fields of each entry of a device in order, until it returns true. */
const eachEntry = `
local function each_entry(key, after, up_to, visit)
  while true do
    local found = redis.call("ZRANGEBYSCORE", key, "(" .. after, up_to, "LIMIT", 0, 100)
    for _, entry in ipairs(found) do
      local seq, batch, owner, points, bytes, part, content = head_of(entry)
      after = seq
      if visit(seq, batch, owner, points, bytes, part, entry, content) then return end
    end
    if #found < 100 then return end
  end
end
local function fields(seq, batch, owner, points, bytes, part, entry, content)
  local text = part == "0" and string.sub(entry, content) or redis.call("HGET", P .. "parts:" .. batch, part)
  return { seq, batch, owner, points, bytes, part, text }
end
`

/** Owner, device, points at most, after, up to. */
const next = script<ReadonlyArray<Fields>>(`${eachEntry}
local found, sum, first_owner = {}, 0, nil
each_entry(entries_of(ARGV[1], ARGV[2]), ARGV[4], ARGV[5], function(seq, batch, owner, points, ...)
  sum = sum + points
  if first_owner and (owner ~= first_owner or sum > tonumber(ARGV[3])) then return true end
  first_owner = owner
  table.insert(found, fields(seq, batch, owner, points, ...))
end)
return found`)

/** Owner, number of entries. Returns a device and its entries, or nothing if none waits. */
const entriesOfOwner = script<readonly [device: string, entries: ReadonlyArray<Fields>] | readonly []>(`${eachEntry}
local device = redis.call("ZRANGE", P .. "devices:" .. ARGV[1], 0, 0)[1]
if not device then
  local name = redis.call("SRANDMEMBER", P .. "names:" .. ARGV[1])
  if not name then return {} end
  device = "name:" .. name
end
local found = {}
each_entry(entries_of(ARGV[1], device), 0, "+inf", function(seq, batch, owner, ...)
  if owner == ARGV[1] then table.insert(found, fields(seq, batch, owner, ...)) end
  return #found >= tonumber(ARGV[2])
end)
return { device, found }`)

const names = script<ReadonlyArray<string>>(`return redis.call("SRANDMEMBER", P .. "names:" .. ARGV[1], ARGV[2])`)

/** Owner, name, device. The entries move as a whole, with their positions. */
const resolve = script<1>(`
local owner, name, device = ARGV[1], ARGV[2], ARGV[3]
local from, to = entries_of(owner, "name:" .. name), entries_of(owner, device)
local first = redis.call("ZRANGE", from, 0, 0, "WITHSCORES")[2]
if first then
  redis.call("HINCRBY", P .. "counts:" .. owner, device, redis.call("ZCARD", from))
  redis.call("ZADD", P .. "devices:" .. owner, "LT", first, device)
  redis.call("ZUNIONSTORE", to, 2, to, from)
  redis.call("UNLINK", from)
end
redis.call("SREM", P .. "names:" .. owner, name)
return 1`)

/** Device, gateway. Returns 1 if the gateway has it now, 0 if another one has it, and -1 if the lease of this gateway has ended. */
const claim = script<1 | 0 | -1>(`
if redis.call("EXISTS", P .. "lease:" .. ARGV[2]) == 0 then return -1 end
local holder = redis.call("HGET", P .. "claims", ARGV[1])
if holder and holder ~= ARGV[2] and redis.call("EXISTS", P .. "lease:" .. holder) == 1 then return 0 end
redis.call("HSET", P .. "claims", ARGV[1], ARGV[2])
return 1`)

const release = script<1>(`
if redis.call("HGET", P .. "claims", ARGV[1]) == ARGV[2] then redis.call("HDEL", P .. "claims", ARGV[1]) end
return 1`)

/**
 * Each outcome: position, device, batch, owner, points, bytes, part, number of rejected parts; each of these: description, points, bytes,
 * content. An entry that is not there was finished before, or dropped.
 */
const finish = script<1>(
  `
local now = now_ms()
local changes = { entries = 0, points = 0, bytes = 0, rejected = 0 }
local function set_aside(batch, at)
  redis.call("RPUSH", P .. "rejected:" .. batch, ARGV[at])
  redis.call("RPUSH", P .. "contents:" .. batch, ARGV[at + 3])
  redis.call("HINCRBY", P .. "batch:" .. batch, "rejected_bytes", ARGV[at + 2])
  changes.bytes = changes.bytes + ARGV[at + 2]
  return tonumber(ARGV[at + 1])
end
local function settle(id, stored, rejected)
  local key = P .. "batch:" .. id
  local all_stored = redis.call("HINCRBY", key, "stored", stored)
  local all_rejected = redis.call("HINCRBY", key, "rejected", rejected)
  local points, accepted_at = unpack(redis.call("HMGET", key, "points", "accepted_at"))
  if rejected > 0 then redis.call("ZADD", P .. "with_rejected", accepted_at, id) end
  if all_stored + all_rejected < tonumber(points) then return end
  redis.call("HSET", key, "finished_at", now)
  redis.call("ZREM", P .. "waiting", id)
  redis.call("ZADD", P .. (all_rejected > 0 and "kept" or "stored"), now, id)
end
local at = 1
while at <= #ARGV do
  local seq, device, batch, owner, points, bytes, part, count = unpack(ARGV, at, at + 7)
  at = at + 8
  if take_out(owner, device, batch, seq, part) then
    local rejected = 0
    -- Its batch is gone if it was dropped while the entry moved from a name to a device.
    if redis.call("EXISTS", P .. "batch:" .. batch) == 1 then
      for one = at, at + 4 * count - 1, 4 do rejected = rejected + set_aside(batch, one) end
      settle(batch, points - rejected, rejected)
    end
    changes.entries = changes.entries - 1
    changes.points = changes.points - points
    changes.bytes = changes.bytes - bytes
    changes.rejected = changes.rejected + rejected
  end
  at = at + 4 * count
end
for field, change in pairs(changes) do total(field, change) end
return 1`,
  { uses: ["time", "takeOut"] }
)

/** What a rejected part is kept with. */
export type RejectedPart = readonly [device: string, reason: string, points: number, bytes: number]

const toEntry = (device: string, [seq, batch, owner, , bytes, part, content]: Fields): Entry => ({
  seq: Number(seq),
  batch,
  owner,
  device: readDevice(device),
  points: readPoints(content),
  storage: { bytes: Number(bytes), part: Number(part) }
})

const toValues = ({ entry, rejected }: Outcome): ReadonlyArray<string | number> => {
  const { batch, owner, points, seq, storage } = entry
  const device = writeDevice(entry.device)
  const parts = rejected.flatMap(({ points, reason }) => {
    const content = writePoints(points)
    const bytes = Buffer.byteLength(content)
    return [JSON.stringify([device, reason, points.length, bytes] satisfies RejectedPart), points.length, bytes, content]
  })
  return [seq, device, batch, owner, points.length, storage?.bytes ?? 0, storage?.part ?? 0, rejected.length, ...parts]
}

export const makeDelivery = ({ run }: Connection, lease: Lease): Delivery => {
  const entriesOf = (owner: string, device: string, maxPoints: number, after: number, upTo: number) =>
    Effect.map(run(next, owner, device, maxPoints, after, upTo), (found) => found.map((fields) => toEntry(device, fields)))

  /** The claims of this gateway. Two of its keys may have points of one device, and the claim of one must not end with that of the other. */
  const claimed = new Set<string>()

  const acquire = Effect.fnUntraced(function* (deviceId: string) {
    if (claimed.has(deviceId)) return false
    claimed.add(deviceId)
    const result = yield* Effect.onError(run(claim, deviceId, lease.gateway), () => Effect.sync(() => claimed.delete(deviceId)))
    if (result !== 1) claimed.delete(deviceId)
    return result === -1 ? yield* new SpoolFailed({ code: "LEASE_ENDED" }) : result === 1
  })

  // If Redis is away now, the claim ends with the lease, or this gateway claims the device again.
  const giveUp = (deviceId: string) =>
    Effect.ensuring(
      Effect.ignore(run(release, deviceId, lease.gateway)),
      Effect.sync(() => claimed.delete(deviceId))
    )

  return {
    lastSeq: Effect.map(run(lastSeq), Number),
    owners: run(owners),
    devices: (owner, after, upTo) =>
      Effect.map(run(devices, owner, after, upTo, searchSize), (found) => ({
        ids: found.filter((_, index) => index % 2 === 0),
        next: found.length < 2 * searchSize ? undefined : Number(found.at(-1))
      })),
    withDevice: (deviceId, use) =>
      Effect.acquireUseRelease(
        acquire(deviceId),
        (isOurs) => (isOurs ? lease.during(use) : Effect.undefined),
        (isOurs) => (isOurs ? giveUp(deviceId) : Effect.void)
      ),
    ensureHeld: lease.ensureUsable,
    next: (device, maxPoints, after, upTo) => entriesOf("", writeDevice(device), maxPoints, after, upTo),
    ofOwner: (owner) =>
      Effect.map(run(entriesOfOwner, owner, fewEntries), ([device = "", found = []]) => found.map((fields) => toEntry(device, fields))),
    names: (owner, limit) => run(names, owner, limit),
    nextOfName: ({ name, owner }, maxPoints) => entriesOf(owner, writeDevice({ name }), maxPoints, 0, Number.MAX_SAFE_INTEGER),
    resolve: ({ name, owner }, deviceId) => Effect.asVoid(run(resolve, owner, name, deviceId.toLowerCase())),
    finish: (outcomes) => Effect.asVoid(run(finish, ...outcomes.flatMap(toValues)))
  }
}
