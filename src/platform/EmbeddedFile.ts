import { isAbsolute, join } from "node:path"

/**
 * A file that is imported `with { type: "file" }`: on disk when run from source, otherwise in the compiled binary. It is read on first
 * use. Its compressed form is kept: compressing a megabyte per request would let clients keep the server busy.
 */
export class EmbeddedFile {
  private found: Promise<string> | undefined
  private packed: Promise<Uint8Array> | undefined
  private replaced: Promise<Uint8Array> | undefined

  private readonly path: string

  constructor(
    path: string,
    /** Replacement texts, by the text they replace. */
    private readonly replacements: Readonly<Record<string, string>> = {}
  ) {
    // The path is absolute from source and in the binary. In the bundle of the npm package it is relative to the bundle.
    this.path = isAbsolute(path) ? path : join(import.meta.dir, path)
  }

  /** A hash of the content, for its URL. */
  hash(): Promise<string> {
    this.found ??= this.computeHash()
    return this.found
  }

  content(): Promise<Uint8Array> {
    return Object.keys(this.replacements).length === 0 ? Bun.file(this.path).bytes() : (this.replaced ??= this.replace())
  }

  compressed(): Promise<Uint8Array> {
    this.packed ??= this.compress()
    return this.packed
  }

  private async compress(): Promise<Uint8Array> {
    const content = new Response((await this.content()) as BodyInit).body!
    return new Response(content.pipeThrough(new CompressionStream("gzip"))).bytes()
  }

  private async replace(): Promise<Uint8Array> {
    const text = await Bun.file(this.path).text()
    const changed = Object.entries(this.replacements).reduce((before, [from, to]) => before.replaceAll(from, to), text)
    return new TextEncoder().encode(changed)
  }

  private async computeHash(): Promise<string> {
    return new Bun.CryptoHasher("sha256")
      .update(await this.content())
      .digest("hex")
      .slice(0, 12)
  }
}
