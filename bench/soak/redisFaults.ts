/** A Redis server that is killed and suspended at random. */
import { randomFrom } from "../../test/support/random.ts"
import { freePort, redisCommand, waitForRedis } from "../redis.ts"

/** Ms between two faults, and for how long Redis is away: longer than a lease lasts, now and then. */
const healthy = { atLeast: 1000, range: 8000 }
const away = { atLeast: 200, range: 3000 }
const longAway = 18_000

export const startRedis = async (folder: string) => {
  const port = freePort()
  const spawn = () => Bun.spawn(redisCommand(port, folder), { stdin: "ignore", stdout: "ignore", stderr: "ignore" })
  let child = spawn()
  process.on("exit", () => child.kill("SIGKILL"))
  const url = await waitForRedis(port)

  const kill = async (millis: number) => {
    child.kill("SIGKILL")
    await child.exited
    await Bun.sleep(millis)
    child = spawn()
    await waitForRedis(port)
  }
  const suspend = async (millis: number) => {
    child.kill("SIGSTOP")
    await Bun.sleep(millis)
    child.kill("SIGCONT")
  }

  /** Until `isOver`. Returns how many faults there were. */
  const injectFaults = async (seed: number, isOver: () => boolean): Promise<number> => {
    const random = randomFrom(seed)
    for (let count = 0; ; count++) {
      await Bun.sleep(healthy.atLeast + random() * healthy.range)
      if (isOver()) return count
      const millis = random() < 0.1 ? longAway : away.atLeast + random() * away.range
      await (random() < 0.5 ? kill(millis) : suspend(millis))
    }
  }
  return { url, injectFaults }
}
