/** The exit codes of `boardwalk`. */
export const exitCodes = [
  [0, "success; for a server also: stopped by SIGTERM or SIGINT after requests in flight were finished"],
  [
    1,
    "failure: a check failed, rows were rejected, the gateway is not ready, the port is taken, a file cannot be written, or a server stopped before its requests in flight were finished (`SHUTDOWN_TIMEOUT`)"
  ],
  [2, "usage error: the configuration or the command line is invalid"],
  [
    130,
    "an import, export or check was stopped by SIGINT (Ctrl+C); a server by a second signal, SIGINT, before requests in flight were finished"
  ],
  [143, "an import, export or check was stopped by SIGTERM; a server by a second signal, SIGTERM"]
] as const
