/**
 * Rows as columns of offsets into the bytes that were received, so that values stay the JSON tokens they were.
 *
 * This folder turns rows into the bytes of a format, in constant memory. It knows neither HTTP nor ThingsBoard.
 */
export interface RowColumns {
  readonly bytes: Uint8Array
  /** The time of each row, epoch ms. */
  readonly ts: Float64Array
  /** Start and end of the token of a row's time. */
  readonly tsFrom: Uint32Array
  readonly tsTo: Uint32Array
  /** Start and end of the token of a row's value. */
  readonly valueFrom: Uint32Array
  readonly valueTo: Uint32Array
}

/** The rows of one key: `from` inclusive, `to` exclusive. */
export interface SeriesSlice {
  readonly key: string
  readonly from: number
  readonly to: number
}

/** The device of a row, in files of several devices. */
export interface Device {
  readonly id: string
  readonly name: string
}

/** One element of a stream of rows. Its columns may be overwritten as soon as the next element is pulled. */
export interface RowBatch {
  readonly rows: RowColumns
  readonly series: SeriesSlice
  /** Only in files of several devices. */
  readonly device?: Device | undefined
}
