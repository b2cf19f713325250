/**
 * A durable queue of points: what it acknowledges survives a killed process and a power failure. It hands out the points of a device in
 * the order in which they were accepted, and those of several batches together, so that one write can store them.
 *
 * It does not deliver: whoever takes entries out stores them, and then calls `finish`. An entry that is not finished is handed out again.
 * Storing it again is harmless, because each point has its timestamp.
 *
 * `sqlite/` keeps it in a folder, for one gateway; `redis/` in a Redis server, for any number of them. Times are those of the file's
 * machine, or of the Redis server.
 *
 * docs/architecture.md says why this is not built on Effect's PersistedQueue.
 */
import type { Effect, Scope } from "effect"
import type { SpoolError } from "./errors.ts"
import type {
  BatchState,
  DevicePoints,
  DeviceReference,
  Entry,
  Forgotten,
  NewBatch,
  Outcome,
  SetAside,
  Waiting,
  WaitingDevices,
  WaitingName
} from "./model.ts"

/** A batch whose points arrive in parts. Nothing of it is delivered, and nothing of it survives a restart, before `accept`. */
export interface StagedBatch {
  readonly append: (devices: ReadonlyArray<DevicePoints>) => Effect.Effect<void, SpoolError>
  /** Succeeds once the whole batch is durable. */
  readonly accept: Effect.Effect<void, SpoolError>
}

/** Takes batches: whole ones, and imports, whose points arrive in parts. */
export interface Acceptance {
  /** Succeeds once the whole batch is durable. If it fails with `SpoolFull`, nothing of it is kept. */
  readonly add: (batch: NewBatch) => Effect.Effect<void, SpoolError>
  /** Begins a batch. If the scope closes before it is accepted, nothing of it is kept. */
  readonly stage: (batch: Pick<NewBatch, "id" | "owner">) => Effect.Effect<StagedBatch, never, Scope.Scope>
}

/** Hands out the waiting points, device by device, and takes them out once it is known what became of them. */
export interface Delivery {
  /** The position of the last entry; 0 if nothing has ever waited. */
  readonly lastSeq: Effect.Effect<number, SpoolError>
  /** Whose entries wait. */
  readonly owners: Effect.Effect<ReadonlyArray<string>, SpoolError>
  /**
   * Some devices of an owner with entries after a position and up to another, in about the order of these. Devices without an id are left
   * out.
   */
  readonly devices: (owner: string, after: number, upTo: number) => Effect.Effect<WaitingDevices, SpoolError>
  /**
   * Runs an effect while no other gateway delivers points of the device, or returns undefined if another one does. The effect is interrupted,
   * with the error `SpoolFailed`, before another gateway may take its place.
   */
  readonly withDevice: <A, E, R>(deviceId: string, use: Effect.Effect<A, E, R>) => Effect.Effect<A | undefined, E | SpoolError, R>
  /**
   * Fails if another gateway may have taken the devices of this one by now. Run it before points are sent: a process that was suspended, or
   * whose machine was, goes on where it stopped before `withDevice` can interrupt it.
   */
  readonly ensureHeld: Effect.Effect<void, SpoolError>
  /**
   * The oldest entries of a device after a position and up to another, in order, as long as they have the same owner: as many as have at
   * most `maxPoints` points together, but at least one if any waits.
   */
  readonly next: (
    device: DeviceReference,
    maxPoints: number,
    after: number,
    upTo: number
  ) => Effect.Effect<ReadonlyArray<Entry>, SpoolError>
  /** A few of an owner's entries. */
  readonly ofOwner: (owner: string) => Effect.Effect<ReadonlyArray<Entry>, SpoolError>
  /** The names in an owner's entries that have no id yet. */
  readonly names: (owner: string, limit: number) => Effect.Effect<ReadonlyArray<string>, SpoolError>
  /** Like `next`, for a name. */
  readonly nextOfName: (name: WaitingName, maxPoints: number) => Effect.Effect<ReadonlyArray<Entry>, SpoolError>
  /** Gives the entries of a name their device. They keep their place in the order. */
  readonly resolve: (name: WaitingName, deviceId: string) => Effect.Effect<void, SpoolError>
  /** Removes entries whose points are stored, and sets the rejected points aside. */
  readonly finish: (outcomes: ReadonlyArray<Outcome>) => Effect.Effect<void, SpoolError>
}

/** What people look at and change: the state of batches, and the points that were set aside. */
export interface Inspection {
  readonly batch: (id: string) => Effect.Effect<BatchState | undefined, SpoolError>
  /** The batches with waiting or rejected points, the oldest first. */
  readonly unfinished: (limit: number) => Effect.Effect<ReadonlyArray<BatchState>, SpoolError>
  /** The points of a batch that were set aside, with the reasons, without their values. */
  readonly rejected: (id: string, limit: number) => Effect.Effect<ReadonlyArray<SetAside>, SpoolError>
  readonly waiting: Effect.Effect<Waiting, SpoolError>
  /** Puts points that were set aside into the queue again, behind all others; of one batch, or of all. Returns how many. */
  readonly retry: (batch: string | undefined) => Effect.Effect<number, SpoolError>
  /** Removes a batch with its waiting and rejected points. Returns how many points were removed; undefined if there is no such batch. */
  readonly drop: (batch: string) => Effect.Effect<number | undefined, SpoolError>
  /**
   * Forgets a few of the batches that finished more than `keptMillis` ago, with their rejected points, and of those without rejected points
   * also the oldest ones beyond `maxBatches`. Returns how many batches and points were forgotten; call it again until there are none.
   */
  readonly forget: (keptMillis: number, maxBatches: number) => Effect.Effect<Forgotten, SpoolError>
}

export interface Spool extends Acceptance, Delivery, Inspection {
  /** Whether other gateways may add to it and deliver from it. */
  readonly isShared: boolean
  /** Called after points were added by this process. */
  onAdded: () => void
}
