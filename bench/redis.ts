/** A Redis server that syncs every write to the disk before it responds. */
export const hasRedis = Bun.which("redis-server") !== null

export const freePort = () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

const options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]

/** The command of a server that keeps its files in a folder. */
export const redisCommand = (port: number, folder: string): Array<string> => [
  "redis-server",
  "--port",
  String(port),
  "--dir",
  folder,
  ...options
]

/** Waits until the server responds. */
export const waitForRedis = async (port: number): Promise<string> => {
  const url = `redis://127.0.0.1:${port}`
  for (const deadline = performance.now() + 20_000; ; await Bun.sleep(50)) {
    const client = new Bun.RedisClient(url, { autoReconnect: false, enableOfflineQueue: false })
    try {
      await client.connect()
      await client.send("PING", [])
      return url
    } catch (error) {
      if (performance.now() > deadline) throw error
    } finally {
      client.close()
    }
  }
}
