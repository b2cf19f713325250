/** What the program's exit code means. */
export const exitCodes = [
  [0, "done, or stopped by SIGTERM or SIGINT after requests in flight were finished"],
  [1, "failed: a check failed, the gateway is not ready, the port is taken, a file cannot be written"],
  [2, "wrong use: the configuration has faults, or the command line is not understood"],
  [130, "stopped by a second SIGINT, before requests in flight were finished"]
] as const
