/** What a row of an import says: a device, a time and points, or why it is refused. */
import { isUuid } from "../../domain/Ids.ts"
import { type CheckedValue, telemetryKeyIssue } from "../validation/values.ts"

export interface ImportPoint {
  readonly key: string
  readonly token: string
  readonly rounded: boolean
}

export interface ImportRow {
  /** None when the rows are of the device in the path. */
  readonly device: { readonly id: string } | { readonly name: string } | undefined
  readonly ts: number
  /** None when all cells are empty. */
  readonly points: ReadonlyArray<ImportPoint>
}

/** Ends a row; what it says goes into the report. */
export class RowRejected extends Error {}

export const rejectRow = (reason: string): never => {
  throw new RowRejected(reason)
}

/** A sentence that goes on behind a colon. */
const startLowerCase = (issue: string) => issue.slice(0, 1).toLowerCase() + issue.slice(1)

export const checkedPoint = (key: string, checked: CheckedValue): ImportPoint =>
  "issue" in checked ? rejectRow(`${key.slice(0, 64)}: ${startLowerCase(checked.issue)}`) : { key, ...checked }

export const checkKey = (key: string): void => {
  const issue = telemetryKeyIssue(key)
  if (issue !== undefined) rejectRow(`key: ${startLowerCase(issue)}`)
}

export const requireTimestamp = (time: number | string): number =>
  typeof time === "number" ? time : rejectRow(`ts: ${startLowerCase(time)}`)

/** Bytes that are no UTF-8 come as this sign: what they were is lost. */
const replacement = "\uFFFD"

export const checkUtf8 = (text: string): void => {
  if (text.includes(replacement)) rejectRow("expected UTF-8, without the replacement character")
}

/** The id counts when both are there. */
export const parseDevice = (id: string | undefined, name: string | undefined, named: boolean): ImportRow["device"] => {
  if (!named) return undefined
  if (id !== undefined && id !== "") return isUuid(id) ? { id: id.toLowerCase() } : rejectRow("device_id: expected a device id (UUID)")
  return name !== undefined && name !== "" ? { name } : rejectRow("expected device_id or device_name")
}
