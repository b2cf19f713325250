/** Decides from samples whether the gateway is overloaded. */

export interface Sample {
  /** Bytes. */
  readonly memory: number
  /** Ms that work waited for the processor, beyond the time that it asked for. */
  readonly delay: number
}

export interface LoadLimits {
  readonly maxMemory: number
  /** Ms. */
  readonly maxDelay: number
}

/** 0: every request is served. 1: expensive requests are rejected. 2: all requests are rejected, except health checks. */
export type LoadLevel = 0 | 1 | 2

export type LoadReason = "memory" | "event_loop"

export interface Load {
  readonly level: LoadLevel
  /** What is exceeded, at level 1 and 2. */
  readonly reason: LoadReason | undefined
}

/** Shares of `maxMemory` from which the levels begin. */
const memoryShares = [0.8, 0.9] as const
/** Multiples of `maxDelay`. */
const delayFactors = [1, 4] as const
/** A level ends below this share of where it began, so that it does not come and go with every sample. */
const endFactor = 0.95
/** A single long turn of the event loop, such as that of a collection, is no overload: most of the last samples have to be late. */
const delaySamples = 8

const levelOf = (value: number, [first, second]: readonly [number, number], current: LoadLevel): LoadLevel => {
  if (value > (current >= 2 ? endFactor : 1) * second) return 2
  return value > (current >= 1 ? endFactor : 1) * first ? 1 : 0
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

export class LoadDetector {
  private readonly delays: Array<number> = Array.from({ length: delaySamples }, () => 0)
  private memoryLevel: LoadLevel = 0
  private delayLevel: LoadLevel = 0

  constructor(private readonly limits: LoadLimits) {}

  update({ delay, memory }: Sample): Load {
    const { maxDelay, maxMemory } = this.limits
    this.delays.shift()
    this.delays.push(delay)
    this.memoryLevel = levelOf(memory, [memoryShares[0] * maxMemory, memoryShares[1] * maxMemory], this.memoryLevel)
    this.delayLevel = levelOf(median(this.delays), [delayFactors[0] * maxDelay, delayFactors[1] * maxDelay], this.delayLevel)
    if (this.memoryLevel === 0 && this.delayLevel === 0) return { level: 0, reason: undefined }
    return this.memoryLevel >= this.delayLevel
      ? { level: this.memoryLevel, reason: "memory" }
      : { level: this.delayLevel, reason: "event_loop" }
  }
}
