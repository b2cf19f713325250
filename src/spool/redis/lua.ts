/**
 * The keys of a spool in Redis, and the parts of scripts that several share. Every change is one script, so that it happens as a whole.
 * All keys begin with `prefix`:
 *
 * | key                    | type   | content                                                                                         |
 * | ---------------------- | ------ | ----------------------------------------------------------------------------------------------- |
 * | `seq`                  | string | the position of the last entry                                                                  |
 * | `totals`               | hash   | batches, entries, points, bytes, rejected: how much there is                                    |
 * | `entries:<device>`     | zset   | the waiting entries of a device by position: a line each of position, batch, owner, points, bytes, number of the part, then the content |
 * | `named:<owner>:<name>` | zset   | the same for a device that is known by its name only; the length of the owner precedes it       |
 * | `owners`               | hash   | the number of waiting entries by owner                                                          |
 * | `devices:<owner>`      | zset   | the devices of an owner's entries, by the position at which they began to wait                  |
 * | `counts:<owner>`       | hash   | the number of an owner's entries by device                                                      |
 * | `names:<owner>`        | set    | the names in an owner's entries                                                                 |
 * | `batch:<id>`           | hash   | owner, accepted_at, points, stored, rejected, rejected_bytes, finished_at                       |
 * | `waiting`              | zset   | batches with waiting entries, by the time of their acceptance                                   |
 * | `with_rejected`        | zset   | batches with rejected points, by the time of their acceptance                                   |
 * | `stored`, `kept`       | zset   | finished batches without and with rejected points, by the time at which they finished           |
 * | `rejected:<id>`        | list   | the rejected points of a batch: device, reason, number of points and bytes as JSON              |
 * | `contents:<id>`        | list   | their contents                                                                                  |
 * | `parts:<id>`           | hash   | the contents of an import by number, so that accepting it does not move them                    |
 * | `staged:<id>`          | list   | the entries of an import that is not accepted yet: points, bytes and device                     |
 * | `staging`              | hash   | the gateway that receives an import, by batch                                                   |
 * | `staged_bytes`         | hash   | the bytes of such an import                                                                     |
 * | `lease:<gateway>`      | string | exists while a gateway is alive                                                                 |
 * | `claims`               | hash   | the gateway that delivers a device                                                              |
 */
import { Redis } from "effect/persistence"

/** One queue per database of a server. */
export const prefix = "boardwalk:spool:"

/** Redis's clock, in ms, so that no clock of a gateway matters. */
const time = `
local function now_ms()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`

const places = `
local P = KEYS[1]
local function is_name(device) return string.sub(device, 1, 5) == "name:" end
local function entries_of(owner, device)
  if is_name(device) then return P .. "named:" .. #owner .. ":" .. owner .. ":" .. string.sub(device, 6) end
  return P .. "entries:" .. device
end
-- Adding 0 turns -0, which is no integer for Redis, into 0.
local function total(field, change) redis.call("HINCRBY", P .. "totals", field, change + 0) end
local function head_of(entry)
  return string.match(entry, "^(%d+)\\n([^\\n]*)\\n([^\\n]*)\\n(%d+)\\n(%d+)\\n(%d+)\\n()")
end
`

/** Puts an entry behind all others. `next_seq` returns its position: `positions` makes it for a number of entries of one owner. */
const push = `
local function push(next_seq, owner, device, batch, points, bytes, part, content)
  local seq = next_seq()
  local entry = string.format("%.0f\\n%s\\n%s\\n%s\\n%s\\n%s\\n", seq, batch, owner, points, bytes, part) .. content
  redis.call("ZADD", entries_of(owner, device), seq, entry)
  if is_name(device) then
    redis.call("SADD", P .. "names:" .. owner, string.sub(device, 6))
  elseif redis.call("HINCRBY", P .. "counts:" .. owner, device, 1) == 1 then
    redis.call("ZADD", P .. "devices:" .. owner, seq, device)
  end
end
local function positions(owner, count)
  if count > 0 then redis.call("HINCRBY", P .. "owners", owner, count) end
  local last = redis.call("INCRBY", P .. "seq", count) - count
  return function() last = last + 1 return last end
end
`

/** Takes an entry out. Returns whether it was there. */
const takeOut = `
local function take_out(owner, device, batch, seq, part)
  local key = entries_of(owner, device)
  if redis.call("ZREMRANGEBYSCORE", key, seq, seq) == 0 then return false end
  if part ~= "0" then redis.call("HDEL", P .. "parts:" .. batch, part) end
  if is_name(device) then
    if redis.call("EXISTS", key) == 0 then redis.call("SREM", P .. "names:" .. owner, string.sub(device, 6)) end
  elseif redis.call("HINCRBY", P .. "counts:" .. owner, device, -1) <= 0 then
    redis.call("HDEL", P .. "counts:" .. owner, device)
    redis.call("ZREM", P .. "devices:" .. owner, device)
  end
  if redis.call("HINCRBY", P .. "owners", owner, -1) <= 0 then redis.call("HDEL", P .. "owners", owner) end
  return true
end
`

/** Forgets a batch that has no entries. Returns its owner, if there is such a batch, and how many rejected points it had. */
const forget = `
local function forget(id)
  local owner, rejected, bytes = unpack(redis.call("HMGET", P .. "batch:" .. id, "owner", "rejected", "rejected_bytes"))
  if not owner then return false, 0 end
  redis.call("UNLINK", P .. "batch:" .. id, P .. "rejected:" .. id, P .. "contents:" .. id, P .. "parts:" .. id)
  for _, key in ipairs({ "waiting", "with_rejected", "stored", "kept" }) do redis.call("ZREM", P .. key, id) end
  total("batches", -1)
  total("rejected", -rejected)
  total("bytes", -bytes)
  return owner, tonumber(rejected)
end
`

const parts = { time, push, takeOut, forget }

/**
 * A script whose arguments are texts and numbers. One that only adds is refused by a Redis without free memory, before it does anything; the
 * others run then too, since they free memory.
 */
export const script = <A>(
  lua: string,
  { adds = false, uses = [] }: { readonly adds?: boolean; readonly uses?: ReadonlyArray<keyof typeof parts> } = {}
) =>
  Redis.script((...values: ReadonlyArray<string | number>) => [prefix, ...values], {
    numberOfKeys: 1,
    lua: `#!lua${adds ? "" : " flags=allow-oom"}\n${places}${uses.map((name) => parts[name]).join("")}${lua}`
  }).withReturnType<A>()
