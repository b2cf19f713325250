/** The memory that requests may use, by setting. */
import type { SettingsShape } from "../config/Settings.ts"
import type { MemoryUse } from "../platform/Exchange.ts"
import { ByteBudget } from "../platform/ByteBudget.ts"
import { memoryLimit } from "../platform/processHealth.ts"

const MiB = 1024 * 1024

type Sizes = Pick<SettingsShape, "maxBodyMemory" | "maxBodySize" | "maxMemory" | "maxResponseMemory">

/**
 * Shares of the available memory, with room for what is not counted: the program itself, buffers of sockets, exports, and garbage.
 * `discard` counts bytes that have become garbage.
 */
export const makeMemoryBudgets = (
  { maxBodyMemory, maxBodySize, maxMemory, maxResponseMemory }: Sizes,
  discard: (bytes: number) => void
): Readonly<Record<MemoryUse, ByteBudget>> => {
  const available = maxMemory ?? memoryLimit()
  return {
    // At least two bodies of the maximum size, since one key may use half.
    bodies: new ByteBudget(maxBodyMemory ?? Math.max(Math.min(256 * MiB, available / 10), 2 * maxBodySize), discard),
    responses: new ByteBudget(maxResponseMemory ?? Math.max(Math.min(256 * MiB, available / 5), 32 * MiB), discard)
  }
}
