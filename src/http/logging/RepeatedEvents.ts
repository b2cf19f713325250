/**
 * Keeps callers from filling the log. The first event of a kind and client is logged at once. Further ones are counted, and one line per
 * minute has their number. Memory is limited: beyond a number of clients, the others are counted together.
 */
import { Context, Effect, Metric, type Scope } from "effect"
import { countedAddress } from "../../platform/addresses.ts"

export interface Event {
  readonly message: string
  /** What kind of event it is, for the line of the repeated ones. Only few values, since all of them may be kept in memory. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Distinguishes events of a kind further; may have many values. */
  readonly detail?: string | undefined
  readonly address: string
  readonly keyId: string | undefined
}

interface Group {
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
  /** Events since the last line. */
  repeated: number
}

/** Groups of clients without a valid key, and as many of clients with one, so that strangers do not displace keys. */
const defaultMaxGroups = 1000

export class RepeatedEvents {
  private readonly ofStrangers = new Map<string, Group>()
  private readonly ofKeys = new Map<string, Group>()
  /** By kind and key, for clients that have no group of their own. As many as there are kinds and keys. */
  private readonly ofOthers = new Map<string, Group>()

  constructor(private readonly maxGroups = defaultMaxGroups) {}

  /** Whether the event is to be logged. Otherwise it is counted. */
  admit({ address, detail = "", fields, keyId, message }: Event): boolean {
    const groups = keyId === undefined ? this.ofStrangers : this.ofKeys
    const kind = `${message}\n${Object.values(fields).join("\n")}\n${keyId ?? ""}`
    const client = countedAddress(address)
    const name = `${kind}\n${client}\n${detail}`
    const key = keyId === undefined ? {} : { key_id: keyId }
    const own = groups.get(name)
    if (own !== undefined) return count(own)
    if (groups.size < this.maxGroups) {
      groups.set(name, { message, fields: { ...fields, address: client, ...key }, repeated: 0 })
      return true
    }
    const others = this.ofOthers.get(kind)
    if (others !== undefined) return count(others)
    this.ofOthers.set(kind, { message, fields: { ...fields, ...key, addresses: "various" }, repeated: 0 })
    return true
  }

  /** The groups with repeated events. Their counting starts anew; groups without any are forgotten, so that their next event is logged. */
  take(): ReadonlyArray<Group> {
    const taken: Array<Group> = []
    for (const groups of [this.ofStrangers, this.ofKeys, this.ofOthers]) {
      for (const [name, group] of groups) {
        if (group.repeated === 0) groups.delete(name)
        else {
          taken.push({ ...group })
          group.repeated = 0
        }
      }
    }
    return taken
  }
}

const count = (group: Group): false => {
  group.repeated++
  return false
}

/** Undefined outside a server, where every event is logged. */
export const CurrentRepeatedEvents = Context.Reference<RepeatedEvents | undefined>("boardwalk/http/CurrentRepeatedEvents", {
  defaultValue: () => undefined
})

const repeatedTotal = Metric.counter("boardwalk_repeated_log_events_total", {
  description: "Events that were counted instead of logged, because a client repeated them.",
  incremental: true
})

/** Logs the numbers every minute, and when the scope closes. */
export const makeRepeatedEvents: Effect.Effect<RepeatedEvents, never, Scope.Scope> = Effect.gen(function* () {
  const events = new RepeatedEvents()
  const report = Effect.suspend(() =>
    Effect.forEach(
      events.take(),
      ({ fields, message, repeated }) =>
        Effect.andThen(
          Metric.update(Metric.withAttributes(repeatedTotal, { event: message }), repeated),
          Effect.logWarning(message, { ...fields, repeated })
        ),
      { discard: true }
    )
  )
  yield* Effect.addFinalizer(() => report)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 minute"), report)))
  return events
})
