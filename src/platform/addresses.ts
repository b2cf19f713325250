/** Where what listens on all addresses is reached from this machine: over IPv6 it takes IPv4 as well. */
const loopbacks: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "[::]": "127.0.0.1" }

/** A host as it stands in a URL. */
export const toUrlHost = (host: string) => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

/** For a URL that can be opened on this machine. */
export const toLocalHost = (host: string) => toUrlHost(loopbacks[host] ?? host)
