/** The response envelope of hot reads: JSON from ThingsBoard is inserted as bytes, without decoding and encoding it by a schema. */
import { Clock, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { basePath } from "../../api/Api.ts"
import type { BytesPage } from "../../domain/Page.ts"
import { conditional } from "./conditional.ts"

/**
 * Responds with `{"status":"success","timestamp":<now>`, the fields and `}`, or with 304 if the client has the same data. The fields are
 * JSON text that starts with a comma.
 */
export const success = (...fields: ReadonlyArray<string | Uint8Array>) =>
  Effect.withFiber((fiber) => {
    const start = Buffer.from(`{"status":"success","timestamp":${fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()}`, "latin1")
    const body = Buffer.concat([start, ...fields.map((part) => (typeof part === "string" ? Buffer.from(part) : part)), closing])
    return Effect.succeed(conditional(body, fields, fiber))
  })

const closing = Buffer.from("}")

/** Responds with a page of a list. */
export const list = (page: number, pageSize: number, { hasNext, items, totalElements, totalPages }: BytesPage) =>
  success(
    `,"pagination":{"page":${page},"page_size":${pageSize},"total_pages":${totalPages},"total_elements":${totalElements},"has_next":${hasNext}},"data":`,
    items
  )

/** Responds with `{"status":"success","timestamp":<now>,…}` and fields that are plain values. */
export const plain = (status: 200 | 201, fields: Record<string, unknown>) =>
  Effect.withFiber((fiber) =>
    Effect.succeed(
      HttpServerResponse.jsonUnsafe(
        { status: "success", timestamp: fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(), ...fields },
        { status }
      )
    )
  )

export const created = (fields: Record<string, unknown>) => plain(201, fields)

/** Responds with 202 `{"status":"accepted","timestamp":<now>,…}`, and says where to see what becomes of the batch. */
export const accepted = (batchId: string, fields: Record<string, unknown>, headers: Record<string, string>) =>
  Effect.withFiber((fiber) =>
    Effect.succeed(
      HttpServerResponse.jsonUnsafe(
        { status: "accepted", timestamp: fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(), batch_id: batchId, ...fields },
        { status: 202, headers: { ...headers, location: `${basePath}/ingest/${batchId}` } }
      )
    )
  )
