import { Result } from "effect"
import { NetAddress } from "effect/net"

/** How this machine reaches a server that listens on all addresses. One that listens on all IPv6 addresses accepts IPv4 too. */
const loopbacks: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "[::]": "127.0.0.1" }

/** A host as it is written in a URL. */
export const toUrlHost = (host: string) => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

/** The host of a URL that can be opened on this machine. */
export const toLocalHost = (host: string) => toUrlHost(loopbacks[host] ?? host)

/** The address by which a client is counted. IPv6 is counted by /64, since whoever has one address of a /64 has them all. */
export const countedAddress = (address: string): string => {
  if (!address.includes(":")) return address
  const parsed = NetAddress.ipv6FromString(address.split("%", 1)[0]!)
  if (Result.isFailure(parsed)) return address
  const network = NetAddress.ipv6ToSegments(parsed.success).slice(0, 4)
  return `${network.map((segment) => segment.toString(16)).join(":")}::/64`
}
