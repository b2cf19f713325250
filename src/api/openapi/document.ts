/**
 * The OpenAPI document: what `effect/http-api` generates from the contract, said in the way that people and code generators expect.
 * The folder is pure. It describes and never decides: what the API does is in the contract alone.
 */
import { Context, Option } from "effect"
import { HttpApi, type HttpApiEndpoint, OpenApi } from "effect/http-api"
import { Api } from "../Api.ts"
import { Authentication, apiKeySecurity, RequiredScope } from "../middleware/Authentication.ts"
import { mapRefs, publicNames, findReachable } from "./components.ts"
import { assetId, deviceId, examples } from "./examples/index.ts"
import type { OperationExamples } from "./examples/model.ts"
import { headers } from "./headers.ts"
import { introduction } from "./introduction.ts"
import { addLinks } from "./links.ts"
import type { Document, Method, Operation, Parameter, Ref, Response, Schema } from "./model.ts"
import { describeQuery } from "./parameters.ts"
import { combineProblems, buildContent, type DeclaredContent, problemResponses, problemSchemas, successResponse } from "./responses.ts"
import { allowUnknownFields, normalize } from "./normalize.ts"

type Generated = OpenApi.OpenAPISpecOperation

/** Answers that any path and method may get are described once and belong to no operation. */
const everywhere = ["RouteNotFound", "MethodNotAllowed", "UriTooLong", "HeadersTooLarge"]

/** What every request may be, or come too often: also to open paths those that are wrong count. */
const refusals: Record<string, Response | Ref> = {
  429: { $ref: "#/components/responses/RateLimited" },
  414: { $ref: "#/components/responses/UriTooLong" },
  431: { description: "The headers are too large. What is too large by far, path and query included, gets no body." }
}

const pathExamples: Record<string, string> = { device_id: deviceId, asset_id: assetId, root_id: deviceId }

const pathParameters = (generated: Generated): ReadonlyArray<Parameter> =>
  generated.parameters
    .filter((parameter) => parameter.in === "path")
    .map(({ name, schema }) => ({
      name,
      in: "path",
      required: true,
      description: name === "root_id" ? "Id of the entity to begin at (UUID)." : `Id of the ${name.replace("_id", "")} (UUID).`,
      schema: schema as Schema,
      example: pathExamples[name]
    }))

/** The problems of one status: an endpoint and its middlewares may declare the same one. */
const problemsOf = (declared: DeclaredContent | undefined): ReadonlyArray<string> => {
  const schema = declared?.["application/problem+json"]?.schema
  const choices: ReadonlyArray<Schema | undefined> = Array.isArray(schema?.["anyOf"]) ? schema["anyOf"] : [schema]
  const targets = choices.flatMap((choice) => (typeof choice?.["$ref"] === "string" ? [choice["$ref"]] : []))
  return [...new Set(targets.map((target) => target.split("/").at(-1)!.replace("Encoded", "")))]
}

const declaredResponse = (status: number, declared: Generated["responses"][number], counted: boolean, examples: OperationExamples) => {
  const problems = problemsOf(declared.content)
  if (problems.length === 0) return successResponse(declared.description, status, declared.content ?? {}, counted, examples.responses)
  return problems.length === 1 ? { $ref: `#/components/responses/${problems[0]}` } : combineProblems(problems)
}

const responsesOf = (generated: Generated, counted: boolean, examples: OperationExamples): Record<string, Response | Ref> =>
  Object.fromEntries(
    Object.entries(generated.responses).map(([status, declared]) => [status, declaredResponse(Number(status), declared, counted, examples)])
  )

const describe = (generated: Generated, scope: Option.Option<string>) =>
  `${generated.description ?? ""}${Option.match(scope, { onNone: () => "", onSome: (name) => `\n\nNeeds the scope \`${name}\`.` })}`

const operation = (generated: Generated, endpoint: HttpApiEndpoint.Top, query: ReadonlyArray<Parameter>): Operation => {
  const keyed = endpoint.middlewares.has(Authentication)
  const ours = examples[generated.operationId] ?? { responses: {} }
  const parameters = [...pathParameters(generated), ...query]
  return {
    tags: generated.tags,
    operationId: generated.operationId,
    summary: generated.summary ?? "",
    description: describe(generated, Context.getOption(endpoint.annotations, RequiredScope)),
    ...(keyed ? {} : { security: [] }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(generated.requestBody === undefined
      ? {}
      : { requestBody: { required: true, content: buildContent(generated.requestBody.content, ours.request ?? {}) } }),
    responses: { ...refusals, ...responsesOf(generated, keyed, ours) }
  }
}

/** The paths, and the components that only their query parameters name. */
const pathsOf = (spec: OpenApi.OpenAPISpec) => {
  const paths: Document["paths"] = {}
  const definitions: Record<string, Schema> = {}
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const path = endpoint.path.replaceAll(/:(\w+)/g, "{$1}")
      const method = endpoint.method.toLowerCase() as Method
      const query = describeQuery(endpoint)
      Object.assign(definitions, query.definitions)
      paths[path] = { ...paths[path], [method]: operation(spec.paths[path]![method]!, endpoint, query.parameters) }
    }
  })
  return { paths, definitions }
}

const sorted = <T>(record: Record<string, T>, keep: ReadonlySet<string>): Record<string, T> =>
  Object.fromEntries(
    Object.entries(record)
      .filter(([name]) => keep.has(name))
      .toSorted(([a], [b]) => a.localeCompare(b, "en"))
  )

const tidyAll = (schemas: Record<string, Schema>) =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, normalize(schema)]))

/** The components that the paths and responses need, by the names that callers see. */
const schemasFor = (spec: OpenApi.OpenAPISpec, definitions: Record<string, Schema>) => {
  const all = { ...tidyAll(definitions), ...tidyAll(spec.components.schemas), ...problemSchemas() }
  const rename = publicNames(all)
  const renamed = Object.fromEntries(Object.entries(mapRefs(all, rename)).map(([name, schema]) => [rename(name), schema]))
  return { rename, schemas: renamed }
}

const requestBodies = (paths: Document["paths"]) =>
  Object.values(paths).flatMap((methods) => Object.values(methods).map(({ parameters, requestBody }) => [requestBody, parameters]))

const usedProblems = (paths: Document["paths"]): ReadonlySet<string> =>
  new Set([...JSON.stringify(paths).matchAll(/#\/components\/responses\/(\w+)/g)].map((match) => match[1]!).concat(everywhere))

/** The document of this version's API; the same on every call. */
export const buildDocument = (): Document => {
  const spec = OpenApi.fromApi(Api)
  const declared = pathsOf(spec)
  const { rename, schemas } = schemasFor(spec, declared.definitions)
  const paths = addLinks(mapRefs(declared.paths, rename))
  const responses = sorted(mapRefs(problemResponses(), rename), usedProblems(paths))
  const sent = findReachable(requestBodies(paths), schemas)
  const published = Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, sent.has(name) ? schema : allowUnknownFields(schema)])
  )
  return {
    openapi: "3.1.0",
    info: {
      title: spec.info.title,
      version: spec.info.version,
      description: introduction,
      license: { name: "MIT", identifier: "MIT" }
    },
    servers: [{ url: "/", description: "The gateway that serves this document." }],
    security: [{ ApiKey: [] }],
    tags: spec.tags,
    paths,
    components: {
      securitySchemes: {
        ApiKey: { type: "apiKey", in: apiKeySecurity.in, name: apiKeySecurity.key, description: "A key of the gateway." }
      },
      headers,
      responses,
      schemas: sorted(published, findReachable([paths, responses], schemas))
    }
  }
}
