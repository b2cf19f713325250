/**
 * Rows as columns of offsets into the bytes that came: values stay the JSON tokens they were.
 * The folder turns rows into the bytes of a format, in constant memory; it knows neither HTTP nor ThingsBoard.
 */
export interface RowColumns {
  readonly bytes: Uint8Array
  /** Epoch ms of each row. */
  readonly ts: Float64Array
  /** Where the token of a row's time begins and ends. */
  readonly tsFrom: Uint32Array
  readonly tsTo: Uint32Array
  /** Where the token of a row's value begins and ends. */
  readonly valueFrom: Uint32Array
  readonly valueTo: Uint32Array
}

/** Rows `from` (in) to `to` (out) of one key. */
export interface SeriesSlice {
  readonly key: string
  readonly from: number
  readonly to: number
}

/** The device that rows belong to, when a file holds several. */
export interface Device {
  readonly id: string
  readonly name: string
}

/** What a stream of rows is made of. The columns may be overwritten as soon as the next one is pulled. */
export interface RowBatch {
  readonly rows: RowColumns
  readonly series: SeriesSlice
  /** There in files of several devices only. */
  readonly device?: Device | undefined
}
