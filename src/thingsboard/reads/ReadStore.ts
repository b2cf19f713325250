/** Responses of reads, the most recently used ones up to a number of bytes, each for a limited time, and longer for when there is no newer one. It knows nothing of who may see them. */
import type { Topic } from "./callKind.ts"

interface Stored {
  readonly key: string
  readonly topics: ReadonlyArray<Topic>
  readonly bytes: Buffer<ArrayBuffer>
  /** Ms on a clock that never steps: when the read began. The response is never newer. */
  readonly readAt: number
  readonly expiresAt: number
  /** Until then it may be used if ThingsBoard cannot be asked. */
  readonly staleUntil: number
  readonly size: number
}

/** Bytes of an entry beside its response, roughly. */
const overhead = 300

/** Responses share a buffer with their head. Keeping the head is cheaper than copying the response. */
const maxUnusedBytes = 1024

/** One response may take this part of the store at most. */
const maxShare = 1 / 4

export class ReadStore {
  /** The least recently used comes first. */
  private readonly entries = new Map<string, Stored>()
  private readonly byTopic = new Map<Topic, Set<Stored>>()
  private total = 0

  constructor(readonly maxBytes: number) {}

  get usedBytes(): number {
    return this.total
  }

  get isEmpty(): boolean {
    return this.entries.size === 0
  }

  /** A response that has not expired and is not older than `maxAge` ms. */
  find(key: string, now: number, maxAge: () => number): Stored | undefined {
    const found = this.entries.get(key)
    if (found === undefined) return undefined
    if (now >= found.expiresAt) {
      if (now >= found.staleUntil) this.remove(found)
      return undefined
    }
    const accepted = maxAge()
    if (accepted <= 0 || now - found.readAt > accepted) return undefined
    this.entries.delete(key)
    this.entries.set(key, found)
    return found
  }

  /** A response that may be used although it has expired, and is not older than `maxAge` ms. */
  findStale(key: string, now: number, maxAge: number): Stored | undefined {
    const found = this.entries.get(key)
    return found !== undefined && now < found.staleUntil && now - found.readAt <= maxAge ? found : undefined
  }

  add(key: string, topics: ReadonlyArray<Topic>, response: Buffer<ArrayBuffer>, readAt: number, expiresAt: number, staleUntil = expiresAt) {
    const former = this.entries.get(key)
    if (former !== undefined) this.remove(former)
    // A small part of a large buffer would keep all of it in memory.
    const isSmallPart = response.buffer.byteLength > response.length + maxUnusedBytes
    const bytes = isSmallPart ? Buffer.from(new Uint8Array(response).buffer) : response
    const size = bytes.buffer.byteLength + 2 * key.length + overhead
    if (size > this.maxBytes * maxShare) return
    const entry: Stored = { key, topics, bytes, readAt, expiresAt, staleUntil, size }
    this.entries.set(key, entry)
    this.total += size
    for (const topic of topics) {
      const sharing = this.byTopic.get(topic)
      if (sharing === undefined) this.byTopic.set(topic, new Set([entry]))
      else sharing.add(entry)
    }
    for (const oldest of this.entries.values()) {
      if (this.total <= this.maxBytes) break
      this.remove(oldest)
    }
  }

  removeAbout(topics: ReadonlyArray<Topic> | "all") {
    if (topics === "all") {
      this.entries.clear()
      this.byTopic.clear()
      this.total = 0
      return
    }
    for (const topic of topics) for (const entry of this.byTopic.get(topic) ?? []) this.remove(entry)
  }

  removeExpired(now: number) {
    for (const entry of this.entries.values()) if (now >= entry.staleUntil) this.remove(entry)
  }

  private remove(entry: Stored) {
    this.entries.delete(entry.key)
    this.total -= entry.size
    for (const topic of entry.topics) {
      const sharing = this.byTopic.get(topic)
      sharing?.delete(entry)
      if (sharing?.size === 0) this.byTopic.delete(topic)
    }
  }
}
