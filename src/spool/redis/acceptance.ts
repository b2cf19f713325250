/** Takes batches into a spool in Redis. */
import { Effect, Exit, Iterable, Request, RequestResolver, Schedule, type Scope } from "effect"
import { type SpoolError, SpoolFailed, SpoolFull } from "../errors.ts"
import type { DevicePoints, NewBatch, SpoolLimits } from "../model.ts"
import type { Acceptance } from "../Spool.ts"
import { sumOf, type Written, writeEntry } from "../written.ts"
import type { Connection } from "./Connection.ts"
import type { Lease } from "./Lease.ts"
import { script } from "./lua.ts"

/** `limit_of(bytes)` returns why so many bytes more are not taken, if so. Reads the limits from the first two arguments. */
const limits = `
local max_bytes, max_age = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = now_ms()
local kept_bytes = tonumber(redis.call("HGET", P .. "totals", "bytes") or 0)
local oldest = tonumber(redis.call("ZRANGE", P .. "waiting", 0, 0, "WITHSCORES")[2] or now)
local function limit_of(bytes)
  if kept_bytes + bytes > max_bytes then return "bytes" end
  if now - oldest > max_age then return "age" end
end
`

const addBatch = `
local function add_batch(id, owner, points)
  local now = now_ms()
  local key = P .. "batch:" .. id
  redis.call("HSET", key, "owner", owner, "accepted_at", now, "points", points, "stored", 0, "rejected", 0, "rejected_bytes", 0)
  total("batches", 1)
  if tonumber(points) > 0 then
    redis.call("ZADD", P .. "waiting", now, id)
  else
    -- A batch without points is finished at once.
    redis.call("HSET", key, "finished_at", now)
    redis.call("ZADD", P .. "stored", now, id)
  end
end
`

/** Reads an entry from one argument, since a batch may have a hundred thousand: number of points, length of the device, device, content. */
const readEntry = `
local function read_entry(text)
  local points, length, at = string.match(text, "^(%d+)\\n(%d+)\\n()")
  return string.sub(text, at, at + length - 1), points, string.sub(text, at + length)
end
`

const toValue = ({ content, device, points }: Written) => `${points}\n${Buffer.byteLength(device)}\n${device}${content}`

/** Each batch: id, owner, points, bytes, number of entries, and the entries. Returns a limit or "" per batch. */
const addBatches = script<ReadonlyArray<SpoolFull["limit"] | "">>(
  `${limits}${addBatch}${readEntry}
local results = {}
local at = 3
while at <= #ARGV do
  local id, owner, points, bytes, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  at = at + 5
  local limit = limit_of(bytes)
  if not limit then
    add_batch(id, owner, points)
    local next_seq = positions(owner, count)
    for entry = at, at + count - 1 do
      local device, points, content = read_entry(ARGV[entry])
      push(next_seq, owner, device, id, points, #content, 0, content)
    end
    total("entries", count)
    total("points", points)
    total("bytes", bytes)
    kept_bytes = kept_bytes + bytes
  end
  table.insert(results, limit or "")
  at = at + count
end
return results`,
  { adds: true, uses: ["time", "push"] }
)

/**
 * The batch, its gateway, the number of entries that it should have by now, the bytes of more entries, and these. Returns a limit, "lost" if
 * entries are missing, since the gateway's lease had ended for a while, or "".
 */
const appendEntries = script<SpoolFull["limit"] | "lost" | "">(
  `${limits}${readEntry}
local id, gateway, expected, bytes = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
if redis.call("LLEN", P .. "staged:" .. id) ~= expected then return "lost" end
local limit = limit_of(bytes)
if limit then return limit end
redis.call("HSET", P .. "staging", id, gateway)
redis.call("HINCRBY", P .. "staged_bytes", id, bytes)
total("bytes", bytes)
for entry = 7, #ARGV do
  local device, points, content = read_entry(ARGV[entry])
  local part = redis.call("RPUSH", P .. "staged:" .. id, points .. "\\n" .. #content .. "\\n" .. device)
  redis.call("HSET", P .. "parts:" .. id, part, content)
end
return ""`,
  { adds: true, uses: ["time"] }
)

/** Makes the staged entries of a batch wait. The contents stay where they are. */
const acceptStaged = script<"lost" | "">(
  `${addBatch}
local id, owner, expected = ARGV[1], ARGV[2], tonumber(ARGV[3])
local staged = P .. "staged:" .. id
if redis.call("LLEN", staged) ~= expected then return "lost" end
local next_seq = positions(owner, expected)
local all, part = 0, 0
while part < expected do
  for _, entry in ipairs(redis.call("LRANGE", staged, part, part + 999)) do
    local points, bytes, device = string.match(entry, "^(%d+)\\n(%d+)\\n(.*)$")
    part = part + 1
    all = all + points
    push(next_seq, owner, device, id, points, bytes, part, "")
  end
end
add_batch(id, owner, all)
total("entries", expected)
total("points", all)
redis.call("UNLINK", staged)
redis.call("HDEL", P .. "staging", id)
redis.call("HDEL", P .. "staged_bytes", id)
return ""`,
  { adds: true, uses: ["time", "push"] }
)

/** Removes what was staged of a batch that is not accepted. */
export const discard = `
local function discard(id)
  total("bytes", -tonumber(redis.call("HGET", P .. "staged_bytes", id) or 0))
  redis.call("UNLINK", P .. "staged:" .. id, P .. "parts:" .. id)
  redis.call("HDEL", P .. "staging", id)
  redis.call("HDEL", P .. "staged_bytes", id)
end
`

const discardStaged = script<1>(`${discard}
if redis.call("HEXISTS", P .. "staging", ARGV[1]) == 1 then discard(ARGV[1]) end
return 1`)

/** Bytes of the entries of an import that are sent to Redis at once: a script holds up everything else. */
const maxBytes = 4_000_000

/** Arguments of a script that adds uploads, but for those of its last one: a script of some ms. */
const maxValues = 2000

/** Uploads that arrive in the same turn of the event loop are added by one script. */
class AddBatch extends Request.Class<{ readonly values: ReadonlyArray<string | number> }, SpoolFull["limit"] | "", SpoolError> {}

/** The parts of an append. */
function* chunksOf(written: ReadonlyArray<Written>) {
  let chunk: Array<Written> = []
  let bytes = 0
  for (const one of written) {
    chunk.push(one)
    bytes += one.bytes
    if (bytes < maxBytes) continue
    yield chunk
    chunk = []
    bytes = 0
  }
  if (chunk.length > 0) yield chunk
}

const lost = new SpoolFailed({ code: "IMPORT_LOST" })

const retryDiscarding = Schedule.spaced("5 seconds")

/** `onAdded` is called after a batch has been accepted. */
export const makeAcceptance = Effect.fnUntraced(function* (
  { run }: Connection,
  lease: Lease,
  { age, bytes: maxSize }: SpoolLimits,
  onAdded: () => void
): Effect.fn.Return<Acceptance, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const resolver = RequestResolver.makeWith<AddBatch>({
    batchKey: () => addBatches,
    delay: Effect.yieldNow,
    collectWhile: (entries) => Iterable.reduce(entries, 0, (sum, { request }) => sum + request.values.length) < maxValues,
    runAll: (entries) =>
      Effect.map(run(addBatches, maxSize, age, ...entries.flatMap(({ request }) => request.values)), (results) => {
        for (const [index, entry] of entries.entries()) entry.completeUnsafe(Exit.succeed(results[index]!))
      })
  })

  const add = ({ devices, id, owner }: NewBatch) => {
    const written = devices.map(writeEntry)
    const values = [id, owner, sumOf(written, "points"), sumOf(written, "bytes"), written.length, ...written.map(toValue)]
    return Effect.flatMap(Effect.request(new AddBatch({ values }), resolver), (limit) =>
      limit === "" ? Effect.sync(onAdded) : Effect.fail(new SpoolFull({ limit }))
    )
  }

  const stage = ({ id, owner }: Pick<NewBatch, "id" | "owner">) => {
    let entries = 0
    let state: "empty" | "begun" | "accepted" = "empty"
    const append = (devices: ReadonlyArray<DevicePoints>) =>
      Effect.forEach(
        [...chunksOf(devices.map(writeEntry))],
        Effect.fnUntraced(function* (chunk) {
          state = "begun"
          const result = yield* run(appendEntries, maxSize, age, id, lease.gateway, entries, sumOf(chunk, "bytes"), ...chunk.map(toValue))
          if (result === "lost") return yield* lost
          if (result !== "") return yield* new SpoolFull({ limit: result })
          entries += chunk.length
        }),
        { discard: true }
      )
    const accept = Effect.flatMap(
      Effect.suspend(() => run(acceptStaged, id, owner, entries)),
      (result) => {
        if (result === "lost") return Effect.fail(lost)
        state = "accepted"
        return Effect.sync(onAdded)
      }
    )
    // While Redis is away it is tried again and again. When this gateway has stopped, another one does it.
    const discardUnaccepted = Effect.suspend(() =>
      state === "begun"
        ? Effect.catch(run(discardStaged, id), () => Effect.forkIn(Effect.retry(run(discardStaged, id), retryDiscarding), scope))
        : Effect.void
    )
    return Effect.acquireRelease(Effect.succeed({ append, accept }), () => discardUnaccepted)
  }

  return { add, stage }
})
