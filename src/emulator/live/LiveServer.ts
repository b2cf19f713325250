/**
 * The WebSocket server: `/api/ws`, where the client's first message authenticates it, and the older `/api/ws/plugins/telemetry?token=`.
 *
 * - `LiveSession.ts`: one client; `commands.ts` parses its messages, `updates.ts` prints the responses and updates
 * - `subscriptions.ts`, `EntityDataFeed.ts`: the subscriptions
 *
 * The behavior follows the recordings `ws-*.json` in `test/contract/exchanges`. Not emulated: limits on sessions and subscriptions, alarms,
 * notifications, and history within ENTITY_DATA.
 */
import { Clock, Context, Effect, Layer, Result } from "effect"
import { Events } from "../store/Events.ts"
import { FaultInjection } from "../faults/FaultInjection.ts"
import type { ErrorResponse } from "../http/ErrorResponse.ts"
import { Sessions } from "../auth/Sessions.ts"
import { Store } from "../store/Store.ts"
import type { Protocol } from "./commands.ts"
import { closeCodes, LiveSession } from "./LiveSession.ts"

/** The state of a socket. */
interface SocketData {
  readonly protocol: Protocol
  readonly token: string | undefined
  session?: LiveSession
  /** Messages that a slow client has not received yet. */
  readonly queue: Array<string>
  /** When the last pong arrived, by `performance.now`. */
  lastPongAt: number
}

type Socket = Bun.ServerWebSocket<SocketData>

const protocols: Readonly<Record<string, Protocol>> = { "/api/ws": "general", "/api/ws/plugins/telemetry": "telemetry" }

const authenticationTimeout = "10 seconds"
const pingMillis = 10_000
const pongTimeoutMillis = 30_000
/** Interval between two runs of dynamic queries. */
const refreshMillis = 60_000
const maxQueueLength = 1000

/** A close frame has room for 123 bytes; longer reasons end with an ellipsis. */
const truncateReason = (reason: string): string => {
  const bytes = Buffer.from(reason)
  return bytes.length <= 123
    ? reason
    : `${bytes
        .subarray(0, 120)
        .toString()
        .replace(/\uFFFD+$/, "")}…`
}

const closeReason = ({ errorCode, message, status }: ErrorResponse): string => {
  if (status !== 401) return message
  return errorCode === 11 ? "JWT Token expired" : "Invalid JWT token: "
}

export class LiveServer extends Context.Service<
  LiveServer,
  {
    readonly upgrade: (request: Request, server: Bun.Server<unknown>) => boolean
    readonly websocket: Bun.WebSocketHandler<unknown>
    /** Closes all sockets, as a server does when it stops. */
    readonly closeAll: (code: number, reason: string) => void
    /** The number of open sockets. */
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
        return Result.isSuccess(found) ? found.success : closeReason(found.failure)
      }

      const send = (socket: Socket, message: string) => {
        if (socket.readyState !== WebSocket.OPEN) return
        const { queue } = socket.data
        if (queue.length === 0 && socket.getBufferedAmount() === 0) return void socket.send(message)
        queue.push(message)
        if (queue.length > maxQueueLength) socket.close(closeCodes.policyViolation, "Max pending updates limit reached!")
      }

      const drain = (socket: Socket) => {
        const { queue } = socket.data
        while (queue.length > 0 && socket.getBufferedAmount() === 0) socket.send(queue.shift()!)
      }

      const open = (socket: Socket) => {
        sockets.add(socket)
        const session = new LiveSession(
          {
            store,
            authenticate,
            now: () => clock.currentTimeMillisUnsafe(),
            send: (message) => send(socket, message),
            close: (code, reason) => socket.close(code, truncateReason(reason))
          },
          socket.data.protocol
        )
        socket.data.session = session
        session.open(socket.data.token)
        if (session.isAuthenticated) return
        const expire = Effect.sync(() => {
          if (!session.isAuthenticated && sockets.has(socket)) socket.close(closeCodes.policyViolation)
        })
        fork(Effect.delay(expire, authenticationTimeout))
      }

      // `upgrade` gives every socket its `SocketData`, but Bun's types do not know that.
      const asSocket = (socket: Bun.ServerWebSocket<unknown>) => socket as Socket

      yield* Effect.acquireRelease(
        Effect.sync(() => events.subscribe((event) => sockets.forEach(({ data }) => data.session?.notify(event)))),
        (stop) => Effect.sync(stop)
      )
      const ping = (socket: Socket) => {
        if (performance.now() - socket.data.lastPongAt >= pongTimeoutMillis) socket.close(closeCodes.notReliable)
        else socket.ping()
      }
      // Uses the real clock: with a test clock that jumps by years, all the runs in between would have to happen first.
      const runEvery = (millis: number, action: (socket: Socket) => void) =>
        Effect.acquireRelease(
          Effect.sync(() => setInterval(() => sockets.forEach(action), millis)),
          (timer) => Effect.sync(() => clearInterval(timer))
        )
      yield* runEvery(pingMillis, ping)
      yield* runEvery(refreshMillis, ({ data }) => data.session?.refresh())

      return LiveServer.of({
        upgrade: (request, server) => {
          if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return false
          const { pathname, search, searchParams } = new URL(request.url)
          const protocol = protocols[pathname]
          // With a fault for the handshake, the request is handled like any other call.
          if (protocol === undefined || faults.hasFault(request.method, pathname)) return false
          const data: SocketData = {
            protocol,
            token: searchParams.get("token") ?? undefined,
            queue: [],
            lastPongAt: performance.now()
          }
          if (!server.upgrade(request, { data })) return false
          // The URL of the older endpoint contains the token, which must not be recorded.
          faults.recordCall(request.method, pathname, data.token === undefined ? search : "")(101)
          return true
        },
        websocket: {
          maxPayloadLength: 1024 * 1024,
          idleTimeout: 120,
          open: (socket) => open(asSocket(socket)),
          message: (socket, message) => {
            if (typeof message === "string") asSocket(socket).data.session?.receive(message)
            else socket.close(closeCodes.notAcceptable, "Binary messages not supported")
          },
          pong: (socket) => {
            asSocket(socket).data.lastPongAt = performance.now()
          },
          drain: (socket) => drain(asSocket(socket)),
          close: (socket) => void sockets.delete(asSocket(socket))
        },
        closeAll: (code, reason) => sockets.forEach((socket) => socket.close(code, reason)),
        count: () => sockets.size
      })
    })
  )
}
