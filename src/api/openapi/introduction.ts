/** The introduction of the documentation, in Markdown. */
export const introduction = `Boardwalk is a typed, secure REST API in front of ThingsBoard. It holds ThingsBoard's credentials and gives applications their own API keys.

## Keys

Every endpoint except those under *System* needs a key in the header \`X-API-Key\`. A key has scopes; each endpoint states the scope that it requires. Fields of devices, assets and their types that hold credentials, such as an SNMP community, are
left out unless the key also has the scope \`credentials:read\`. Graphs contain users, customers and tenants only for a key with the scope \`users:read\`.

## Responses

A successful response is \`{"status":"success","timestamp":…}\` with additional fields for the data. Lists have \`data\` and \`pagination\`; pages are numbered from 0.
JSON names are snake_case, except within ThingsBoard's own objects (devices, assets and their types), which pass through unchanged. Ids are UUIDs.
Responses may gain fields in later releases. Requests with parameters or fields that are not described here are rejected.

## Values

Times are in milliseconds since the Unix epoch. Time ranges are start inclusive, end exclusive.
Values are returned with every digit that ThingsBoard stores, including integers up to 2^63 and long decimals: use a JSON parser that preserves them.

## Problems

Every error is \`application/problem+json\` (RFC 9457), including paths that do not exist (404), methods that a path does not support (405), paths and queries that are too long (414) and headers that are too large (431).
\`type\` identifies the problem and never changes, \`detail\` says what to do, \`instance\` is the request id. Each problem has a page at \`/errors/<name>\`.

## Limits

Each response shows the remaining quota of the key in \`X-RateLimit-Limit\`, \`X-RateLimit-Remaining\` and \`X-RateLimit-Reset\`. When the quota is used up, the response is 429 with \`Retry-After\`.
The gateway limits the size of bodies, of headers and of path and query, the nesting of JSON, and the number of keys and devices per request. The limits in this document are the defaults; operators can change them. Send bodies uncompressed.

## Tracing

The gateway uses the \`X-Request-Id\` of the request, and the \`traceparent\` of a request with a valid key, if present. Every response has an \`X-Request-Id\`.
`
