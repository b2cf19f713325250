/** A WebSocket client that hands out its messages one at a time, in the order of arrival. */
import { Effect } from "effect"

/** A message, or the close frame. */
export type ReceivedFrame = { readonly message: string } | { readonly code: number; readonly reason: string }

export interface WebSocketClient {
  /** Does nothing once the socket is closed. */
  readonly send: (message: string | Uint8Array<ArrayBuffer>) => void
  /** The next message or the close frame; dies after two seconds without one. */
  readonly next: Effect.Effect<ReceivedFrame>
  readonly isOpen: () => boolean
}

const timeoutMillis = 2000

/** Bun's WebSocket accepts request headers, which the DOM's type does not know. */
const Socket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => WebSocket

export const connect = (url: string, headers: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ readonly socket: WebSocket; readonly client: WebSocketClient }>((resolve, reject) => {
          const socket = new Socket(url.replace(/^http/, "ws"), { headers })
          const frames: Array<ReceivedFrame> = []
          let notify: (() => void) | undefined
          const receive = (frame: ReceivedFrame) => {
            frames.push(frame)
            notify?.()
          }
          const next = async (): Promise<ReceivedFrame> => {
            if (frames.length === 0) {
              await new Promise<void>((resolve, reject) => {
                const timer = setTimeout(() => reject(new Error("No frame arrived")), timeoutMillis)
                notify = () => {
                  clearTimeout(timer)
                  resolve()
                }
              })
              notify = undefined
            }
            return frames.shift()!
          }
          socket.addEventListener("message", ({ data }) => receive({ message: String(data) }))
          socket.addEventListener("close", ({ code, reason }) => receive({ code, reason }))
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
