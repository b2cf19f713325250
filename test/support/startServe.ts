/** Runs `boardwalk serve` in front of a minimal ThingsBoard, until the scope closes. */
import { Effect } from "effect"
import { canaries } from "./leaks/canaries.ts"
import { startProgram } from "./program.ts"
import { minimalThingsBoard } from "./minimalThingsBoard.ts"

export const apiKey = canaries.apiKey

export const startServe = Effect.fnUntraced(function* (
  options: { readonly delay?: number } = {},
  extraEnvironment: Record<string, string> = {}
) {
  const upstream = yield* minimalThingsBoard(options)
  const environment = {
    TB_HOST: upstream.url,
    TB_USERNAME: canaries.username,
    TB_PASSWORD: canaries.password,
    API_KEY: apiKey,
    SECRET_KEY: canaries.secretKey,
    ACCESS_TOKEN: canaries.accessToken,
    HOST: "127.0.0.1",
    ...extraEnvironment
  }
  const program = yield* startProgram(["serve", "--port", "0"], environment)
  const [, url] = yield* program.waitForOutput(/listens on (https?:\/\/[\d.:]+)/)
  return { program, upstream, environment, url: url! }
})

export const get = (url: string, headers: Record<string, string> = { "x-api-key": apiKey }) =>
  Effect.promise(async () => {
    const response = await fetch(url, { headers })
    return { status: response.status, text: await response.text() }
  })
