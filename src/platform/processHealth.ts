/** Measures this process: its memory, and the memory that it may use. */

/** Bytes of memory that this process may use: the limit of its container (cgroup), or all of the machine's memory. */
export const memoryLimit = (): number => process.constrainedMemory()

/** Bytes of memory that this process uses (resident set size). Takes about 40 µs. */
export const memoryInUse = (): number => process.memoryUsage.rss()
