/**
 * OpenAPI links: which ids in a response are parameters of which operations. Documentation pages show them, and Schemathesis follows them
 * in its stateful tests.
 */
import type { Document, Operation, Response } from "./model.ts"

interface Source {
  readonly operation: string
  /** Runtime expression of the id in the response. */
  readonly id: string
  /** The path parameters that accept the id. */
  readonly parameters: ReadonlyArray<string>
}

const firstItem = "$response.body#/data/0/id/id"
const wholeItem = "$response.body#/data/id/id"

const sources: ReadonlyArray<Source> = [
  { operation: "listDevices", id: firstItem, parameters: ["device_id", "root_id"] },
  { operation: "getDevice", id: wholeItem, parameters: ["device_id", "root_id"] },
  { operation: "listAssets", id: firstItem, parameters: ["asset_id"] },
  { operation: "getAsset", id: wholeItem, parameters: ["asset_id"] }
]

const operationsOf = (paths: Document["paths"]): ReadonlyArray<Operation> =>
  Object.values(paths).flatMap((methods) => Object.values(methods))

const linksFrom = ({ id, parameters: accepted }: Source, operations: ReadonlyArray<Operation>) =>
  Object.fromEntries(
    operations.flatMap(({ operationId, parameters = [] }) => {
      const matching = parameters.filter((parameter) => parameter.in === "path" && accepted.includes(parameter.name))
      const description = id === wholeItem ? "Uses the id of the item." : "Uses the id of the first item."
      return matching.map(({ name }) => [operationId, { operationId, parameters: { [name]: id }, description }])
    })
  )

/** Adds the links to the responses of the source operations. */
export const addLinks = (paths: Document["paths"]): Document["paths"] => {
  const operations = operationsOf(paths)
  const withLinks = (operation: Operation): Operation => {
    const source = sources.find((candidate) => candidate.operation === operation.operationId)
    if (source === undefined) return operation
    const response: Response = { ...(operation.responses["200"] as Response), links: linksFrom(source, operations) }
    return { ...operation, responses: { ...operation.responses, "200": response } }
  }
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, withLinks(operation)]))
    ])
  )
}
