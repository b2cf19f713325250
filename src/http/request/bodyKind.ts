/** What a body is, by its `Content-Type`, and for files also by the parameter `format`. */
import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { InvalidRequest, UnsupportedMediaType } from "../../api/Problems.ts"
import { type Format, formats, mediaTypesOf } from "../../domain/Format.ts"
import { failWithProblem } from "../response/problem.ts"
import { headerOf } from "./header.ts"

type Request = HttpServerRequest.HttpServerRequest

/** A body without a `Content-Type` counts as JSON. */
const mediaTypeOf = (request: Request) => (headerOf(request, "content-type") ?? "application/json").split(";", 1)[0]!.trim().toLowerCase()

/** The encoding that the `Content-Type` names. */
export const charsetOf = (request: Request): string | undefined =>
  /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headerOf(request, "content-type") ?? "")?.[1]?.toLowerCase()

export type BodyKind = "json" | "csv" | "ndjson"

const formatOfKind = { json: "json", csv: "csv", ndjson: "jsonl" } as const satisfies Record<BodyKind, Format>
const kinds: ReadonlyArray<BodyKind> = ["json", "csv", "ndjson"]

const kindOfMediaType: ReadonlyMap<string, BodyKind> = new Map([
  ...kinds.flatMap((kind) => mediaTypesOf(formatOfKind[kind]).map((type) => [type, kind] as const)),
  ["application/csv", "csv"]
])

/** The kind of the body, by its `Content-Type`. */
export const bodyKindOf = (request: Request): BodyKind | undefined => {
  const type = mediaTypeOf(request)
  return kindOfMediaType.get(type) ?? (type.endsWith("+json") ? "json" : undefined)
}

/** Whether the framework would decode the body as JSON. It knows this one media type. */
export const isJson = (request: Request) => mediaTypeOf(request) === "application/json"

export const failUnsupportedMediaType = (accepted: ReadonlyArray<string>): Effect.Effect<never, UnsupportedMediaType> =>
  failWithProblem(
    `This path does not support this Content-Type; it supports ${accepted.join(", ")}.`,
    (common) => new UnsupportedMediaType({ ...common, details: { accepted } })
  )

/** The kind of the body, which must be one of `supported`. */
export const requireBodyKind = <const K extends BodyKind>(
  request: Request,
  supported: ReadonlyArray<K>
): Effect.Effect<K, UnsupportedMediaType> => {
  const kind = bodyKindOf(request)
  return kind !== undefined && (supported as ReadonlyArray<BodyKind>).includes(kind)
    ? Effect.succeed(kind as K)
    : failUnsupportedMediaType(supported.map((one) => formats[formatOfKind[one]].mediaType))
}

/** Media types that say nothing about a file: what clients of a binary body, and forms of none, send. */
const unspecific: ReadonlySet<string> = new Set(["application/octet-stream", ""])

/** The kind of a file to import: the one that the parameter names, else the one of the `Content-Type`, else CSV. */
export const requireFileKind = (
  request: Request,
  format: "csv" | "jsonl" | undefined
): Effect.Effect<"csv" | "ndjson", InvalidRequest | UnsupportedMediaType> => {
  const named = format === "jsonl" ? "ndjson" : format
  const type = (headerOf(request, "content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase()
  if (unspecific.has(type)) return Effect.succeed(named ?? "csv")
  const kind = bodyKindOf(request)
  if (kind !== "csv" && kind !== "ndjson") {
    return failUnsupportedMediaType([formats.csv.mediaType, formats.jsonl.mediaType, "application/octet-stream"])
  }
  return named === undefined || named === kind ? Effect.succeed(kind) : failInvalidFormat(type)
}

const failInvalidFormat = (type: string) => {
  const issue = `Expected the format of the Content-Type, which is ${type}`
  return failWithProblem(
    `query.format: ${issue}.`,
    (common) => new InvalidRequest({ ...common, details: { errors: [{ field: "query.format", issue }] } })
  )
}
