/** TCP connections between a gateway and ThingsBoard that a test can cut. While the link is down, nothing listens. */
import { Effect } from "effect"

/** One end of a connection. Bytes wait until it is connected and can take them. */
class End {
  peer: End | undefined
  private socket: Bun.Socket<End> | undefined
  private unsent = Buffer.alloc(0)
  private isEnded = false

  attach(socket: Bun.Socket<End>) {
    this.socket = socket
    this.flush()
  }

  write(bytes: Uint8Array) {
    this.unsent = Buffer.concat([this.unsent, bytes])
    this.flush()
  }

  end() {
    this.isEnded = true
    this.flush()
  }

  reset() {
    this.socket?.terminate()
  }

  flush() {
    if (this.socket === undefined) return
    if (this.unsent.length > 0) this.unsent = this.unsent.subarray(Math.max(0, this.socket.write(this.unsent)))
    if (this.unsent.length === 0 && this.isEnded) this.socket.end()
  }
}

const handlers = {
  data: ({ data }: Bun.Socket<End>, bytes: Buffer) => data.peer?.write(bytes),
  drain: ({ data }: Bun.Socket<End>) => data.flush()
}

const makeLink = () => {
  let target = { hostname: "127.0.0.1", port: 0 }
  const ends = new Set<End>()
  const close = ({ data }: Bun.Socket<End>) => {
    ends.delete(data)
    data.peer?.end()
  }
  const connectPeer = (client: End) => {
    const peer = new End()
    peer.peer = client
    client.peer = peer
    ends.add(peer)
    const open = (socket: Bun.Socket<End>) => peer.attach(socket)
    Bun.connect<End>({ ...target, data: peer, socket: { open, close, ...handlers } }).catch(() => {
      ends.delete(peer)
      client.reset()
    })
  }
  const listen = (port: number) =>
    Bun.listen<End>({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => {
          const end = new End()
          socket.data = end
          ends.add(end)
          end.attach(socket)
          connectPeer(end)
        },
        close,
        ...handlers
      }
    })
  let server = listen(0)
  const { port } = server
  const resetConnections = () => {
    for (const end of ends) end.reset()
  }
  return {
    url: `http://127.0.0.1:${port}`,
    forwardTo: (url: string) => {
      const { hostname, port: targetPort } = new URL(url)
      target = { hostname, port: Number(targetPort) }
    },
    /** Resets all connections; new ones are accepted. */
    resetConnections,
    /** Resets all connections, and refuses new ones. */
    down: () => {
      server.stop(true)
      resetConnections()
    },
    up: () => void (server = listen(port))
  }
}

export const tcpLink = Effect.acquireRelease(Effect.sync(makeLink), ({ down }) => Effect.sync(down))
