/** Connections to a server over TCP or TLS, directly or through a proxy, on Bun's sockets. Knows nothing of what is sent. */
import { Redacted } from "effect"
import { toUrlHost } from "./addresses.ts"

export interface Destination {
  /** A name, or an IP address; IPv6 without brackets. All addresses of a name are tried. */
  readonly hostname: string
  readonly port: number
  /**
   * TLS 1.2 or later. The server's certificate must name the host and come from one of these authorities (PEM), or from a public one if
   * they are undefined, whatever NODE_TLS_REJECT_UNAUTHORIZED says.
   */
  readonly tls?: { readonly authorities: string | undefined }
  /** A proxy for HTTP. With TLS it is asked for a tunnel; without, it is sent the requests themselves. */
  readonly proxy?: Proxy | undefined
}

export interface Proxy {
  /** As in a destination. */
  readonly hostname: string
  readonly port: number
  /** The value of `Proxy-Authorization`. */
  readonly authorization: Redacted.Redacted<string> | undefined
}

/** `ended`: the server closed the connection in an orderly way. */
export type ClosedBy = "unresolved" | "refused" | "certificate" | "broken" | "ended"

export interface SocketEvents {
  /** Connected, and the server's certificate verified. Nothing can be written before. */
  readonly onOpen: () => void
  /** The bytes are not overwritten later. */
  readonly onData: (bytes: Buffer) => void
  /** After a write that was not accepted as a whole. */
  readonly onWritable: () => void
  /** Called once, also if there never was a connection; not after `destroy`. */
  readonly onClose: (by: ClosedBy) => void
}

export interface ClientSocket {
  /** How many of the bytes the system accepted; negative if the connection is closed. */
  readonly write: (bytes: Uint8Array) => number
  /** Stops reading, so that the server has to wait. The end of the connection is not noticed meanwhile. */
  readonly pause: () => void
  readonly resume: () => void
  /** Closes the connection at once. No event follows. */
  readonly destroy: () => void
}

const failureOf = (error: unknown): ClosedBy => {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  if (code === "ECONNREFUSED" || code === "FailedToOpenSocket") return "refused"
  if (code === "ENOTFOUND") return "unresolved"
  return /CERT|SSL|TLS|VERIFY|SELF_SIGNED/i.test(code) ? "certificate" : "broken"
}

export type Connect = (destination: Destination, events: SocketEvents) => ClientSocket

type Handlers = Bun.SocketHandler<undefined>

const tlsOptions = ({ hostname, tls }: Destination) => ({
  rejectUnauthorized: true,
  serverName: hostname,
  ...(tls?.authorities === undefined ? {} : { ca: tls.authorities })
})

class Socket implements ClientSocket {
  /** Set as soon as it can be terminated. */
  private socket: Bun.Socket | undefined
  private isReady = false
  private isClosed = false
  private hasEnded = false

  constructor(
    private readonly destination: Destination,
    private readonly events: SocketEvents
  ) {
    const { hostname, port } = destination.proxy ?? destination
    const isDirect = destination.tls !== undefined && destination.proxy === undefined
    const fail = (error: unknown) => this.close(failureOf(error))
    try {
      Bun.connect({
        hostname,
        port,
        ...(isDirect ? { tls: tlsOptions(destination) } : {}),
        socket: isDirect ? this.secured : destination.tls === undefined ? this.plain : this.tunnel
      }).catch(fail)
    } catch (error) {
      queueMicrotask(() => fail(error))
    }
  }

  write(bytes: Uint8Array) {
    return this.isClosed || !this.isReady ? -1 : this.socket!.write(bytes)
  }

  pause() {
    this.socket?.pause()
  }

  resume() {
    this.socket?.resume()
  }

  destroy() {
    this.isClosed = true
    this.socket?.terminate()
  }

  private open(opened: Bun.Socket) {
    this.socket = opened
    if (this.isClosed) return opened.terminate()
    this.isReady = true
    opened.setNoDelay(true)
    this.events.onOpen()
  }

  private close(by: ClosedBy) {
    if (this.isClosed) return
    this.isClosed = true
    this.events.onClose(by)
  }

  private get plain(): Handlers {
    return {
      open: (opened) => this.open(opened),
      data: (_, bytes) => {
        if (!this.isClosed) this.events.onData(bytes)
      },
      drain: () => {
        if (!this.isClosed && this.isReady) this.events.onWritable()
      },
      end: () => {
        this.hasEnded = true
      },
      close: (_, error) => this.close(this.hasEnded && error === undefined ? "ended" : "broken"),
      error: () => this.close("broken"),
      connectError: (_, error) => this.close(failureOf(error))
    }
  }

  private get secured(): Handlers {
    return {
      ...this.plain,
      // Called before the handshake.
      open: (opened) => {
        this.socket = opened
        if (this.isClosed) opened.terminate()
      },
      handshake: (opened, success, error) => {
        if (success && error === null) return this.open(opened)
        this.close(failureOf(error))
        opened.terminate()
      }
    }
  }

  /** Asks the proxy for a connection to the destination (RFC 9110, 9.3.6), and begins TLS on it. */
  private get tunnel(): Handlers {
    let isOpen = false
    let response = ""
    const refuse = (socket: Bun.Socket, by: ClosedBy) => {
      this.close(by)
      socket.terminate()
    }
    return {
      ...this.plain,
      open: (socket) => {
        this.socket = socket
        if (this.isClosed) return socket.terminate()
        socket.write(connectRequest(this.destination))
      },
      data: (socket, bytes) => {
        // Bun passes on the encrypted bytes as well.
        if (isOpen || this.isClosed) return
        response += bytes.toString("latin1")
        const end = response.indexOf("\r\n\r\n")
        if (end === -1) return response.length > maxTunnelResponse ? refuse(socket, "broken") : undefined
        // A server speaks first only without TLS.
        if (!/^HTTP\/1\.[01] 2\d\d[ \r]/.test(response) || end + 4 < response.length) return refuse(socket, "refused")
        isOpen = true
        socket.upgradeTLS({ data: undefined, tls: tlsOptions(this.destination), socket: this.secured })
      },
      drain: () => {},
      end: () => {},
      close: () => this.close(isOpen ? "broken" : "refused")
    }
  }
}

const maxTunnelResponse = 16 * 1024

const connectRequest = ({ hostname, port, proxy }: Destination) => {
  const host = `${toUrlHost(hostname)}:${port}`
  const authorization = proxy?.authorization === undefined ? "" : `proxy-authorization: ${Redacted.value(proxy.authorization)}\r\n`
  return `CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\n${authorization}\r\n`
}

export const connect: Connect = (destination, events) => new Socket(destination, events)
