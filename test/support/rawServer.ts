/** A server that speaks HTTP by hand, for responses and connections that no HTTP server would make. */
import { Effect } from "effect"

export interface RawConnection {
  /** From 1, in the order of arrival. */
  readonly number: number
  /** Requests on this connection so far: those whose fields have arrived as a whole. */
  requests: number
  /** All bytes received, as Latin-1. */
  text: string
  readonly write: (bytes: string | Uint8Array) => void
  readonly end: () => void
  /** Resets the connection. */
  readonly reset: () => void
}

export interface RawServerOptions {
  readonly hostname?: string
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly onOpen?: (connection: RawConnection) => void
  /** Called for each part of the network's that ends a request's fields; bodies are not looked at. */
  readonly onRequest?: (connection: RawConnection) => void
  /** Called for each part before `onRequest`. */
  readonly onData?: (connection: RawConnection, bytes: Buffer) => void
  readonly onClose?: (connection: RawConnection) => void
}

export const rawServer = ({ hostname = "127.0.0.1", onClose, onData, onOpen, onRequest, tls }: RawServerOptions) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const connections: Array<RawConnection> = []
        const server = Bun.listen<{ connection: RawConnection; unsent: Buffer }>({
          hostname,
          port: 0,
          ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
          socket: {
            open: (socket) => {
              const flush = () => {
                const written = socket.write(socket.data.unsent)
                if (written > 0) socket.data.unsent = socket.data.unsent.subarray(written)
              }
              const connection: RawConnection = {
                number: connections.length + 1,
                requests: 0,
                text: "",
                write: (bytes) => {
                  socket.data.unsent = Buffer.concat([socket.data.unsent, Buffer.from(bytes as string, "latin1")])
                  flush()
                },
                end: () => void socket.end(),
                reset: () => socket.terminate()
              }
              socket.data = { connection, unsent: Buffer.alloc(0) }
              connections.push(connection)
              onOpen?.(connection)
            },
            data: (socket, bytes) => {
              const { connection } = socket.data
              onData?.(connection, bytes)
              connection.text += bytes.toString("latin1")
              const count = connection.text.split("\r\n\r\n").length - 1
              if (count === connection.requests) return
              connection.requests = count
              onRequest?.(connection)
            },
            drain: (socket) => {
              if (socket.data.unsent.length > 0)
                socket.data.unsent = socket.data.unsent.subarray(Math.max(0, socket.write(socket.data.unsent)))
            },
            close: (socket) => onClose?.(socket.data.connection)
          }
        })
        return { connections, server }
      }),
      ({ server }) => Effect.sync(() => server.stop(true))
    ),
    ({ connections, server }) => ({ connections, port: server.port })
  )

/** A response with a Content-Length. */
export const response = (body: string, fields = "", status = "200 OK") =>
  `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
