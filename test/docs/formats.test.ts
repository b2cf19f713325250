import { expect, test } from "bun:test"
import { join } from "node:path"
import { formatNames, formats, mediaTypesOf } from "../../src/domain/Format.ts"

test("docs/telemetry.md lists every format with its media types and extension", async () => {
  const text = await Bun.file(join(import.meta.dir, "..", "..", "docs", "telemetry.md")).text()
  const rows = [...text.matchAll(/^\| `(\w+)` *\|([^|]*)\|([^|]*)\|/gm)].map(([, name, types, extension]) => ({
    name,
    mediaTypes: types!.split(",").map((type) => type.trim().replaceAll("`", "")),
    extension: extension!.trim().replaceAll("`", "")
  }))
  expect(rows).toEqual(
    formatNames.map((name) => ({ name, mediaTypes: [...mediaTypesOf(name)], extension: `.${formats[name].fileExtension}` }))
  )
})
