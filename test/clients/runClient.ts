/** Generates a client, compiles it with the programs that use it, and checks what they print. */
import { mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Client } from "./Client.ts"
import { execute } from "./execute.ts"
import { cache, codeBlock } from "./openApiGenerator.ts"
import { operations } from "./Operation.ts"
import { largeInteger, readsLargeInteger, type Scenario, scenarios } from "./scenarios.ts"

export interface Outcome {
  readonly client: Client
  readonly seconds: number
  readonly compiles: "yes" | "no" | "not tried"
  /** Operations whose calls returned what was expected. */
  readonly successes: number
  readonly errors: number
  readonly notes: ReadonlyArray<string>
  readonly faults: ReadonlyArray<string>
}

interface Line {
  readonly operation: string
  readonly outcome: string
  readonly kind: string
  readonly text: string
}

/** Lines such as `@@ getDevice success result {…}`, separated by tabs. */
const parse = (output: string): ReadonlyArray<Line> =>
  output
    .split("\n")
    .filter((line) => line.startsWith("@@\t"))
    .map((line) => {
      const [, operation, outcome, kind, ...text] = line.split("\t")
      return { operation: operation!, outcome: outcome!, kind: kind!, text: text.join("\t") }
    })

const holds = (check: (result: unknown) => boolean, result: unknown): boolean => {
  try {
    return check(result)
  } catch {
    return false
  }
}

const shorten = (text: string) => (text.length > 1000 ? `${text.slice(0, 1000)}…` : text)

/** What is wrong with a line; undefined if nothing is. */
const findFault = (scenario: Scenario, line: Line | undefined): string | undefined => {
  const call = `${scenario.operation} (${scenario.outcome})`
  if (line === undefined) return `${call}: the program did not get that far`
  if (line.operation !== scenario.operation || line.outcome !== scenario.outcome)
    return `${call}: the program called ${line.operation} (${line.outcome})`
  if (scenario.outcome === "success")
    return line.kind === "result" && holds(scenario.check, JSON.parse(line.text))
      ? undefined
      : `${call}: unexpected ${line.kind} ${shorten(line.text)}`
  const expected = { status: scenario.status, error_code: scenario.errorCode ?? null }
  const { status, error_code = null } = line.kind === "error" ? JSON.parse(line.text) : {}
  return Bun.deepEquals({ status, error_code }, expected)
    ? undefined
    : `${call}: expected ${JSON.stringify(expected)}, not ${line.kind} ${shorten(line.text)}`
}

/** Number of operations that have such calls, all of them without fault. */
const count = (calls: ReadonlyArray<{ readonly scenario: Scenario; readonly fault: string | undefined }>, outcome: string) => {
  const ofOutcome = calls.filter(({ scenario }) => scenario.outcome === outcome)
  return operations.filter(({ id }) => {
    const ofOperation = ofOutcome.filter(({ scenario }) => scenario.operation === id)
    return ofOperation.length > 0 && ofOperation.every(({ fault }) => fault === undefined)
  }).length
}

const writeFiles = (folder: string, files: Record<string, string>) =>
  Promise.all(
    Object.entries(files).map(async ([path, text]) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      await Bun.write(join(folder, path), text)
    })
  )

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

export const runClient = async (client: Client, env: Record<string, string>): Promise<Outcome> => {
  const began = performance.now()
  const folder = join(cache, client.name)
  const notes = [client.notes, client.notCompiled].filter((note) => note !== undefined)
  const finish = (outcome: Pick<Outcome, "compiles" | "faults"> & Partial<Outcome>): Outcome => ({
    client,
    successes: 0,
    errors: 0,
    notes,
    seconds: (performance.now() - began) / 1000,
    ...outcome
  })
  mkdirSync(folder, { recursive: true })
  const missing = client.tools.filter((tool) => Bun.which(tool) === null)
  if (missing.length > 0) return finish({ compiles: "not tried", faults: [`${missing.join(", ")} not found`] })
  try {
    await client.generate(folder)
  } catch (error) {
    return finish({ compiles: "no", faults: [messageOf(error)] })
  }
  if (client.notCompiled !== undefined) return finish({ compiles: "not tried", faults: [] })
  const table = scenarios(client.name)
  try {
    await writeFiles(folder, client.render(table))
    if (client.firstProgram !== undefined) {
      const { document, fence, path } = client.firstProgram
      await writeFiles(folder, { [path]: codeBlock(document, fence) })
    }
    for (const step of client.compile(folder)) await execute(step)
  } catch (error) {
    return finish({ compiles: "no", faults: [messageOf(error)] })
  }
  try {
    const run = client.run(folder)
    const lines = parse(await execute({ ...run, env: { ...run.env, ...env } }))
    const calls = table.map((scenario, i) => ({ scenario, fault: findFault(scenario, lines[i]) }))
    const faults = calls.flatMap(({ fault }) => fault ?? [])
    const large = lines[table.findIndex(readsLargeInteger)]
    if (large?.kind === "result" && !new RegExp(`\\b${largeInteger}\\b`).test(large.text)) notes.push("integers beyond 2^53 are rounded")
    if (client.runFirstProgram !== undefined) {
      const first = client.runFirstProgram(folder)
      const output = await execute({ ...first, env: { ...first.env, ...env } })
      if (!/Thermostat/.test(output) || !/RESOURCE_NOT_FOUND/.test(output))
        faults.push(`The first program of the documentation printed:\n${output}`)
    }
    return finish({ compiles: "yes", successes: count(calls, "success"), errors: count(calls, "error"), faults })
  } catch (error) {
    return finish({ compiles: "yes", faults: [messageOf(error)] })
  }
}
