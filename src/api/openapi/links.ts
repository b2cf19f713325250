/** Where ids come from: an element of a list, or the answer itself, names what other operations are about. Readers see it, and testers walk along it. */
import type { Document, Operation, Response } from "./model.ts"

interface Source {
  readonly operation: string
  /** Where the id is in the answer. */
  readonly id: string
  /** The path parameters that the id fits. */
  readonly fits: ReadonlyArray<string>
}

const firstOfList = "$response.body#/data/0/id/id"
const itself = "$response.body#/data/id/id"

const sources: ReadonlyArray<Source> = [
  { operation: "listDevices", id: firstOfList, fits: ["device_id", "root_id"] },
  { operation: "getDevice", id: itself, fits: ["device_id", "root_id"] },
  { operation: "listAssets", id: firstOfList, fits: ["asset_id"] },
  { operation: "getAsset", id: itself, fits: ["asset_id"] }
]

const operationsOf = (paths: Document["paths"]): ReadonlyArray<Operation> =>
  Object.values(paths).flatMap((methods) => Object.values(methods))

const linksFrom = ({ fits, id }: Source, operations: ReadonlyArray<Operation>) =>
  Object.fromEntries(
    operations.flatMap(({ operationId, parameters = [] }) => {
      const named = parameters.filter((parameter) => parameter.in === "path" && fits.includes(parameter.name))
      const description = id === itself ? "By the id of the answer." : "By the id of the first element."
      return named.map(({ name }) => [operationId, { operationId, parameters: { [name]: id }, description }])
    })
  )

/** The paths, with the links of the lists in their answers. */
export const addLinks = (paths: Document["paths"]): Document["paths"] => {
  const operations = operationsOf(paths)
  const withLinks = (operation: Operation): Operation => {
    const source = sources.find((one) => one.operation === operation.operationId)
    if (source === undefined) return operation
    const answer: Response = { ...(operation.responses["200"] as Response), links: linksFrom(source, operations) }
    return { ...operation, responses: { ...operation.responses, "200": answer } }
  }
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, withLinks(operation)]))
    ])
  )
}
