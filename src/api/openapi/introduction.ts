/** The introduction of the documentation, in Markdown. It is short, so that pages show how to enter a key on their first screen. */
const guide = (name: string) => `https://github.com/boardwalk-gateway/boardwalk/blob/main/docs/${name}.md`

export const introduction = `A typed, secure REST API in front of ThingsBoard. Send your API key in the header \`X-API-Key\`; each operation states the scope that it requires.

- **Values** keep every digit that ThingsBoard stores, including integers up to 2^63: use a JSON parser that preserves them. Times are in milliseconds since the Unix epoch; ranges include their start and exclude their end.
- **Errors** are \`application/problem+json\`. Their \`type\` is the address of a page about the [problem](/errors). Unknown parameters and fields are rejected; responses may gain fields.
- **Deadlines**: with \`Prefer: wait=10\` a response arrives within ten seconds, if need be as 504; \`Preference-Applied\` confirms it.
- **Uploads** with \`Prefer: respond-async\` get 202 as soon as they are on the gateway's disk, if the gateway has a queue; \`GET ingest/{batch_id}\` shows what becomes of them.
- **Repeats**: writes take an \`Idempotency-Key\`; a repeat with the same key and body gets the first response again.
- **Limits** are in the headers \`X-RateLimit-*\`. The limits in this document are the defaults.

Guides: [telemetry](${guide("telemetry")}), [keys and scopes](${guide("keys")}), [limits](${guide("limits")}), [caching](${guide("caching")}), [store and forward](${guide("store-and-forward")}), [errors](${guide("errors")}), [coming from the FastAPI proxy](${guide("from-the-fastapi-proxy")}).
`
