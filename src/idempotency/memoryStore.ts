/** Keeps responses in this process, in bounded memory. */
import { Effect } from "effect"
import { currentMonotonicMillis } from "../platform/monotonicTime.ts"
import type { Claim, KeptResponse, RequestName, Store } from "./model.ts"

interface Entry {
  /** Undefined while the request runs. */
  response: KeptResponse | undefined
  expiresAt: number
  bytes: number
}

/** The entries of one caller; those with a response in the order in which they expire. */
interface Caller {
  readonly running: Map<string, Entry>
  readonly finished: Map<string, Entry>
  bytes: number
}

/** Memory of an entry beside the body of its response: names, digest, headers and the maps. */
const entryBytes = 1024

/**
 * Keeps each response for `ttlMillis`, all together in at most `maxBytes`. If there is no room, the caller with the most bytes loses its
 * oldest response, so that one caller cannot displace the responses of the others.
 */
export const makeMemoryStore = (ttlMillis: number, maxBytes: number): Store & { readonly bytes: () => number } => {
  const callers = new Map<string, Caller>()
  let total = 0

  const callerOf = (id: string): Caller => {
    const found = callers.get(id)
    if (found !== undefined) return found
    const made: Caller = { running: new Map(), finished: new Map(), bytes: 0 }
    callers.set(id, made)
    return made
  }

  const forget = (id: string, caller: Caller, name: string) => {
    const entry = caller.finished.get(name)
    if (entry !== undefined) {
      caller.finished.delete(name)
      caller.bytes -= entry.bytes
      total -= entry.bytes
    }
    if (caller.finished.size === 0 && caller.running.size === 0) callers.delete(id)
  }

  const forgetExpired = (id: string, caller: Caller, now: number) => {
    for (const [name, { expiresAt }] of caller.finished) {
      if (expiresAt > now) return
      forget(id, caller, name)
    }
  }

  const hasNoRoom = (bytes: number) => total > 0 && total + bytes > maxBytes

  const forgetOldestOfLargest = () => {
    const [id, largest] = [...callers].reduce((a, b) => (b[1].bytes > a[1].bytes ? b : a))
    forget(id, largest, largest.finished.keys().next().value!)
  }

  const claimAt = ({ caller: id, key, operation }: RequestName, now: number): Claim => {
    const name = `${operation} ${key}`
    const known = callers.get(id)
    if (known !== undefined) forgetExpired(id, known, now)
    const response = known?.finished.get(name)?.response
    if (response !== undefined) return { _tag: "Finished", response }
    if (known?.running.has(name) === true) return { _tag: "Running" }
    const entry: Entry = { response: undefined, expiresAt: Number.POSITIVE_INFINITY, bytes: 0 }
    callerOf(id).running.set(name, entry)
    const release = Effect.sync(() => {
      const caller = callers.get(id)
      if (caller?.running.get(name) !== entry) return
      caller.running.delete(name)
      forget(id, caller, name)
    })
    const keep = (kept: KeptResponse) =>
      Effect.map(currentMonotonicMillis, (finishedAt) => {
        const bytes = entryBytes + name.length + kept.body.length
        callerOf(id).running.delete(name)
        if (bytes > maxBytes) return
        while (hasNoRoom(bytes)) forgetOldestOfLargest()
        const caller = callerOf(id)
        caller.finished.set(name, { response: kept, expiresAt: finishedAt + ttlMillis, bytes })
        caller.bytes += bytes
        total += bytes
      })
    return { _tag: "Claimed", keep, release, renew: Effect.never }
  }

  return {
    claim: (name) => Effect.map(currentMonotonicMillis, (now) => claimAt(name, now)),
    bytes: () => total
  }
}
