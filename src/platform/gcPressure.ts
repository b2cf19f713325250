let passed = 0

/** Bytes that may go by before the collector is called. */
const collectEvery = 24 * 1024 * 1024

/**
 * Counts buffers that went by. The collector judges by the heap, where a buffer of a megabyte is one small object: left alone it
 * lets a fast export pile up a hundred megabytes of buffers that nobody needs any more.
 */
export const bytesWentBy = (bytes: number) => {
  passed += bytes
  if (passed < collectEvery) return
  passed = 0
  Bun.gc(true)
}
