/** One WebSocket client: its user and its subscriptions. */
import { textOf } from "../http/bodies.ts"
import type { User } from "../auth/Caller.ts"
import { type EntityQuery, findEntities } from "../queries/entityQuery.ts"
import type { SavedEvent } from "../store/Events.ts"
import { JsonError } from "../values/Json.ts"
import { type Command, type Protocol, type Message, readMessage } from "./commands.ts"
import { EntityDataFeed } from "./EntityDataFeed.ts"
import { CommandError, type Subscriber, type Subscription } from "./Subscriber.ts"
import { subscribeToAttributes, sendHistory, subscribeToTimeseries } from "./subscriptions.ts"
import { countUpdate, errorCodes, errorUpdate } from "./updates.ts"

/** What a session needs from its socket and the emulator. */
export interface SessionContext extends Omit<Subscriber, "user"> {
  readonly close: (code: number, reason: string) => void
  /** The user, or the reason why the token is rejected. */
  readonly authenticate: (token: string) => User | string
}

export const closeCodes = {
  notAcceptable: 1003,
  badData: 1007,
  policyViolation: 1008,
  tooBig: 1009,
  serverError: 1011,
  notReliable: 4500
} as const

/** In characters. ThingsBoard's default (`server.ws.max_text_message_buffer_size`). */
const maxMessageSize = 32_768

export class LiveSession {
  private subscriber: Subscriber | undefined
  private readonly subscriptions = new Map<number, Subscription>()
  private readonly feeds = new Map<number, EntityDataFeed>()
  /** The queries of ENTITY_COUNT, with the counts last sent. */
  private readonly counts = new Map<number, { readonly query: EntityQuery; readonly sent: number }>()

  constructor(
    private readonly context: SessionContext,
    private readonly protocol: Protocol
  ) {}

  get isAuthenticated() {
    return this.subscriber !== undefined
  }

  /** Authenticates with the token in the URL, the only way on the older endpoint. */
  open(token: string | undefined) {
    if (token !== undefined) this.authenticate(token, closeCodes.serverError)
  }

  receive(text: string) {
    if (text.length > maxMessageSize) {
      const reason = "The decoded text message was too big for the output buffer and the endpoint does not support partial messages"
      return this.context.close(closeCodes.tooBig, reason)
    }
    const message = this.read(text)
    if (message === undefined) return
    if (this.subscriber === undefined) {
      if (message.auth === undefined) return this.context.close(closeCodes.policyViolation, "Auth cmd is missing")
      this.authenticate(message.auth.token, closeCodes.badData)
    }
    const { subscriber } = this
    if (subscriber !== undefined) for (const command of message.commands) this.handle(subscriber, command)
  }

  notify(event: SavedEvent) {
    for (const subscription of this.subscriptions.values()) subscription(event)
    for (const feed of this.feeds.values()) feed.notify(event)
  }

  /** Runs dynamic queries and counts again, and sends the changed results. */
  refresh() {
    for (const feed of this.feeds.values()) feed.refresh()
    if (this.subscriber !== undefined) for (const [cmdId, { query }] of this.counts) this.count(this.subscriber, cmdId, query)
  }

  private count({ send, store, user }: Subscriber, cmdId: number, query: EntityQuery) {
    const { total } = findEntities(store, user, query)
    if (this.counts.get(cmdId)?.sent === total) return
    this.counts.set(cmdId, { query, sent: total })
    send(countUpdate(cmdId, total))
  }

  private authenticate(token: string, code: number) {
    const user = this.context.authenticate(token)
    if (typeof user === "string") this.context.close(code, user)
    else this.subscriber = { ...this.context, user }
  }

  private read(text: string): Message | undefined {
    try {
      return readMessage(text, this.protocol)
    } catch (error) {
      if (!(error instanceof JsonError)) throw error
      if (this.subscriber === undefined) {
        this.context.close(closeCodes.badData, `The given string value cannot be transformed to Json object: ${text}`)
      } else this.subscriber.send(errorUpdate(1, errorCodes.badRequest, "Failed to parse the payload"))
      return undefined
    }
  }

  private handle(subscriber: Subscriber, command: Command) {
    try {
      this.perform(subscriber, command)
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      subscriber.send(errorUpdate(command.cmdId, error.code, error.message))
    }
  }

  private perform(subscriber: Subscriber, command: Command) {
    const { cmdId, json, query, type } = command
    if (type.endsWith("_UNSUBSCRIBE")) return void (this.feeds.delete(cmdId) || this.counts.delete(cmdId))
    if (json.get("unsubscribe") === true) return this.unsubscribe(command)
    if (cmdId < 0) throw new CommandError(errorCodes.badRequest, "Cmd id is negative value!")
    switch (type) {
      case "TIMESERIES":
        return void this.subscriptions.set(cmdId, subscribeToTimeseries(subscriber, command))
      case "ATTRIBUTES":
        return void this.subscriptions.set(cmdId, subscribeToAttributes(subscriber, command))
      case "TIMESERIES_HISTORY":
        return sendHistory(subscriber, command)
      case "ENTITY_DATA": {
        const isEmpty = query === undefined && !["latestCmd", "historyCmd", "tsCmd"].some((name) => json.get(name) != null)
        if (isEmpty) throw new CommandError(errorCodes.badRequest, "Query is empty!")
        const feed = this.feeds.get(cmdId) ?? new EntityDataFeed(subscriber, cmdId)
        feed.handle(command)
        return void this.feeds.set(cmdId, feed)
      }
      case "ENTITY_COUNT":
        if (query === undefined) throw new CommandError(errorCodes.badRequest, "Query is empty!")
        // A second command with the same id is ignored; the first query stays.
        return this.counts.has(cmdId) ? undefined : this.count(subscriber, cmdId, query)
      default:
        throw new CommandError(errorCodes.internal, `The emulator does not know ${type}`)
    }
  }

  /** Without an entity id, removes all subscriptions, whatever the command's id. */
  private unsubscribe({ cmdId, json }: Command) {
    if ((textOf(json, "entityId") ?? "") !== "") return void this.subscriptions.delete(cmdId)
    this.subscriptions.clear()
    this.feeds.clear()
    this.counts.clear()
  }
}
