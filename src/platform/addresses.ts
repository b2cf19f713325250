/** How this machine reaches a server that listens on all addresses. One that listens on all IPv6 addresses accepts IPv4 too. */
const loopbacks: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "[::]": "127.0.0.1" }

/** A host as it is written in a URL. */
export const toUrlHost = (host: string) => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

/** The host of a URL that can be opened on this machine. */
export const toLocalHost = (host: string) => toUrlHost(loopbacks[host] ?? host)
