/** `bun run bench plant`: the operations of a plant of 10,000 devices, through the gateway and by a hand-written program. */
import { join } from "node:path"
import { cpuSeconds, memory, resetPeak } from "./measure.ts"
import type { Options } from "./options.ts"
import { type Call, plantRows } from "./plant/rows.ts"
import type { Plant } from "./plant/seed.ts"
import { startPlant } from "./plant/startPlant.ts"
import { atMost, figure, table, verdicts } from "./report.ts"
import { password, username } from "./upstream/sessions.ts"

/** Calls a server, and fails for any other status than success. Nothing is compressed: that would be work that the other side does not have. */
const caller =
  (url: string, headers: Record<string, string>): Call =>
  async (path, body, contentType = "application/json") => {
    const response = await fetch(url + path, {
      headers: { ...headers, "accept-encoding": "identity", ...(body === undefined ? {} : { "content-type": contentType }) },
      ...(body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) })
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path.slice(0, 100)}: status ${response.status}: ${text.slice(0, 300)}`)
    return text
  }

/** Runs of each operation on a part of the plant before it is measured. */
const warmUps = 3

export const benchPlant = async ({ only, short }: Options) => {
  const { gateway, upstream } = await startPlant(join(import.meta.dir, "plant/emulator.ts"), short)
  const plant: Plant = upstream.plant
  const login = JSON.parse(await caller(upstream.url, {})("/api/auth/login", { username, password })) as { readonly token: string }
  const direct = caller(upstream.url, { "x-authorization": `Bearer ${login.token}` })
  const through = caller(gateway.url, { "x-api-key": gateway.apiKey })
  await through("/api/v1/tb/devices?page_size=1")
  const measure = async (run: () => Promise<number | string>) => {
    const before = await upstream.calls()
    const started = performance.now()
    const found = await run()
    const seconds = (performance.now() - started) / 1000
    return { found, seconds, calls: (await upstream.calls()) - before }
  }
  /** A part of the plant: without the first runs of each operation, most of the short ones would measure how long code takes to load. */
  const part: Plant = {
    ...plant,
    points: 20,
    ids: plant.ids.slice(-200),
    measuredIds: plant.measuredIds.slice(-20),
    wideKeys: plant.wideKeys.slice(-50),
    hubId: plant.roomId,
    rootId: plant.roomId
  }
  const results = []
  for (const { byHand, extraCalls, gateway: run, name } of plantRows) {
    if (only.length > 0 && !only.some((word) => name.includes(word))) continue
    for (let n = 0; n < warmUps; n++) {
      await byHand(direct, part)
      await run(through, part)
    }
    const expected = await measure(() => byHand(direct, plant))
    await gateway.readHold()
    resetPeak(gateway.pid)
    const cpuBefore = cpuSeconds(gateway.pid)
    const actual = await measure(() => run(through, plant))
    const cpu = cpuSeconds(gateway.pid) - cpuBefore
    const { cpuMs } = await gateway.readHold()
    if (actual.found !== expected.found) throw new Error(`${name}: found ${actual.found}, by hand ${expected.found}`)
    const peak = memory(gateway.pid).peak
    results.push({ name, extraCalls, calls: actual.calls, seconds: actual.seconds, cpu, holdMs: cpuMs, peak, byHand: expected })
  }
  await gateway.stop()
  await upstream.stop()
  const rows = results.map(({ byHand, calls, cpu, holdMs, name, peak, seconds }) => [
    name,
    `${calls} / ${figure(seconds)} s`,
    `${byHand.calls} / ${figure(byHand.seconds)} s`,
    figure(cpu),
    figure(peak),
    figure(holdMs)
  ])
  const surplus = Math.max(...results.map(({ byHand, calls, extraCalls }) => calls - byHand.calls - extraCalls))
  const list = [
    atMost("calls beyond those by hand and the allowed ones", surplus, 0, ""),
    atMost("seconds by hand, at most times", Math.max(...results.map(({ byHand, seconds }) => seconds / byHand.seconds)), 1.1, ""),
    atMost("longest hold of the event loop", Math.max(...results.map(({ holdMs }) => holdMs)), 50, "ms"),
    atMost("peak memory", Math.max(...results.map(({ peak }) => peak)), 200, "MB")
  ]
  const head = ["operation", "gateway: calls / time", "by hand: calls / time", "gateway: s of CPU", "peak, MB", "hold, ms of CPU"]
  return { results, verdicts: list, text: `${table(head, rows)}\n\n${verdicts(list)}` }
}
