import { Clock, Effect } from "effect"
import { capture, type Difference, fill, fillText, matchJson, type Variables } from "./match.ts"
import { type Exact, ExactNumber, parseExact, printExact } from "./Exact.ts"
import type { Request, Step } from "./Exchange.ts"

/** Whether arrays in the responses of this path are in the order of the database. */
const hasUnorderedArrays = (path: string) => /^\/api\/relations|\/keys\/(timeseries|attributes)|\/values\/attributes/.test(path)

const bodyOf = ({ json, text }: Request, variables: Variables, now: number): string | undefined => {
  if (json !== undefined) return printExact(fill(json, variables, now))
  if (typeof text === "object") return text.repeat.repeat(Number((text.length as unknown as ExactNumber).text))
  return text
}

const send = (url: string, request: Request, variables: Variables, now: number) => {
  const headers = Object.entries(request.headers ?? {}).map(([name, value]): [string, string] => [name, fillText(value, variables)])
  const body = bodyOf(request, variables, now)
  if (body !== undefined) headers.push(["content-type", "application/json"])
  return Effect.promise(async (signal) => {
    const response = await fetch(url + fillText(request.path, variables), {
      method: request.method,
      headers,
      redirect: "manual",
      signal,
      ...(body === undefined ? {} : { body })
    })
    return { response, text: await response.text() }
  })
}

const compareText = (path: string, expected: string, got: string): ReadonlyArray<Difference> =>
  expected === got ? [] : [{ path, expected, got }]

const tryParse = (text: string): Exact | undefined => {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}

/** Sends a recorded request to `url`, sets the variables that the step captures, and returns the differences from the recorded response. */
export const replay = Effect.fnUntraced(function* (url: string, step: Step, variables: Variables) {
  const { request, response: expected } = step
  const { response, text } = yield* send(url, request, variables, yield* Clock.currentTimeMillis)
  const json = tryParse(text)
  for (const [name, pointer] of Object.entries(step.capture ?? {})) {
    const value = json === undefined ? undefined : capture(json, pointer)
    if (value !== undefined) variables.set(name, value)
  }
  const differences = [...compareText("status", printExact(expected.status), String(response.status))]
  for (const name of new Set(["content-type", ...Object.keys(expected.headers)])) {
    const expectedHeader = fillText(expected.headers[name] ?? "none", new Map([...variables, ["base", url]]))
    differences.push(...compareText(`header ${name}`, expectedHeader, response.headers.get(name) ?? "none"))
  }
  if (expected.json !== undefined) {
    differences.push(
      ...(json === undefined
        ? compareText("body", "JSON", text === "" ? "no body" : text)
        : matchJson(expected.json, json, variables, { sets: hasUnorderedArrays(request.path) }))
    )
  } else {
    differences.push(...compareText("text", fillText(expected.text ?? "", variables), text))
  }
  return differences as ReadonlyArray<Difference>
})
