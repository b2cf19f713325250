/** What ThingsBoard's lists of devices, assets and profiles have in common: their owner, their query parameters, their form. */
import { Effect } from "effect"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import type { Identity } from "../auth/Session.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { scanPage } from "../responses/PageScanner.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"

/** ThingsBoard's names for the sort fields of the API. */
const sortProperty: Record<string, string> = { created_time: "createdTime", name: "name", type: "type", label: "label" }

/** Tenant administrators list the whole tenant, customer users what is assigned to their customer. */
export const ownerPath = ({ authority, customerId }: Identity) =>
  authority === "CUSTOMER_USER" ? `/api/customer/${customerId}` : "/api/tenant"

/**
 * ThingsBoard uses the search as a pattern of SQL's ILIKE, without escaping it. With its default escape character, each character stands for
 * itself (recorded from 4.1 and 4.3: `edges.json`).
 */
const escapePattern = (text: string) => text.replaceAll(/[\\%_]/g, "\\$&")

/** Without a sort order ThingsBoard sorts by id, which keeps pages stable as well as any other order. */
const pageParameters = ({ active, order, page, pageSize, sort, textSearch, type }: ListQuery): string => {
  let parameters = `?pageSize=${pageSize}&page=${page}`
  if (textSearch !== undefined) parameters += `&textSearch=${encodeURIComponent(escapePattern(textSearch))}`
  if (type !== undefined) parameters += `&type=${encodeURIComponent(type)}`
  if (active !== undefined) parameters += `&active=${active}`
  if (sort !== undefined || order !== undefined)
    parameters += `&sortProperty=${sortProperty[sort ?? "created_time"]}&sortOrder=${order ?? "ASC"}`
  return parameters
}

/** A page of the list at a path, its items as the bytes that ThingsBoard sent. */
export const readList = (thingsBoard: ThingsBoardShape, path: string, query: ListQuery): Effect.Effect<BytesPage, ThingsBoardError> =>
  Effect.flatMap(thingsBoard.get(`${path}${pageParameters(query)}`), scanPage)
