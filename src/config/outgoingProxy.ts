/** The proxy through which the gateway reaches ThingsBoard, by the variables that other programs use too. */
import { Redacted } from "effect"
import { withoutBrackets } from "../platform/addresses.ts"
import type { Proxy } from "../platform/ClientSocket.ts"

export interface ProxyVariables {
  readonly httpProxy: Redacted.Redacted<string> | undefined
  readonly httpsProxy: Redacted.Redacted<string> | undefined
  readonly noProxy: string | undefined
}

export const isProxyVariable = (variable: string) => /^(HTTPS?|NO)_PROXY$/.test(variable)

/** The variable that applies to this URL. */
export const proxyVariableOf = (url: string) => (url.startsWith("https:") ? "HTTPS_PROXY" : "HTTP_PROXY")

const decodePercent = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** `text`: `http://user:password@proxy.example.com:3128`; the scheme can be left out. Undefined if it is something else. */
export const parseProxy = (text: string): Proxy | undefined => {
  const full = text.includes("://") ? text : `http://${text}`
  if (!URL.canParse(full)) return undefined
  const { hostname, password, port, protocol, username } = new URL(full)
  const credentials = decodePercent(`${username}:${password}`)
  if (protocol !== "http:" || credentials === undefined) return undefined
  return {
    hostname: withoutBrackets(hostname),
    port: port === "" ? 80 : Number(port),
    authorization: credentials === ":" ? undefined : Redacted.make(`Basic ${Buffer.from(credentials).toString("base64")}`)
  }
}

/** Whether NO_PROXY lists the host: `*`, a name with all names below it, or an address; each also with a port. */
const isExcluded = ({ host, hostname }: URL, noProxy: string) =>
  noProxy
    .split(",")
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, "")
    )
    .some((entry) => entry === "*" || (entry !== "" && [host, hostname].some((one) => one === entry || one.endsWith(`.${entry}`))))

/** The text of the variable that applies to this URL, unless NO_PROXY excludes its host. */
export const proxyTextFor = (url: string, { httpProxy, httpsProxy, noProxy }: ProxyVariables): string | undefined => {
  const proxy = proxyVariableOf(url) === "HTTPS_PROXY" ? httpsProxy : httpProxy
  return proxy === undefined || isExcluded(new URL(url), noProxy ?? "") ? undefined : Redacted.value(proxy)
}

/** The proxy for this URL; undefined if it is reached directly. */
export const proxyFor = (url: string, variables: ProxyVariables): Proxy | undefined => {
  const text = proxyTextFor(url, variables)
  return text === undefined ? undefined : parseProxy(text)
}
