import { Readable } from "node:stream"
import { createGunzip } from "node:zlib"

/**
 * The decompressed parts of a body in gzip, read as they are wanted. `read`: the next compressed part; undefined at the end. Fails with the
 * error of `read`, or of zlib if this is not gzip or incomplete.
 */
export const gunzip = (read: () => Promise<Buffer | undefined>): (() => Promise<Buffer<ArrayBuffer> | undefined>) => {
  const parts = async function* () {
    for (let part = await read(); part !== undefined; part = await read()) yield part
  }
  const source = Readable.from(parts(), { objectMode: false })
  const decompressed = createGunzip()
  source.on("error", (error) => decompressed.destroy(error))
  const iterator = source.pipe(decompressed)[Symbol.asyncIterator]()
  return async () => {
    const { done, value } = await iterator.next()
    return done === true ? undefined : (value as Buffer<ArrayBuffer>)
  }
}
