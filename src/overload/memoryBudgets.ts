/** The memory that requests may use, by setting. */
import type { SettingsShape } from "../config/Settings.ts"
import type { MemoryUse } from "../platform/BunHttpServer.ts"
import { ByteBudget } from "../platform/ByteBudget.ts"
import { memoryLimit } from "../platform/processHealth.ts"

const MiB = 1024 * 1024

type Sizes = Pick<SettingsShape, "maxBodyMemory" | "maxBodySize" | "maxMemory" | "maxResponseMemory">

/** Shares of the available memory, with room for what requests make of the bytes they hold: text, numbers, copies for the socket. */
export const makeMemoryBudgets = ({
  maxBodyMemory,
  maxBodySize,
  maxMemory,
  maxResponseMemory
}: Sizes): Readonly<Record<MemoryUse, ByteBudget>> => {
  const available = maxMemory ?? memoryLimit()
  return {
    // At least two bodies of the maximum size, since one key may use half.
    bodies: new ByteBudget(maxBodyMemory ?? Math.max(Math.min(256 * MiB, available / 8), 2 * maxBodySize)),
    responses: new ByteBudget(maxResponseMemory ?? Math.max(Math.min(256 * MiB, available / 4), 32 * MiB))
  }
}
