/** What people look at and change in a spool in Redis. */
import { Effect } from "effect"
import { readDevice } from "../content.ts"
import type { SpoolError } from "../errors.ts"
import type { BatchState, Forgotten } from "../model.ts"
import type { Inspection } from "../Spool.ts"
import { discard } from "./acceptance.ts"
import type { Connection } from "./Connection.ts"
import type { RejectedPart } from "./delivery.ts"
import { script } from "./lua.ts"

/** Batches that one script forgets or puts into the queue again, and entries that it looks at: a few ms. */
const fewBatches = 200
const fewEntries = 500

/** As HGETALL returns it: names, each followed by its value. */
type Fields = ReadonlyArray<string>

const batch = script<Fields>(`return redis.call("HGETALL", P .. "batch:" .. ARGV[1])`)

/** Returns an id and its fields, and so on. */
const unfinished = script<ReadonlyArray<string | Fields>>(`
local accepted = {}
local ids = {}
for _, key in ipairs({ "waiting", "with_rejected" }) do
  for _, id in ipairs(redis.call("ZRANGE", P .. key, 0, ARGV[1] - 1)) do
    if not accepted[id] then
      accepted[id] = tonumber(redis.call("HGET", P .. "batch:" .. id, "accepted_at"))
      table.insert(ids, id)
    end
  end
end
table.sort(ids, function(a, b) return accepted[a] < accepted[b] or accepted[a] == accepted[b] and a < b end)
local found = {}
for i = 1, math.min(#ids, tonumber(ARGV[1])) do
  table.insert(found, ids[i])
  table.insert(found, redis.call("HGETALL", P .. "batch:" .. ids[i]))
end
return found`)

const rejected = script<ReadonlyArray<string>>(`return redis.call("LRANGE", P .. "rejected:" .. ARGV[1], 0, ARGV[2] - 1)`)

/** Returns entries, points, bytes, rejected points, when the oldest entry was accepted (0 if none waits), and the time. */
const waiting = script<readonly [string | null, string | null, string | null, string | null, string | 0, string]>(
  `
local found = redis.call("HMGET", P .. "totals", "entries", "points", "bytes", "rejected")
table.insert(found, redis.call("ZRANGE", P .. "waiting", 0, 0, "WITHSCORES")[2] or 0)
table.insert(found, string.format("%.0f", now_ms()))
return found`,
  { uses: ["time"] }
)

const batchesWithRejected = script<ReadonlyArray<string>>(`return redis.call("ZRANGE", P .. "with_rejected", 0, ARGV[1] - 1)`)

/** Returns how many points of the batch wait again. */
const retry = script<number>(
  `
local id = ARGV[1]
local key = P .. "batch:" .. id
local owner, rejected = unpack(redis.call("HMGET", key, "owner", "rejected"))
if not owner or rejected == "0" then return 0 end
local now = now_ms()
local parts, contents = redis.call("LRANGE", P .. "rejected:" .. id, 0, -1), redis.call("LRANGE", P .. "contents:" .. id, 0, -1)
local next_seq = positions(owner, #parts)
for i, part in ipairs(parts) do
  local device, _, points, bytes = unpack(cjson.decode(part))
  push(next_seq, owner, device, id, points, bytes, 0, contents[i])
end
redis.call("HSET", key, "rejected", 0, "rejected_bytes", 0)
redis.call("HDEL", key, "finished_at")
redis.call("ZREM", P .. "with_rejected", id)
redis.call("ZREM", P .. "kept", id)
redis.call("ZADD", P .. "waiting", "NX", now, id)
redis.call("UNLINK", P .. "rejected:" .. id, P .. "contents:" .. id)
total("entries", #parts)
total("points", rejected)
total("rejected", -rejected)
return tonumber(rejected)`,
  { adds: true, uses: ["time", "push"] }
)

/** Owner. Returns the devices, and the names behind the mark of names, of all of the owner's entries. */
const places = script<ReadonlyArray<string>>(`
local found = redis.call("ZRANGE", P .. "devices:" .. ARGV[1], 0, -1)
for _, name in ipairs(redis.call("SMEMBERS", P .. "names:" .. ARGV[1])) do table.insert(found, "name:" .. name) end
return found`)

/**
 * Owner, device, batch, after, number of entries: removes those of the batch among the device's next entries. Returns how many points it
 * removed, and where to go on, or "" after the last one.
 */
const dropEntries = script<readonly [points: number, next: string]>(
  `
local owner, device, batch = ARGV[1], ARGV[2], ARGV[3]
local found = redis.call("ZRANGEBYSCORE", entries_of(owner, device), "(" .. ARGV[4], "+inf", "LIMIT", 0, ARGV[5])
local removed, seq = 0, ""
for _, entry in ipairs(found) do
  local of, entry_owner, points, bytes, part
  seq, of, entry_owner, points, bytes, part = head_of(entry)
  if of == batch and take_out(owner, device, batch, seq, part) then
    removed = removed + points
    total("entries", -1)
    total("points", -points)
    total("bytes", -bytes)
  end
end
return { removed, #found < tonumber(ARGV[5]) and "" or seq }`,
  { uses: ["takeOut"] }
)

/** Returns how many rejected points the batch had, and -1 if there is no such batch. */
const dropBatch = script<number>(
  `
local owner, rejected = forget(ARGV[1])
return owner and rejected or -1`,
  { uses: ["forget"] }
)

/**
 * Ms for which finished batches are kept, number of batches that are kept, number of those that are forgotten now. Also cleans up behind
 * gateways that are gone. Returns how many batches and rejected points were forgotten.
 */
const forgetFinished = script<readonly [batches: number, points: number]>(
  `${discard}
local function is_gone(gateway) return redis.call("EXISTS", P .. "lease:" .. gateway) == 0 end
local function pairs_of(key)
  local found, at = redis.call("HGETALL", key), -1
  return function() at = at + 2 return found[at], found[at + 1] end
end
for id, gateway in pairs_of(P .. "staging") do
  if is_gone(gateway) then discard(id) end
end
for device, gateway in pairs_of(P .. "claims") do
  if is_gone(gateway) then redis.call("HDEL", P .. "claims", device) end
end

local batches, points, few = 0, 0, tonumber(ARGV[3])
local function forget_all(ids)
  for _, id in ipairs(ids) do
    local owner, rejected = forget(id)
    if owner then
      batches = batches + 1
      points = points + rejected
    end
  end
end
local before = string.format("(%.0f", now_ms() - ARGV[1])
for _, key in ipairs({ "stored", "kept" }) do forget_all(redis.call("ZRANGEBYSCORE", P .. key, "-inf", before, "LIMIT", 0, few)) end
local excess = math.min(few, tonumber(redis.call("HGET", P .. "totals", "batches") or 0) - ARGV[2])
if excess > 0 then forget_all(redis.call("ZRANGE", P .. "stored", 0, excess - 1)) end
return { batches, points }`,
  { uses: ["time", "forget"] }
)

const toState = (id: string, fields: Fields): BatchState => {
  const found = new Map<string, string>()
  for (let i = 0; i < fields.length; i += 2) found.set(fields[i]!, fields[i + 1]!)
  const numberOf = (name: string) => Number(found.get(name) ?? 0)
  return {
    id,
    owner: found.get("owner")!,
    acceptedAt: numberOf("accepted_at"),
    points: numberOf("points"),
    stored: numberOf("stored"),
    rejected: numberOf("rejected"),
    finishedAt: found.has("finished_at") ? numberOf("finished_at") : undefined
  }
}

/** `onAdded` is called after points were put into the queue again. */
export const makeInspection = ({ run }: Connection, onAdded: () => void): Inspection => {
  const stateOf = (id: string) =>
    Effect.map(run(batch, id), (fields): BatchState | undefined => (fields.length === 0 ? undefined : toState(id, fields)))

  const retryAll = Effect.gen(function* () {
    let points = 0
    for (;;) {
      const ids = yield* run(batchesWithRejected, fewBatches)
      if (ids.length === 0) return points
      for (const id of ids) points += yield* run(retry, id)
    }
  })

  const dropPlace = Effect.fnUntraced(function* (owner: string, device: string, id: string): Effect.fn.Return<number, SpoolError> {
    let points = 0
    for (let after = "0"; after !== "";) {
      const [removed, next]: readonly [number, string] = yield* run(dropEntries, owner, device, id, after, fewEntries)
      points += removed
      after = next
    }
    return points
  })

  const drop = Effect.fnUntraced(function* (id: string) {
    const state = yield* stateOf(id)
    if (state === undefined) return undefined
    let points = 0
    // A batch that is finished has no entries, and looking for them takes a while.
    if (state.finishedAt === undefined)
      for (const device of yield* run(places, state.owner)) points += yield* dropPlace(state.owner, device, id)
    const rejectedPoints = yield* run(dropBatch, id)
    return rejectedPoints < 0 ? undefined : points + rejectedPoints
  })

  return {
    batch: stateOf,
    unfinished: (limit) =>
      Effect.map(run(unfinished, limit), (found) => {
        const states: Array<BatchState> = []
        for (let i = 0; i < found.length; i += 2) states.push(toState(found[i] as string, found[i + 1] as Fields))
        return states
      }),
    rejected: (id, limit) =>
      Effect.map(run(rejected, id, limit), (parts) =>
        parts.map((part) => {
          const [device, reason, points] = JSON.parse(part) as RejectedPart
          return { device: readDevice(device), reason, points }
        })
      ),
    waiting: Effect.map(run(waiting), ([entries, points, bytes, rejectedPoints, oldest, now]) => {
      const oldestAt = Number(oldest)
      return {
        entries: Number(entries),
        points: Number(points),
        bytes: Number(bytes),
        rejected: Number(rejectedPoints),
        oldest: oldestAt === 0 ? undefined : oldestAt,
        age: oldestAt === 0 ? 0 : Math.max(0, Number(now) - oldestAt)
      }
    }),
    retry: (id) => Effect.tap(id === undefined ? retryAll : run(retry, id), () => Effect.sync(onAdded)),
    drop,
    forget: (keptMillis, maxBatches) =>
      Effect.map(run(forgetFinished, keptMillis, maxBatches, fewBatches), ([batches, points]): Forgotten => ({ batches, points }))
  }
}
