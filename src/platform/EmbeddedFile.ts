/**
 * A file that is imported `with { type: "file" }`: on disk when run from source, within the compiled binary otherwise.
 * It is read when it is asked for and never kept in memory.
 */
export class EmbeddedFile {
  private found: Promise<string> | undefined

  constructor(
    private readonly path: string,
    /** Texts to put in the place of others. */
    private readonly replacements: Readonly<Record<string, string>> = {}
  ) {}

  /** Names this content: other content has another hash. */
  hash(): Promise<string> {
    this.found ??= this.computeHash()
    return this.found
  }

  body(gzip: boolean): ReadableStream<Uint8Array> {
    return gzip ? this.content().pipeThrough(new CompressionStream("gzip")) : this.content()
  }

  private content(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const replacements = Object.entries(this.replacements)
    if (replacements.length === 0) return Bun.file(this.path).stream()
    return new ReadableStream({
      pull: async (controller) => {
        const text = await Bun.file(this.path).text()
        controller.enqueue(new TextEncoder().encode(replacements.reduce((changed, [from, to]) => changed.replaceAll(from, to), text)))
        controller.close()
      }
    })
  }

  private async computeHash(): Promise<string> {
    const hasher = new Bun.CryptoHasher("sha256")
    for await (const chunk of this.content()) hasher.update(chunk)
    return hasher.digest("hex").slice(0, 12)
  }
}
