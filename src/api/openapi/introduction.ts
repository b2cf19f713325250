/** What the documentation begins with, in Markdown. */
export const introduction = `Boardwalk is a typed, secure REST API in front of ThingsBoard. It holds ThingsBoard's credentials and gives applications keys of their own.

## Keys

Every endpoint but those under *System* needs a key in the header \`X-API-Key\`. A key has scopes, and each endpoint says which one it needs.

## Answers

A success is \`{"status":"success","timestamp":…}\` with the data beside it. Lists have \`data\` and \`pagination\`; pages are counted from 0.
JSON names are snake_case, except within ThingsBoard's own objects (devices, assets and their types), which pass through as they are. Ids are UUIDs.
Answers may get members in later releases. Requests with parameters or members that are not described here are refused.

## Values

Times are milliseconds since the Unix epoch. Ranges take their start and leave out their end.
What ThingsBoard holds arrives digit for digit, integers up to 2^63 and long decimals included: use a JSON reader that keeps them.

## Problems

Every failure is \`application/problem+json\` (RFC 9457), also of paths that do not exist (404), of methods that a path does not take (405), of paths with queries that are too long (414) and of headers that are too large (431).
\`type\` names the problem for good, \`detail\` says what to do, \`instance\` is the request's id. Each problem has a page at \`/errors/<name>\`.

## Limits

\`X-RateLimit-Limit\`, \`X-RateLimit-Remaining\` and \`X-RateLimit-Reset\` tell on every answer how a key stands. Beyond the limit the answer is 429 with \`Retry-After\`.
Bodies, paths with queries, headers, levels of JSON, and keys and devices a request are bounded; what stands here are the bounds that a gateway has unless its operator sets others. Bodies are sent uncompressed.

## Tracing

\`X-Request-Id\` and \`traceparent\` are taken over when they are sent. Every answer has an \`X-Request-Id\`.
`
