/** The exit codes of `boardwalk`. */
export const exitCodes = [
  [0, "success; for a server also: stopped by SIGTERM or SIGINT after requests in flight were finished"],
  [1, "failure: a check failed, rows were rejected, the gateway is not ready, the port is taken, or a file cannot be written"],
  [2, "usage error: the configuration or the command line is invalid"],
  [130, "an import, export or check was stopped by SIGINT (Ctrl+C); a server by a second SIGINT, before requests in flight were finished"],
  [143, "an import, export or check was stopped by SIGTERM"]
] as const
