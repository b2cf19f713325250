/** What lists of devices and of assets share: whose they are, and how a page of them is asked for. */
import type { ListQuery } from "../domain/Page.ts"
import type { Identity } from "./auth/Session.ts"

/** ThingsBoard's names of what lists can be sorted by. */
const sortProperty: Record<string, string> = { created_time: "createdTime", name: "name", type: "type", label: "label" }

/** Administrators of a tenant list all of it, users of a customer what is assigned to that customer. */
export const owner = ({ authority, customerId }: Identity) =>
  authority === "CUSTOMER_USER" ? `/api/customer/${customerId}` : "/api/tenant"

/** With no order given ThingsBoard pages by id, which is as stable as any. */
export const pageParameters = ({ active, order, page, pageSize, sort, textSearch, type }: ListQuery): string => {
  let parameters = `?pageSize=${pageSize}&page=${page}`
  if (textSearch !== undefined) parameters += `&textSearch=${encodeURIComponent(textSearch)}`
  if (type !== undefined) parameters += `&type=${encodeURIComponent(type)}`
  if (active !== undefined) parameters += `&active=${active}`
  if (sort !== undefined || order !== undefined)
    parameters += `&sortProperty=${sortProperty[sort ?? "created_time"]}&sortOrder=${order ?? "ASC"}`
  return parameters
}
