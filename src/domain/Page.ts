/** Pages of lists. */
import { Schema } from "effect"

export const Pagination = Schema.Struct({
  page: Schema.Int.annotate({ description: "Index of this page, from 0." }),
  page_size: Schema.Int.annotate({ description: "Elements asked for a page." }),
  total_pages: Schema.Int.annotate({ description: "Number of pages." }),
  total_elements: Schema.Int.annotate({ description: "Number of elements on all pages." }),
  has_next: Schema.Boolean.annotate({ description: "Whether a page follows." })
}).annotate({
  identifier: "Pagination",
  description: "Where a page stands in its list.",
  examples: [{ page: 0, page_size: 100, total_pages: 1, total_elements: 25, has_next: false }]
})
export type Pagination = typeof Pagination.Type

/** What selects and orders a page of devices or assets. */
export interface ListQuery {
  readonly page: number
  readonly pageSize: number
  readonly textSearch?: string | undefined
  readonly type?: string | undefined
  readonly sort?: string | undefined
  readonly order?: "ASC" | "DESC" | undefined
  readonly active?: boolean | undefined
}

/** A page whose elements stay the JSON bytes that ThingsBoard sent: nothing in them is re-printed. */
export interface BytesPage {
  /** A JSON array. */
  readonly items: Uint8Array
  readonly totalPages: number
  readonly totalElements: number
  readonly hasNext: boolean
}
