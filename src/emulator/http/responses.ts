/** Successful responses: printed JSON, and the empty 200 of most writes. */
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { badRequest, databaseError } from "./ErrorResponse.ts"
import type { SortProperty } from "../store/Directory.ts"
import { hasNull } from "../values/postgres.ts"

export const json = (text: string) => HttpServerResponse.raw(text, { contentType: "application/json" })

/** A response of the authentication filter, which labels its JSON ISO-8859-1. */
export const authJson = (text: string) => HttpServerResponse.raw(text, { contentType: "application/json;charset=ISO-8859-1" })

export const emptyOk = HttpServerResponse.empty({ status: 200 })

/** `elements` are JSON texts. */
export const arrayJson = (elements: ReadonlyArray<string>) => `[${elements.join(",")}]`

export interface PageLink {
  readonly page: number
  readonly pageSize: number
  readonly textSearch?: string
  readonly sortProperty?: string
  readonly sortOrder?: "ASC" | "DESC"
}

/** ThingsBoard's `PageData`; `elements` are JSON texts. */
export const page = (elements: ReadonlyArray<string>, total: number, { page, pageSize }: PageLink) =>
  `{"data":${arrayJson(elements)},"totalPages":${Math.ceil(total / pageSize)},"totalElements":${total},"hasNext":${(page + 1) * pageSize < total}}`

export const checkPage = ({ page, pageSize }: PageLink) =>
  pageSize < 1
    ? Effect.fail(badRequest(`Incorrect page link page size '${pageSize}'. Page size must be greater than zero.`))
    : page < 0
      ? Effect.fail(badRequest(`Incorrect page link page '${page}'. Page must be positive integer.`))
      : Effect.void

const sorts: Record<string, SortProperty> = {
  id: "id",
  createdTime: "createdTime",
  name: "name",
  title: "name",
  label: "label",
  type: "type",
  deviceProfileName: "profileName",
  assetProfileName: "profileName",
  customerTitle: "customerTitle"
}

/** Checks the parameters of a list, and converts them to a query of the store (recorded in `devices.json`). */
export const parseListQuery = Effect.fnUntraced(function* (link: PageLink) {
  yield* checkPage(link)
  const { page, pageSize, sortOrder, sortProperty, textSearch } = link
  if (sortProperty !== undefined && !/^[\p{L}0-9_-]+$/u.test(sortProperty)) {
    return yield* badRequest("Invalid sort property")
  }
  const sort = sortProperty === undefined ? "id" : sorts[sortProperty]
  if (sort === undefined || hasNull(textSearch ?? "")) return yield* databaseError()
  return { page, pageSize, textSearch, sort, descending: sortOrder === "DESC" }
})
