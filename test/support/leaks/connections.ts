/**
 * Watches connections on Bun's sockets: what clients that read raw bytes receive, and the gateway's own connections to ThingsBoard, which are
 * known by the paths that they request.
 */
import { toUrlHost } from "../../../src/platform/addresses.ts"

interface Watch {
  /** A check of bytes that arrive in chunks. */
  readonly openStream: (place: string) => (chunk: Uint8Array) => void
  /** Whether this is a path of ThingsBoard. */
  readonly isThingsBoardPath: (path: string) => boolean
  readonly checkRequest: (place: string, url: URL, init: { readonly headers: Headers; readonly body?: Uint8Array<ArrayBuffer> }) => void
  /** `text`: of a response. */
  readonly registerTokens: (place: string, text: string) => void
}

const requestLine = /^([A-Z]+) (\S+) HTTP\/1\.1\r\n/

const parseHeaders = (lines: string) =>
  new Headers(lines.split("\r\n").map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]))

type Options = Parameters<typeof Bun.connect>[0]

/** Replaces `Bun.connect` by one that watches. */
export const watchConnections = ({ checkRequest, isThingsBoardPath, openStream, registerTokens }: Watch) => {
  const connect = Bun.connect.bind(Bun)

  const watched = (options: Options): Options => {
    const { data, open } = options.socket
    // No test uses Unix sockets.
    const { hostname, port } = options as unknown as Bun.TCPSocketConnectOptions<undefined>
    const origin = `http://${toUrlHost(hostname)}:${port}`
    let place = "response to a raw connection"
    let check = openStream(place)
    let isToThingsBoard = false

    const watchRequest = (bytes: Buffer) => {
      const line = requestLine.exec(bytes.toString("latin1", 0, 8192))
      if (line === null || !isThingsBoardPath(line[2]!)) {
        if (isToThingsBoard) openStream(place.replace("response to", "request for"))(bytes)
        return
      }
      isToThingsBoard = true
      const url = new URL(line[2]!, origin)
      const end = bytes.indexOf("\r\n\r\n")
      const call = `${line[1]} ${url.origin}${url.pathname}`
      checkRequest(`request for ${call}`, url, {
        headers: parseHeaders(bytes.toString("latin1", line[0].length, end)),
        body: new Uint8Array(bytes.subarray(end + 4))
      })
      place = `response to ${call}`
      check = openStream(place)
    }

    return {
      ...options,
      socket: {
        ...options.socket,
        open: (socket: Bun.Socket) => {
          const write = socket.write.bind(socket)
          const watchedWrite = (bytes: string | Buffer, ...rest: ReadonlyArray<never>) => {
            watchRequest(Buffer.from(bytes as string))
            return write(bytes, ...(rest as []))
          }
          Object.defineProperty(socket, "write", { value: watchedWrite })
          return open?.(socket as never)
        },
        data: (socket: Bun.Socket, bytes: Buffer) => {
          check(bytes)
          if (isToThingsBoard) registerTokens(place, bytes.toString())
          return data?.(socket as never, bytes as never)
        }
      }
    } as Options
  }

  Bun.connect = ((options: Options) => connect(watched(options))) as typeof Bun.connect
}
