/** Random faults in the emulator, from its fault injection over HTTP (docs/emulator.md). */
import { randomFrom } from "../../test/support/random.ts"

const status = (code: number, headers = {}) => ({ type: "Status", status: code, headers })

const revokeTokens = { type: "RevokeTokens" }

const outcomes = [
  undefined, // only a delay
  status(500),
  status(502),
  status(503, { "retry-after": "1" }),
  status(504),
  status(429),
  { type: "Status", status: 200, body: "<html>Maintenance</html>", headers: { "content-type": "text/html" } },
  { type: "Garbage" },
  { type: "Truncate", bytes: 10 },
  { type: "Stall", bytes: 10 },
  { type: "Reset" },
  { type: "Reset", handled: true },
  { type: "Hang" },
  { type: "Redirect", location: "https://elsewhere.example/" },
  revokeTokens
]

const maxCalls = 20

/** Injects faults until `isOver`, with healthy times between them, and then removes all. Returns how many it injected. */
export const injectFaults = async (emulator: string, seed: number, isOver: () => boolean): Promise<number> => {
  const random = randomFrom(seed)
  const faults = `${emulator}/__emulator/faults`
  let count = 0
  while (!isOver()) {
    const outcome = outcomes[Math.floor(random() * outcomes.length)]
    // Tokens that are revoked again at once, or by their own login, look like rejected logins, which are repeated only after minutes.
    const isRevocation = outcome === revokeTokens
    const fault = {
      path: isRevocation || random() < 0.5 ? "/api/plugins/*" : "/api/*",
      times: isRevocation ? 1 : 1 + Math.floor(random() * maxCalls),
      latencyMillis: Math.floor(random() * 100),
      ...(outcome === undefined ? {} : { outcome })
    }
    const response = await fetch(faults, { method: "POST", body: JSON.stringify(fault) })
    if (!response.ok) throw new Error(`The emulator rejected a fault: ${await response.text()}`)
    count++
    await Bun.sleep(200 + random() * 1500)
    // A fault for few calls could otherwise wait for the next phase.
    await fetch(faults, { method: "DELETE" })
  }
  await fetch(faults, { method: "DELETE" })
  return count
}
