import type { Device, RowColumns, SeriesSlice } from "./Rows.ts"

/**
 * Writes one file of a format that is written row by row: first `head`, then any number of `rows`, then `tail`.
 * A writer may keep state between calls, so each file needs its own. The returned arrays are new and may be kept.
 */
export interface RowWriter {
  /** The bytes before the first row. */
  readonly head: () => Uint8Array
  /** Rows of one series; `device` is set in files of several devices. The columns may be reused after the call. */
  readonly rows: (rows: RowColumns, series: SeriesSlice, device: Device | undefined) => Uint8Array
  /** The bytes after the last row. A file without them is incomplete. */
  readonly tail: () => Uint8Array
}

export const noBytes = new Uint8Array(0)
