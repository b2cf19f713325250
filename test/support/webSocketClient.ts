/** A WebSocket whose messages are awaited one by one, in the order in which they came. */
import { Effect } from "effect"

export type ReceivedFrame = { readonly message: string } | { readonly code: number; readonly reason: string }

export interface WebSocketClient {
  /** Nothing happens when the socket is closed. */
  readonly send: (message: string | Uint8Array<ArrayBuffer>) => void
  /** The next message or the close frame; dies when none comes in time. */
  readonly next: Effect.Effect<ReceivedFrame>
  readonly isOpen: () => boolean
}

const patience = 2000

/** Browsers take no headers, Bun does. */
const Socket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => WebSocket

export const connect = (url: string, headers: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ readonly socket: WebSocket; readonly client: WebSocketClient }>((resolve, reject) => {
          const socket = new Socket(url.replace(/^http/, "ws"), { headers })
          const heard: Array<ReceivedFrame> = []
          let tell: (() => void) | undefined
          const hear = (what: ReceivedFrame) => {
            heard.push(what)
            tell?.()
          }
          const next = async (): Promise<ReceivedFrame> => {
            if (heard.length === 0) {
              await new Promise<void>((ready, late) => {
                const timer = setTimeout(() => late(new Error("Nothing was heard")), patience)
                tell = () => {
                  clearTimeout(timer)
                  ready()
                }
              })
              tell = undefined
            }
            return heard.shift()!
          }
          socket.addEventListener("message", ({ data }) => hear({ message: String(data) }))
          socket.addEventListener("close", ({ code, reason }) => hear({ code, reason }))
          socket.addEventListener("error", () => reject(new Error("The socket could not be opened")))
          const client: WebSocketClient = {
            send: (message) => {
              if (socket.readyState === WebSocket.OPEN) socket.send(message)
            },
            next: Effect.promise(next),
            isOpen: () => socket.readyState === WebSocket.OPEN
          }
          socket.addEventListener("open", () => resolve({ socket, client }))
        })
    ),
    ({ socket }) => Effect.sync(() => socket.close())
  ).pipe(Effect.map(({ client }) => client))
