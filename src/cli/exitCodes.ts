/** The exit codes of `boardwalk`. */
export const exitCodes = [
  [0, "success, or stopped by SIGTERM or SIGINT after requests in flight were finished"],
  [1, "failure: a check failed, the gateway is not ready, the port is taken, or a file cannot be written"],
  [2, "usage error: the configuration or the command line is invalid"],
  [130, "stopped by a second SIGINT, before requests in flight were finished"]
] as const
