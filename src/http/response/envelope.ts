/** Answers of the hot lane: bytes spliced into the envelope, without a schema and without re-printing what ThingsBoard sent. */
import { Clock, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import type { BytesPage } from "../../domain/Page.ts"

const json = { contentType: "application/json" } as const

/** Writes `{"status":"success","timestamp":<now>` + `members` + `}`; `members` start with a comma. */
export const success = (...members: ReadonlyArray<string | Uint8Array>) =>
  Effect.withFiber((fiber) => {
    const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
    const body = Buffer.concat([
      Buffer.from(`{"status":"success","timestamp":${now}`, "latin1"),
      ...members.map((part) => (typeof part === "string" ? Buffer.from(part) : part)),
      closing
    ])
    return Effect.succeed(HttpServerResponse.raw(body, json))
  })

const closing = Buffer.from("}")

/** A list in its envelope. */
export const list = (page: number, pageSize: number, { hasNext, items, totalElements, totalPages }: BytesPage) =>
  success(
    `,"pagination":{"page":${page},"page_size":${pageSize},"total_pages":${totalPages},"total_elements":${totalElements},"has_next":${hasNext}},"data":`,
    items
  )

/** `{"status":"success","timestamp":<now>,…}` of plain members. */
export const plain = (status: 200 | 201, members: Record<string, unknown>) =>
  Effect.withFiber((fiber) =>
    Effect.succeed(
      HttpServerResponse.jsonUnsafe(
        { status: "success", timestamp: fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(), ...members },
        { status }
      )
    )
  )

export const created = (members: Record<string, unknown>) => plain(201, members)
