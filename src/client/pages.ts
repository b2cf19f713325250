import { Effect, Option, Stream } from "effect"

interface ListPage<A> {
  readonly data: ReadonlyArray<A>
  readonly pagination: { readonly has_next: boolean }
}

/** The most that the API allows: fewer requests for the same items. */
const pageSize = 1000

/** All items of a list, page by page. A page is requested when the items of the one before have been consumed. */
export const listPages =
  <Query extends { readonly page?: number; readonly page_size?: number }, A, E>(list: (query: Query) => Effect.Effect<ListPage<A>, E>) =>
  (request: { readonly query?: Omit<Query, "page"> } = {}): Stream.Stream<A, E> =>
    Stream.paginate(0, (page) =>
      Effect.map(
        list({ page_size: pageSize, ...request.query, page } as Query),
        ({ data, pagination }) => [data, pagination.has_next ? Option.some(page + 1) : Option.none()] as const
      )
    )

/** All pages of a query, which each name the cursor of the next one. */
export const queryPages = <A extends { readonly next_cursor: string | null }, E>(
  query: (cursor: { readonly cursor?: string }) => Effect.Effect<A, E>
): Stream.Stream<A, E> =>
  Stream.paginate({} as { readonly cursor?: string }, (cursor) =>
    Effect.map(
      query(cursor),
      (page) => [[page], page.next_cursor === null ? Option.none() : Option.some({ cursor: page.next_cursor })] as const
    )
  )
