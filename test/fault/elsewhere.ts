/** Faults that concern the whole process, and the tests that cover them. */
export const elsewhere: ReadonlyArray<readonly [fault: string, file: string, test: string]> = [
  ["a name that does not resolve", "test/thingsboard/transport/http1/Connection.test.ts", "that does not exist, or where nobody listens"],
  [
    "a certificate that is not trusted",
    "test/thingsboard/transport/upstreamTls.test.ts",
    "is trusted if it comes from the given authority; otherwise nothing is sent"
  ],
  [
    "a connection that was closed while idle",
    "test/thingsboard/transport/Transport.test.ts",
    "hides that ThingsBoard had closed a connection"
  ],
  ["a corrected password", "test/http/readiness.test.ts", "a corrected TB_PASSWORD_FILE is used without a restart"],
  ["Redis killed or stopped", "test/http/rateLimits.test.ts", "count locally at once when it is lost"],
  ["Redis lost, and an Idempotency-Key", "test/http/idempotency.test.ts", "without Redis the request is not carried out"],
  [
    "the queue full",
    "test/services/queued/queuedUploads.test.ts",
    "when the queue is full, uploads get 507 and nothing of them is accepted"
  ],
  ["the disk of the queue full", "test/spool/GroupCommit.test.ts", "what does not fit on the disk fails alone"],
  ["the Redis of the queue away", "test/services/queued/redisQueue.test.ts", "while Redis is away nothing is acknowledged"],
  ["no memory left", "test/http/overload.test.ts", "heavily rejects all requests except health checks"],
  ["standard output full", "test/platform/logOutput.test.ts", "a gateway whose standard output nobody reads serves requests"],
  ["the clock set back", "test/http/clockSteps.test.ts", "an empty bucket is refilled as fast as before"],
  ["a clock that is ahead", "test/http/clockSteps.test.ts", "share one limit, although the clock of one is an hour ahead"],
  ["ThingsBoard overloaded", "test/thingsboard/transport/retries.test.ts", "an outage does not multiply the calls"]
]
