/**
 * The WebSocket: `/api/ws`, where the first message logs in, and the old `/api/ws/plugins/telemetry?token=`.
 *
 * - `LiveSession.ts`: one client; `commands.ts` reads what it sends, `updates.ts` prints what it gets
 * - `telemetry.ts`, `EntityDataFeed.ts`: what can be subscribed to
 *
 * No limits of sessions or of subscriptions; alarms, notifications and the history within ENTITY_DATA are not played.
 */
import { Clock, Context, Effect, Layer, Result } from "effect"
import { Events } from "../store/Events.ts"
import { FaultInjection } from "../faults/FaultInjection.ts"
import type { ErrorResponse } from "../http/ErrorResponse.ts"
import { Sessions } from "../auth/Sessions.ts"
import { Store } from "../store/Store.ts"
import type { Form } from "./commands.ts"
import { closeCodes, LiveSession } from "./LiveSession.ts"

/** Travels with a socket. */
interface Attached {
  readonly form: Form
  readonly token: string | undefined
  session?: LiveSession
  /** Messages that wait for a slow reader. */
  readonly waiting: Array<string>
  /** When it last answered a ping, by `performance.now`. */
  aliveAt: number
}

type Socket = Bun.ServerWebSocket<Attached>

const forms: Readonly<Record<string, Form>> = { "/api/ws": "general", "/api/ws/plugins/telemetry": "telemetry" }

const authenticationTimeout = "10 seconds"
const pingMillis = 10_000
const silenceMillis = 30_000
/** Between two runs of dynamic queries. */
const refreshMillis = 60_000
const maxQueueLength = 1000

/** The close frame takes 123 bytes; a longer reason ends in an ellipsis. */
const shorten = (reason: string): string => {
  const bytes = Buffer.from(reason)
  return bytes.length <= 123
    ? reason
    : `${bytes
        .subarray(0, 120)
        .toString()
        .replace(/\uFFFD+$/, "")}…`
}

const reasonOf = ({ errorCode, message, status }: ErrorResponse): string => {
  if (status !== 401) return message
  return errorCode === 11 ? "JWT Token expired" : "Invalid JWT token: "
}

export class LiveServer extends Context.Service<
  LiveServer,
  {
    readonly upgrade: (request: Request, server: Bun.Server<unknown>) => boolean
    readonly websocket: Bun.WebSocketHandler<unknown>
    /** Closes all sockets, as a server that goes away does. */
    readonly closeAll: (code: number, reason: string) => void
    /** How many sockets are open. */
    readonly count: () => number
  }
>()("boardwalk/emulator/live/LiveServer") {
  static readonly layer = Layer.effect(
    LiveServer,
    Effect.gen(function* () {
      const store = yield* Store
      const sessions = yield* Sessions
      const events = yield* Events
      const faults = yield* FaultInjection
      const clock = yield* Clock.Clock
      const runSync = Effect.runSyncWith(yield* Effect.context<never>())
      const fork = yield* Effect.map(Effect.scope, (scope) => (effect: Effect.Effect<void>) => runSync(Effect.forkIn(effect, scope)))
      const sockets = new Set<Socket>()

      const authenticate = (token: string) => {
        if (token === "") return "Token is invalid"
        const found = runSync(Effect.result(sessions.authenticateToken(token)))
        return Result.isSuccess(found) ? found.success : reasonOf(found.failure)
      }

      const send = (socket: Socket, message: string) => {
        if (socket.readyState !== WebSocket.OPEN) return
        const { waiting } = socket.data
        if (waiting.length === 0 && socket.getBufferedAmount() === 0) return void socket.send(message)
        waiting.push(message)
        if (waiting.length > maxQueueLength) socket.close(closeCodes.policyViolation, "Max pending updates limit reached!")
      }

      const drain = (socket: Socket) => {
        const { waiting } = socket.data
        while (waiting.length > 0 && socket.getBufferedAmount() === 0) socket.send(waiting.shift()!)
      }

      const open = (socket: Socket) => {
        sockets.add(socket)
        const session = new LiveSession(
          {
            store,
            authenticate,
            now: () => clock.currentTimeMillisUnsafe(),
            send: (message) => send(socket, message),
            close: (code, reason) => socket.close(code, shorten(reason))
          },
          socket.data.form
        )
        socket.data.session = session
        session.open(socket.data.token)
        if (session.isAuthenticated) return
        const expire = Effect.sync(() => {
          if (!session.isAuthenticated && sockets.has(socket)) socket.close(closeCodes.policyViolation)
        })
        fork(Effect.delay(expire, authenticationTimeout))
      }

      // The socket's type is of our own making: `upgrade` attaches what `Attached` says.
      const ours = (socket: Bun.ServerWebSocket<unknown>) => socket as Socket

      yield* Effect.acquireRelease(
        Effect.sync(() => events.subscribe((saved) => sockets.forEach(({ data }) => data.session?.hear(saved)))),
        (stop) => Effect.sync(stop)
      )
      const ping = (socket: Socket) => {
        if (performance.now() - socket.data.aliveAt >= silenceMillis) socket.close(closeCodes.notReliable)
        else socket.ping()
      }
      // By the real clock: a test that moves its own by years would wait for all the times in between.
      const every = (millis: number, visit: (socket: Socket) => void) =>
        Effect.acquireRelease(
          Effect.sync(() => setInterval(() => sockets.forEach(visit), millis)),
          (timer) => Effect.sync(() => clearInterval(timer))
        )
      yield* every(pingMillis, ping)
      yield* every(refreshMillis, ({ data }) => data.session?.refresh())

      return LiveServer.of({
        upgrade: (request, server) => {
          if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return false
          const { pathname, search, searchParams } = new URL(request.url)
          const form = forms[pathname]
          // What was ordered for the handshake is answered as for any other call.
          if (form === undefined || faults.hasFault(request.method, pathname)) return false
          const data: Attached = { form, token: searchParams.get("token") ?? undefined, waiting: [], aliveAt: performance.now() }
          if (!server.upgrade(request, { data })) return false
          // A token in the address is nobody's business.
          faults.recordCall(request.method, pathname, data.token === undefined ? search : "")(101)
          return true
        },
        websocket: {
          maxPayloadLength: 1024 * 1024,
          idleTimeout: 120,
          open: (socket) => open(ours(socket)),
          message: (socket, message) => {
            if (typeof message === "string") ours(socket).data.session?.receive(message)
            else socket.close(closeCodes.notAcceptable, "Binary messages not supported")
          },
          pong: (socket) => {
            ours(socket).data.aliveAt = performance.now()
          },
          drain: (socket) => drain(ours(socket)),
          close: (socket) => void sockets.delete(ours(socket))
        },
        closeAll: (code, reason) => sockets.forEach((socket) => socket.close(code, reason)),
        count: () => sockets.size
      })
    })
  )
}
