/** Paged lists. */
import { Schema } from "effect"

export const Pagination = Schema.Struct({
  page: Schema.Int.annotate({ description: "Index of this page, from 0." }),
  page_size: Schema.Int.annotate({ description: "Requested items per page." }),
  total_pages: Schema.Int.annotate({ description: "Number of pages." }),
  total_elements: Schema.Int.annotate({ description: "Number of items on all pages." }),
  has_next: Schema.Boolean.annotate({ description: "Whether there is a next page." })
}).annotate({
  identifier: "Pagination",
  description: "Position of this page in the list.",
  examples: [{ page: 0, page_size: 100, total_pages: 1, total_elements: 25, has_next: false }]
})
export type Pagination = typeof Pagination.Type

/** Selects and sorts a page of devices or assets. */
export interface ListQuery {
  /** Index of the page, from 0. */
  readonly page: number
  /** Items per page. */
  readonly pageSize: number
  /** Part of a name or label, case-insensitive. */
  readonly textSearch?: string | undefined
  /** Name of a device type or asset type. */
  readonly type?: string | undefined
  /** Name of the field to sort by, as this API names it. Without it, ThingsBoard sorts by id. */
  readonly sort?: string | undefined
  readonly order?: "ASC" | "DESC" | undefined
  /** Only connected (true) or only disconnected (false) devices. */
  readonly active?: boolean | undefined
}

/** A page with its items as the JSON bytes that ThingsBoard sent; they are not parsed and printed again. */
export interface BytesPage {
  /** A JSON array, UTF-8. */
  readonly items: Uint8Array
  readonly totalPages: number
  readonly totalElements: number
  readonly hasNext: boolean
}
