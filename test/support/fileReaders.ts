/** Reads files with independent implementations: `openpyxl` and `pyarrow` from PyPI. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { pythonEnvironment } from "./python.ts"

const programs = await pythonEnvironment("openpyxl==3.1.5", "pyarrow==21.0.0")

/** Runs a Python program that reads a file and prints JSON. Output on stderr is a failure too: a warning means that the file is doubtful. */
const read = async (program: string, bytes: Uint8Array): Promise<unknown> => {
  if (programs === undefined) {
    throw new Error(
      "These tests open files with openpyxl and pyarrow. Install Python 3 with venv (Debian: python3-venv), and make sure that pip can reach PyPI."
    )
  }
  const folder = await mkdtemp(join(tmpdir(), "boardwalk-files-"))
  try {
    const file = join(folder, "file")
    await Bun.write(file, bytes)
    const python = Bun.spawn([join(programs, "python"), "-W", "error", "-c", program, file], { stdout: "pipe", stderr: "pipe" })
    const [out, errors, code] = await Promise.all([new Response(python.stdout).text(), new Response(python.stderr).text(), python.exited])
    if (code !== 0 || errors !== "") throw new Error(`The reader rejected the file: ${errors}`)
    return JSON.parse(out)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A cell: its Excel type (n, s, b, d) and its value; numbers as Python prints them, dates in ISO 8601. */
export type Cell = readonly [type: string, value: string | boolean | null]
export type Workbook = ReadonlyArray<{ readonly name: string; readonly rows: ReadonlyArray<ReadonlyArray<Cell>> }>

export const readXlsx = (bytes: Uint8Array) =>
  read(
    `
import json, sys, zipfile
from openpyxl import load_workbook
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
def cell(c):
    v = c.value
    return [c.data_type, v.isoformat(timespec="milliseconds") if c.is_date and v is not None else v if v is None or isinstance(v, (bool, str)) else repr(v)]
with open(sys.argv[1], "rb") as file:
    book = load_workbook(file)
print(json.dumps([{"name": s.title, "rows": [[cell(c) for c in row] for row in s.iter_rows()]} for s in book.worksheets]))
`,
    bytes
  ) as Promise<Workbook>

export interface Table {
  readonly schema: Record<string, string>
  readonly rowGroups: ReadonlyArray<number>
  /** Timestamps in epoch ms, integers as text. */
  readonly rows: ReadonlyArray<Record<string, string | number | boolean | null>>
}

export const readParquet = (bytes: Uint8Array) =>
  read(
    `
import json, sys
import pyarrow.parquet as pq
file = pq.ParquetFile(sys.argv[1])
table = file.read()
table.validate(full=True)
schema = {f.name: str(f.type) + ("" if f.nullable else " not null") for f in table.schema}
def plain(name, v):
    return str(v) if name == "value_long" and v is not None else v
table = table.set_column(table.schema.get_field_index("ts"), "ts", table["ts"].cast("int64"))
rows = [{k: plain(k, v) for k, v in row.items()} for row in table.to_pylist()]
print(json.dumps({"schema": schema, "rowGroups": [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)], "rows": rows}))
`,
    bytes
  ) as Promise<Table>

export const collectBytes = <E>(stream: Stream.Stream<Uint8Array, E>): Promise<Uint8Array> =>
  Effect.runPromise(Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(chunks)))
