/** The Python programs in docs/telemetry.md read what the gateway writes: the same times in UTC, and every digit of integers. */
import { afterAll, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileWriter } from "../../src/formats/FileWriter.ts"
import { collectBytes } from "../support/fileReaders.ts"
import { makePages } from "../support/historyPages.ts"
import { pythonEnvironment } from "../support/python.ts"

const programs = await pythonEnvironment("pyarrow==21.0.0", "pandas==2.3.3", "polars==1.35.2", "duckdb==1.4.2")
const folder = await mkdtemp(join(tmpdir(), "boardwalk-python-"))
afterAll(() => rm(folder, { recursive: true }))

const text = await Bun.file(join(import.meta.dir, "..", "..", "docs", "telemetry.md")).text()
const blocks = [...text.matchAll(/^```python\n([\s\S]*?)^```$/gm)].map(([, program]) => program!)

const ts = 1_709_208_000_123
const count = "9007199254740993"

/** Prints the times as epoch ms with their zone, and the integers, whatever library the table is from. */
const inspect = `
import json
import duckdb, pandas, polars
if isinstance(table, duckdb.DuckDBPyRelation):
    rows = [dict(zip(table.columns, row)) for row in table.fetchall()]
elif isinstance(table, polars.DataFrame):
    rows = table.rows(named=True)
else:
    rows = [{name: None if value is pandas.NA else value for name, value in row.items()} for row in table.to_dict("records")]
print(json.dumps([[round(row["ts"].timestamp() * 1000), row["ts"].utcoffset().total_seconds(), str(row.get("value_long", row.get("value")))] for row in rows]))
`

const run = async (program: string): Promise<unknown> => {
  const python = Bun.spawn([join(programs!, "python"), "-c", program + inspect], {
    cwd: folder,
    env: { ...process.env, TZ: "UTC" },
    stdout: "pipe",
    stderr: "pipe"
  })
  const [out, errors] = await Promise.all([new Response(python.stdout).text(), new Response(python.stderr).text(), python.exited])
  if (errors !== "") throw new Error(errors)
  return JSON.parse(out)
}

test.skipIf(programs === undefined)(
  "the programs read times in UTC, and every digit",
  async () => {
    const extensions = ["parquet", "csv", "jsonl"] as const
    for (const format of extensions) {
      const rows = makePages({ tokens: { count: [count, "7", "null"] }, firstTs: ts })
      await Bun.write(join(folder, `telemetry.${format}`), await collectBytes(fileWriter(format, ["count"]).write(rows)))
    }
    expect(blocks.length).toBe(5)
    for (const format of extensions)
      expect([format, blocks.some((program) => program.includes(`telemetry.${format}`))]).toEqual([format, true])
    for (const program of blocks) {
      const rows = (await run(program)) as ReadonlyArray<readonly [number, number, string]>
      expect([program, rows.slice(0, 2)]).toEqual([
        program,
        [
          [ts, 0, count],
          [ts + 1, 0, "7"]
        ]
      ])
    }
  },
  120_000
)
