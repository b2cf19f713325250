/** Recorded steps that the emulator does not follow, and why not. Empty is best. */
export interface KnownDifference {
  readonly version: "4.1" | "4.3"
  readonly scenario: string
  /** Its name; "entry 3" for one of a WebSocket's transcript. */
  readonly step: string
  readonly reason: string
}

export const knownDifferences: ReadonlyArray<KnownDifference> = []
