/** The table of calls and the programs made from it, without generating or compiling: `bun run clients` does that. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { clients } from "./clients.ts"
import { codeBlock, documentedArguments } from "./openApiGenerator.ts"
import { argumentsOf, operations, operationsById } from "./Operation.ts"
import { scenarios } from "./scenarios.ts"

const table = scenarios("test")

describe("the calls of the clients", () => {
  for (const { id } of operations) {
    test(`${id} is called once or more with success and once or more with an error`, () => {
      const outcomes = table.filter(({ operation }) => operation === id).map(({ outcome }) => outcome)
      expect([...new Set(outcomes)].sort()).toEqual(["error", "success"])
    })
  }

  test("they name only operations and parameters of openapi.json, and every required one", () => {
    const faults = table.flatMap(({ file, json, operation: id, outcome, parameters }) => {
      const operation = operationsById.get(id)
      if (operation === undefined) return [`${id} does not exist`]
      const known = argumentsOf(operation)
      const hasBody = json !== undefined || file !== undefined
      return [
        ...Object.keys(parameters).filter((name) => known.every((argument) => argument.name !== name || argument.kind === "body")),
        ...known
          .filter(({ kind, name, required }) => required && (kind === "body" ? !hasBody : parameters[name] === undefined))
          .map(({ name }) => name)
      ].map((name) => `${id} (${outcome}): ${name}`)
    })
    expect(faults).toEqual([])
  })

  test("every parameter and body is used by a call that succeeds", () => {
    const unused = operations.flatMap((operation) =>
      argumentsOf(operation)
        .filter(({ kind }) => kind !== "body")
        .filter(({ name }) =>
          table.every((call) => call.operation !== operation.id || call.outcome !== "success" || call.parameters[name] === undefined)
        )
        .map(({ name }) => `${operation.id}: ${name}`)
    )
    expect(unused).toEqual([])
  })
})

describe("the programs of the clients", () => {
  for (const client of clients.filter(({ notCompiled }) => notCompiled === undefined)) {
    test(`${client.name} calls every operation`, () => {
      const program = Object.values(client.render(table)).join("\n")
      const missing = operations.filter(
        ({ id }) =>
          !["success", "error"].every((outcome) => program.includes(`call("${id}", "${outcome}"`)) &&
          !["success", "error"].every((outcome) => program.includes(`report("${id}", "${outcome}"`))
      )
      expect(missing.map(({ id }) => id)).toEqual([])
    })
  }

  for (const { name } of clients) {
    test(`docs/clients has a page about ${name}, with its command, in the list of clients`, () => {
      const command = codeBlock(`${name}.md`, "sh")
      expect(command).toContain("/openapi.json")
      if (command.includes("openapi-generator-cli ")) expect(documentedArguments(`${name}.md`, "out")).toContain("generate")
      expect(readFileSync(new URL("../../docs/clients/README.md", import.meta.url), "utf8")).toContain(`(${name}.md)`)
    })
  }
})
