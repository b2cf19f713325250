import type { Device, RowColumns, SeriesSlice } from "./Rows.ts"

/**
 * Writes one file of a format that goes row by row: `head`, `rows` as often as there are any, `tail`.
 * A writer serves one file: it may remember where it stands. Every array it gives is fresh and may be kept.
 */
export interface RowWriter {
  /** What stands before the first row. */
  readonly head: () => Uint8Array
  /** The rows of one series; `device` is there in files of several devices. The rows' columns may be reused afterwards. */
  readonly rows: (rows: RowColumns, series: SeriesSlice, device: Device | undefined) => Uint8Array
  /** What stands behind the last row. A file without it is cut. */
  readonly tail: () => Uint8Array
}

export const noBytes = new Uint8Array(0)
