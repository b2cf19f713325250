/** What to do when a Redis server cannot be used, by the reason: for every Redis that a gateway may have. */
export const connectionHints: Readonly<Record<string, string>> = {
  ERR_REDIS_CONNECTION_CLOSED:
    "Check that Redis listens there, that user and password are right, and whether it needs redis: or rediss: (TLS).",
  NO_ANSWER_IN_TIME:
    "Check that the network to Redis is open, that Redis is not overloaded, and that it uses TLS if the URL begins with rediss:.",
  READONLY: "The server is a replica: use the primary one."
}
