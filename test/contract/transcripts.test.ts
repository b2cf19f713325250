/** Replays recorded WebSocket sessions with ThingsBoard servers against the emulator, and compares message by message. */
import { expect } from "bun:test"
import { Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Emulator } from "../../src/emulator/Emulator.ts"
import { effect } from "../support/effectTest.ts"
import { connect, type WebSocketClient } from "../support/webSocketClient.ts"
import { type Exact, ExactNumber, parseExact, printExact } from "./support/Exact.ts"
import { type Exchange, exchanges, type TranscriptEntry } from "./support/Exchange.ts"
import { fill, fillText, matchJson, type Variables } from "./support/match.ts"
import { replay } from "./support/replay.ts"
import { knownDifferences } from "./knownDifferences.ts"

const recordedAt = 1_795_462_000_000

/** Prints JSON with the spaces of the recorded client, because the server quotes messages that it cannot parse. */
const printSpaced = (json: Exact): string => {
  if (json === null || typeof json !== "object" || json instanceof ExactNumber) return printExact(json)
  if (Array.isArray(json)) return `[${json.map(printSpaced).join(", ")}]`
  return `{${Object.entries(json)
    .map(([name, value]) => `${JSON.stringify(name)}: ${printSpaced(value)}`)
    .join(", ")}}`
}

const messageText = (client: Exact, variables: Variables): string => {
  if (client !== null && typeof client === "object" && "text" in client && typeof client.text === "string") return client.text
  return printSpaced(fill(client, variables, recordedAt))
}

/** Matches a recorded close reason, in which an API key may be truncated. */
const reasonPattern = (reason: string, variables: Variables) =>
  new RegExp(
    `^${fillText(reason, variables)
      .split("{{any:apiKey}}")
      .map(RegExp.escape)
      .join(String.raw`tb_[\w-]+`)}$`
  )

/** Compares the next message with the recorded one. Returns the differences; an empty list means a match. */
const compare = Effect.fnUntraced(function* (entry: TranscriptEntry, client: WebSocketClient, variables: Variables) {
  const received = yield* client.next
  if (entry.closed !== undefined) {
    const { code, reason } = entry.closed
    const isSame =
      "code" in received && String(received.code) === printExact(code) && reasonPattern(reason, variables).test(received.reason)
    return isSame ? [] : [`expected the close frame ${printExact(code)} "${reason}"\n  got ${JSON.stringify(received)}`]
  }
  if (!("message" in received)) return [`expected a message\n  got ${JSON.stringify(received)}`]
  return matchJson(entry.server!, parseExact(received.message), variables).map(
    ({ expected, got, path }) => `at ${path}:\n  expected ${expected}\n  got      ${got}`
  )
})

/**
 * Checks that the server sends nothing else. It sends an invalid message: the error response to it must be the next message, after anything
 * that was still to come.
 */
const expectNothingMore = Effect.fnUntraced(function* (client: WebSocketClient) {
  if (!client.isOpen()) return []
  client.send("{")
  const received = yield* client.next
  return "message" in received && received.message.includes("Failed to parse the payload")
    ? []
    : [`expected nothing more\n  got ${JSON.stringify(received)}`]
})

const play = Effect.fnUntraced(function* (exchange: Exchange) {
  const { createTenant, url } = yield* Emulator
  const username = "administrator@example.org"
  const { tenantId } = yield* createTenant({ username, password: Redacted.make(exchange.password) })
  const variables: Variables = new Map([
    ["username", username],
    ["tenantId", tenantId]
  ])
  for (const step of exchange.steps) expect(yield* replay(url, step, variables)).toEqual([])

  const found: Array<string> = []
  let client = exchange.transcript[0]?.open === undefined ? yield* connect(`${url}/api/ws`) : undefined
  for (const [index, entry] of exchange.transcript.entries()) {
    const at = `entry ${index}`
    const differences: Array<string> = []
    if (entry.open !== undefined) {
      const headers = Object.entries(entry.open.headers).map(([name, value]) => [name, fillText(value, variables)])
      client = yield* connect(url + fillText(entry.open.path, variables), Object.fromEntries(headers))
    }
    if (entry.client !== undefined) client!.send(messageText(entry.client, variables))
    if (entry.http !== undefined) {
      const httpDifferences = yield* replay(url, entry.http, variables)
      differences.push(...httpDifferences.map(({ expected, got, path }) => `at ${path}:\n  expected ${expected}\n  got      ${got}`))
    }
    if (entry.server !== undefined || entry.closed !== undefined) differences.push(...(yield* compare(entry, client!, variables)))
    const isKnown = knownDifferences.some(
      ({ scenario, step, version }) => version === exchange.version && scenario === exchange.scenario && step === at
    )
    if (!isKnown) found.push(...differences.map((difference) => `${exchange.version} ${exchange.scenario}, ${at}, ${difference}`))
  }
  found.push(...(yield* expectNothingMore(client!)))
  return found
})

for (const exchange of exchanges.filter(({ transcript }) => transcript.length > 0)) {
  effect(`${exchange.version} ${exchange.scenario}: ${exchange.transcript.length} entries match the recording`, () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(recordedAt)
      const found = yield* play(exchange).pipe(Effect.provide(Layer.fresh(Emulator.layer({ version: exchange.version }))))
      expect(found.join("\n")).toBe("")
    })
  )
}
