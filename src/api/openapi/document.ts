/**
 * The OpenAPI document. `effect/http-api` generates it from the contract; this folder rewrites it into the form that people and code
 * generators expect. Everything here is pure and only describes the API: its behavior is defined by the contract alone.
 */
import { Context, Option } from "effect"
import { HttpApi, type HttpApiEndpoint, OpenApi } from "effect/http-api"
import { Api } from "../Api.ts"
import { Authentication, apiKeySecurity, RequiredScope } from "../middleware/Authentication.ts"
import { mapRefs, publicNames, findReachable } from "./components.ts"
import { assetId, batchId, deviceId, examples } from "./examples/index.ts"
import { Idempotency } from "../middleware/Idempotency.ts"
import type { OperationExamples } from "./examples/model.ts"
import { nameConstants } from "./enumNames.ts"
import { conditionalOperations, type HeaderName, headers, notModified, successHeaders } from "./headers.ts"
import { introduction } from "./introduction.ts"
import { addLinks } from "./links.ts"
import type { Document, Method, Operation, Parameter, Ref, Response, Schema } from "./model.ts"
import { describeQuery, idempotencyKey } from "./parameters.ts"
import { combineProblems, buildContent, type DeclaredContent, problemResponses, successResponse } from "./responses.ts"
import { problemSchemas } from "./problems.ts"
import { allowOnlyKnownFields, allowUnknownFields, normalize, omit } from "./normalize.ts"

type Generated = OpenApi.OpenAPISpecOperation

/** Responses that any path and method can return. They are listed as components, not with each operation. */
const commonProblems = ["RouteNotFound", "MethodNotAllowed", "UriTooLong", "HeadersTooLarge"]

/** Responses of every operation, including those without a key: invalid requests to them count against the rate limit, too. */
const commonResponses: Record<string, Response | Ref> = {
  429: { $ref: "#/components/responses/RateLimited" },
  414: { $ref: "#/components/responses/UriTooLong" },
  431: { $ref: "#/components/responses/HeadersTooLarge" }
}

const pathExamples: Record<string, string> = { device_id: deviceId, asset_id: assetId, root_id: deviceId, batch_id: batchId }

const pathParameters = (generated: Generated): ReadonlyArray<Parameter> =>
  generated.parameters
    .filter((parameter) => parameter.in === "path")
    .map(({ name, schema }) => ({
      name,
      in: "path",
      required: true,
      description: name === "root_id" ? "Id of the root entity (UUID)." : `Id of the ${name.replace("_id", "")} (UUID).`,
      schema: schema as Schema,
      example: pathExamples[name]
    }))

const headerNames: Record<string, string> = { prefer: "Prefer" }
/** Documentation pages fill their forms with examples, so an optional header has one only if it does no harm. */
const headerExamples: Record<string, string> = { prefer: "wait=10" }

const headerParameters = (generated: Generated): ReadonlyArray<Parameter> =>
  generated.parameters
    .filter((parameter) => parameter.in === "header")
    .map(({ name, required, schema }) => ({
      name: headerNames[name] ?? name,
      in: "header",
      required,
      description: String((schema as Schema)["description"]),
      schema: omit(schema as Schema, "description"),
      example: headerExamples[name]
    }))

/** The problems of one status, without duplicates: an endpoint and its middlewares can declare the same problem. */
const problemsOf = (declared: DeclaredContent | undefined): ReadonlyArray<string> => {
  const schema = declared?.["application/problem+json"]?.schema
  const choices: ReadonlyArray<Schema | undefined> = Array.isArray(schema?.["anyOf"]) ? schema["anyOf"] : [schema]
  const targets = choices.flatMap((choice) => (typeof choice?.["$ref"] === "string" ? [choice["$ref"]] : []))
  return [...new Set(targets.map((target) => target.split("/").at(-1)!.replace("Encoded", "")))]
}

const declaredResponse = (
  status: number,
  declared: Generated["responses"][number],
  isRateLimited: boolean,
  examples: OperationExamples,
  headers: ReadonlyArray<HeaderName>
) => {
  const problems = problemsOf(declared.content)
  if (problems.length === 0)
    return successResponse(declared.description, status, declared.content ?? {}, isRateLimited, examples.responses, headers)
  return problems.length === 1 ? { $ref: `#/components/responses/${problems[0]}` } : combineProblems(problems)
}

const responsesOf = (
  generated: Generated,
  isRateLimited: boolean,
  examples: OperationExamples,
  headers: ReadonlyArray<HeaderName>
): Record<string, Response | Ref> =>
  Object.fromEntries(
    Object.entries(generated.responses).map(([status, declared]) => [
      status,
      declaredResponse(Number(status), declared, isRateLimited, examples, [
        ...successHeaders(generated.operationId, Number(status)),
        ...headers
      ])
    ])
  )

const describeOperation = (generated: Generated, scope: Option.Option<string>) =>
  `${generated.description ?? ""}${Option.match(scope, { onNone: () => "", onSome: (name) => `\n\nRequires the scope \`${name}\`.` })}`

const buildOperation = (generated: Generated, endpoint: HttpApiEndpoint.Top, query: ReadonlyArray<Parameter>): Operation => {
  const needsKey = endpoint.middlewares.has(Authentication)
  const operationExamples = examples[generated.operationId] ?? { responses: {} }
  const isIdempotent = endpoint.middlewares.has(Idempotency)
  const parameters = [...pathParameters(generated), ...query, ...headerParameters(generated), ...(isIdempotent ? [idempotencyKey] : [])]
  return {
    tags: generated.tags,
    operationId: generated.operationId,
    summary: generated.summary ?? "",
    description: describeOperation(generated, Context.getOption(endpoint.annotations, RequiredScope)),
    ...(needsKey ? {} : { security: [] }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(generated.requestBody === undefined
      ? {}
      : { requestBody: { required: true, content: buildContent(generated.requestBody.content, operationExamples.request ?? {}) } }),
    responses: {
      ...commonResponses,
      ...(conditionalOperations.has(generated.operationId) ? { 304: notModified } : {}),
      ...responsesOf(generated, needsKey, operationExamples, isIdempotent ? ["Idempotent-Replayed"] : [])
    }
  }
}

/** The paths, and the schemas that only their query parameters reference. */
const buildPaths = (spec: OpenApi.OpenAPISpec) => {
  const paths: Document["paths"] = {}
  const definitions: Record<string, Schema> = {}
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const path = endpoint.path.replaceAll(/:(\w+)/g, "{$1}")
      const method = endpoint.method.toLowerCase() as Method
      const query = describeQuery(endpoint)
      Object.assign(definitions, query.definitions)
      paths[path] = { ...paths[path], [method]: buildOperation(spec.paths[path]![method]!, endpoint, query.parameters) }
    }
  })
  return { paths, definitions }
}

const pickSorted = <T>(record: Record<string, T>, names: ReadonlySet<string>): Record<string, T> =>
  Object.fromEntries(
    Object.entries(record)
      .filter(([name]) => names.has(name))
      .toSorted(([a], [b]) => a.localeCompare(b, "en"))
  )

const normalizeAll = (schemas: Record<string, Schema>) =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, normalize(schema)]))

/** All schemas under their public names, and the function that renames them. */
const collectSchemas = (spec: OpenApi.OpenAPISpec, definitions: Record<string, Schema>) => {
  const all = { ...normalizeAll(definitions), ...normalizeAll(spec.components.schemas), ...problemSchemas() }
  const rename = publicNames(all)
  const schemas = Object.fromEntries(Object.entries(mapRefs(all, rename)).map(([name, schema]) => [rename(name), schema]))
  return { rename, schemas }
}

const requestSchemas = (paths: Document["paths"]) =>
  Object.values(paths).flatMap((methods) => Object.values(methods).map(({ parameters, requestBody }) => [requestBody, parameters]))

const usedProblems = (paths: Document["paths"]): ReadonlySet<string> =>
  new Set([...JSON.stringify(paths).matchAll(/#\/components\/responses\/(\w+)/g)].map((match) => match[1]!).concat(commonProblems))

/** Builds the OpenAPI document; every call returns the same content. */
export const buildDocument = (): Document => {
  const spec = OpenApi.fromApi(Api)
  const declared = buildPaths(spec)
  const { rename, schemas } = collectSchemas(spec, declared.definitions)
  const paths = addLinks(mapRefs(declared.paths, rename))
  const responses = pickSorted(mapRefs(problemResponses(), rename), usedProblems(paths))
  const inRequests = findReachable(requestSchemas(paths), schemas)
  const published = Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      inRequests.has(name) ? allowOnlyKnownFields(schema) : allowUnknownFields(schema)
    ])
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
        ApiKey: { type: "apiKey", in: apiKeySecurity.in, name: apiKeySecurity.key, description: "An API key of the gateway." }
      },
      headers,
      responses,
      schemas: pickSorted(nameConstants(published), findReachable([paths, responses], schemas))
    }
  }
}
