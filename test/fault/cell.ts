/** One cell of the table: a request of one kind during one fault, and what came of it. */
import { expect } from "bun:test"
import { Effect, Schedule } from "effect"
import { canaries } from "../support/gateway.ts"
import type { Fault } from "./faults.ts"
import { openPlant, type Plant } from "./plant.ts"
import type { Kind, Request } from "./requests.ts"

interface Received {
  readonly status: number
  readonly text: string
  readonly retryAfter: string | null
  /** Whether the body arrived to its end. */
  readonly isWhole: boolean
}

/** Ms. No request may take longer, whatever happens to ThingsBoard. With a real clock, pauses are twenty times as long. */
const limit = 90_000

export const send = ({ url }: Plant, { body, headers, method, path }: Request) =>
  Effect.promise(async (): Promise<Received> => {
    const isFile = typeof body === "string"
    const response = await fetch(url + path, {
      method: method ?? "GET",
      headers: { "x-api-key": canaries.apiKey, "content-type": isFile ? "text/csv" : "application/json", ...headers },
      ...(body === undefined ? {} : { body: isFile ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(limit)
    })
    const retryAfter = response.headers.get("retry-after")
    try {
      return { status: response.status, text: await response.text(), retryAfter, isWhole: true }
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError") throw error
      return { status: response.status, text: "", retryAfter, isWhole: false }
    }
  })

/** The problem's code for each status; imports and bulk report it per device or row. */
const statuses: Readonly<Record<string, number>> = { UPSTREAM_ERROR: 502, UPSTREAM_UNAVAILABLE: 503, UPSTREAM_TIMEOUT: 504 }

interface Outcome {
  /** Whether the gateway says that the request was carried out, with all that it wrote. */
  readonly isAcknowledged: boolean
  readonly text: string
}

/** What the gateway reports, in a few words. */
const outcomeOf = (kind: Kind, plant: Plant, { isWhole, retryAfter, status, text }: Received): Outcome => {
  if (!isWhole) return { isAcknowledged: false, text: `${status}, cut off` }
  if (status >= 400) {
    expect([kind.name, statuses[JSON.parse(text).error_code as string]]).toEqual([kind.name, status])
    return { isAcknowledged: false, text: retryAfter === null ? `${status}` : `${status}, again in ${retryAfter} s` }
  }
  const json = kind.name === "bulk" || kind.name === "import" ? JSON.parse(text) : undefined
  if (kind.name === "bulk") {
    const { error_code, status: result } = json.results[plant.device.id]
    return { isAcknowledged: result === "success", text: result === "success" ? `${status}` : `${status}, device ${statuses[error_code]}` }
  }
  if (kind.name === "import") {
    const counts = ["refused", "unknown", "not_sent"].filter((name) => json[`rows_${name}`] > 0)
    return { isAcknowledged: json.rows_taken === 1, text: [status, ...counts.map((name) => `row ${name.replace("_", " ")}`)].join(", ") }
  }
  return { isAcknowledged: true, text: `${status}` }
}

/** Responses of a kind are equal except for the time at which they were made. */
const withoutTime = (text: string) => text.replaceAll(/"timestamp":\d+/g, "")

const latestOf = (id: string): Request => ({ path: `/api/v1/tb/devices/${id}/telemetry/latest` })

/** Returns a request that the fault must not affect, if it spares others, after having made sure that it works. */
export const requestOfOthers = Effect.fnUntraced(function* (plant: Plant, { sparesOthers = true }: Fault) {
  const request = send(plant, latestOf(plant.bystander.id))
  yield* request
  return sparesOthers ? Effect.map(request, ({ status }) => expect(status).toBe(200)) : Effect.void
})

/** What the gateway reports, with `stored` if that is not what it reports, and the calls to ThingsBoard. */
export const runCell = Effect.fnUntraced(function* (fault: Fault, kind: Kind) {
  const plant = yield* openPlant(fault.timeout)
  const { emulator } = plant
  const request = kind.request(plant)
  const others = yield* requestOfOthers(plant, fault)
  const expectedText = kind.isStored === undefined ? (yield* send(plant, request)).text : undefined

  emulator.faults.clearCalls()
  yield* fault.begin(plant, kind)
  const [received] = yield* Effect.all([send(plant, request), others], { concurrency: 2 })
  const outcome = outcomeOf(kind, plant, received)
  const { skip = 0, ...affected } = kind.calls(plant)
  const calls = Math.max(0, emulator.faults.calls(affected).length - skip)
  const isStored = kind.isStored?.(plant)
  if (isStored !== undefined && outcome.isAcknowledged)
    expect([kind.name, "acknowledged", isStored]).toEqual([kind.name, "acknowledged", true])
  if (outcome.isAcknowledged && expectedText !== undefined) expect(withoutTime(received.text)).toBe(withoutTime(expectedText))
  expect(received.text).not.toContain("Sign in")

  emulator.faults.clearFaults()
  fault.end?.(plant)
  const again = yield* Effect.repeat(send(plant, request), {
    until: (response) => outcomeOf(kind, plant, response).isAcknowledged,
    schedule: Schedule.spaced("50 millis"),
    times: 100
  })
  expect([kind.name, "recovered", outcomeOf(kind, plant, again).isAcknowledged]).toEqual([kind.name, "recovered", true])
  if (kind.isStored !== undefined) expect(kind.isStored(plant)).toBe(true)

  const stored = isStored === true && !outcome.isAcknowledged ? ", stored" : ""
  return { response: outcome.text + stored, calls }
})
