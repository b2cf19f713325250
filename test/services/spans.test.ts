import { expect, test } from "bun:test"
import { Glob } from "bun"
import { join } from "node:path"

const root = join(import.meta.dir, "..", "..", "src", "services")

/** Methods that only other services call, which run inside the span of the method that an HTTP handler called, and those that only return a number that is known. */
const internal = [
  "AssetAccess.visibleIds",
  "AssetAccess.requireVisible",
  "DeviceAccess.requireVisible",
  "DeviceAccess.guard",
  "History.pages",
  "Aggregates.chunks",
  "Aggregates.pages",
  "Import.readInto",
  "Ingest.store",
  "Ingest.storeVisible",
  "QueuedUploads.isQueued",
  "QueuedUploads.batch",
  "Readiness.calls",
  "Telemetry.keysOfVisibleDevice",
  "Telemetry.readableKeys"
]

const methodsOf = (text: string) => {
  const [, service, shape] = /Context\.Service<\s*(\w+),\s*\{([^]*?)\}\s*>\(\)/.exec(text) ?? []
  return [...(shape ?? "").matchAll(/readonly (\w+): (?:<|\(|Effect)/g)].map(([, method]) => `${service}.${method}`)
}

test("every service method that handlers call has a span with its name, and no other method has one", async () => {
  const texts = await Promise.all([...new Glob("**/*.ts").scanSync(root)].map((file) => Bun.file(join(root, file)).text()))
  const methods = texts.flatMap(methodsOf)
  const spans = texts.flatMap((text) => [...text.matchAll(/withServiceSpan\("([^"]+)"\)/g)].map(([, name]) => name!))
  expect(internal.filter((method) => !methods.includes(method))).toEqual([])
  expect(spans.toSorted()).toEqual(methods.filter((method) => !internal.includes(method)).toSorted())
  expect(texts.filter((text) => /Effect\.(fn\(|withSpan)/.test(text))).toEqual([])
})
