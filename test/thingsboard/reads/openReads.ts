/** ThingsBoard's client in front of an upstream whose responses are held back until a test releases them. */
import { Effect, Layer, Redacted } from "effect"
import { Settings, type SettingsShape } from "../../../src/config/Settings.ts"
import { Visibility } from "../../../src/domain/Visibility.ts"
import { EventLoop } from "../../../src/platform/EventLoop.ts"
import { Session } from "../../../src/thingsboard/auth/Session.ts"
import { CurrentVisibility } from "../../../src/thingsboard/reads/CurrentVisibility.ts"
import { ThingsBoard } from "../../../src/thingsboard/ThingsBoard.ts"
import { UserSessions } from "../../../src/thingsboard/UserSessions.ts"
import { canaries } from "../../support/leaks/canaries.ts"
import { scriptedUpstream, tokens } from "../../support/scriptedUpstream.ts"

export const device = "784f394c-42b6-435a-983c-b7beff2784f9"
export const other = "784f394c-42b6-435a-983c-b7beff2784fa"

/** A call that has arrived at the upstream and has no response yet. */
interface Held {
  readonly call: string
  readonly body: string
  readonly respond: (response: Response) => void
  /** Whether the gateway has closed the connection. */
  readonly signal: AbortSignal
}

export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep("1 millis"), until(condition))))

export const openReads = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}) {
  const held: Array<Held> = []
  const calls: Array<string> = []
  const hold = ({ body, method, path }: { method: string; path: string; body: string }, { signal }: Request) => {
    calls.push(`${method} ${path}`)
    const { promise, resolve } = Promise.withResolvers<Response>()
    held.push({ call: `${method} ${path}`, body, respond: resolve, signal })
    return promise
  }
  const script = new Proxy({} as Record<string, typeof hold>, {
    get: (_, name) => (name === "POST /api/auth/login" ? tokens("a") : hold)
  })
  const upstream = yield* scriptedUpstream(script)
  const password = Redacted.make(canaries.password)
  const context = yield* Layer.build(
    Layer.mergeAll(ThingsBoard.layer, UserSessions.layer).pipe(
      Layer.provideMerge(Session.layer),
      Layer.provide(EventLoop.layer),
      Layer.provide(
        Settings.layerTest({
          tbHost: upstream.url,
          tbCredentials: { _tag: "Password", username: "tenant@example.com", password },
          ...settings
        })
      )
    )
  )
  const { sessions, thingsBoard } = yield* Effect.provide(Effect.all({ thingsBoard: ThingsBoard, sessions: UserSessions }), context)
  const arrived = (count: number) => until(() => calls.length >= count)
  return {
    thingsBoard,
    calls,
    /** Responds to the calls that are held, or will be: to each of `count`, in the order of their arrival, with its text. */
    release: (...texts: ReadonlyArray<string | Response>) =>
      Effect.gen(function* () {
        for (const text of texts) {
          yield* until(() => held.length > 0)
          held.shift()!.respond(typeof text === "string" ? new Response(text, { headers: { "content-type": "application/json" } }) : text)
        }
      }),
    held,
    arrived,
    read: (path: string) => Effect.map(thingsBoard.get(path), String),
    otherUser: sessions.acquire({ _tag: "Password", username: "other@example.com", password })
  }
})

/** Runs as a caller who may only see devices of a type. */
export const restrictedTo = (type: string) => {
  const visibility = new Visibility({ types: [type] })
  return <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provideService(effect, CurrentVisibility, visibility)
}
