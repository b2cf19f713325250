/**
 * The secrets of the tests. Each begins with a mark that nothing else has and ends with another, so that the watch (`watch.ts`) finds it,
 * or a piece of it, wherever it turns up. A new secret is one more line in `canaries`.
 */
import type { Kind } from "./scan.ts"

/** Twelve characters each. */
const head = "cnry7kq2zx9w"
const tail = "w4jmv8hd6tpq"

const secret = (name: string) => `${head}-${name}-${tail}`

export const canaries = {
  /** `API_KEY` */
  apiKey: secret("api-key"),
  otherApiKey: secret("other-api-key"),
  /** `TB_PASSWORD`; what JSON, addresses and shells escape is in it. */
  password: `${head}-pass"word\\ %2B+&é${tail}`,
  wrongPassword: secret("wrong-password"),
  /** `TB_API_KEY` */
  thingsBoardKey: `tb_${secret("thingsboard-key")}`,
  /** `SECRET_KEY` and `ACCESS_TOKEN`, which are taken and not used. */
  secretKey: secret("secret-key"),
  accessToken: secret("access-token"),
  /** The signature of tokens that tests make themselves. */
  signature: secret("signature"),
  /** For addresses with user and password. */
  urlPassword: secret("url-password"),
  /** Of ThingsBoard users that keys act as. */
  guestPassword: secret("guest-password"),
  strangerPassword: secret("stranger-password"),
  freshPassword: secret("fresh-password"),
  /** `TB_USERNAME`: whoever runs the gateway may read it, callers may not. */
  username: "canary-user-p5gx3@example.com",
  /** An address of this machine like 127.0.0.1, but one that nothing else is reached at. */
  host: process.platform === "linux" ? "127.83.71.9" : "127.0.0.1",
  /** A host that ThingsBoard's answers name. */
  innerHost: "tb-core-3.canary-r7fw2.internal",
  /** For every error text of ThingsBoard's. */
  upstreamWords: "upstream-words-n3qz8"
}

/** The secret of a name, for a file of keys. */
export const keyOf = (id: string) => secret(`key-of-${id}`)

/** What to look for; `secret` is looked for in every form that it could be written in. */
export const marks: ReadonlyArray<{ readonly name: string; readonly text: string; readonly kind: Kind }> = [
  // Nine of its characters, so that they are in the first twelve also behind a prefix of three, such as "tb_".
  { name: "the beginning of a canary", text: head.slice(0, 9), kind: "secret" },
  { name: "the end of a canary", text: tail, kind: "secret" },
  // {"alg":"HS512"} and {"sub":" at the head and in the claims of ThingsBoard's tokens.
  { name: "the head of a token", text: "eyJhbGciOiJIUzUxMiJ9", kind: "secret" },
  { name: "the claims of a token", text: "eyJzdWIiOi", kind: "secret" },
  { name: "an error text of ThingsBoard's", text: canaries.upstreamWords, kind: "upstream" },
  { name: "a class of ThingsBoard's", text: "org.thingsboard", kind: "upstream" },
  { name: "a host behind ThingsBoard", text: "canary-r7fw2", kind: "upstream" },
  { name: "TB_USERNAME", text: "canary-user-p5gx3", kind: "private" },
  ...(canaries.host === "127.0.0.1" ? [] : [{ name: "TB_HOST", text: canaries.host, kind: "private" as const }])
]
