import { lookup } from "node:dns/promises"
import { isIP } from "node:net"
import { networkInterfaces } from "node:os"
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

/** The opposite: without brackets, and without a zone. */
export const withoutBrackets = (host: string) => host.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "")

/** Addresses in one spelling each, as the URL parser writes them. */
const normalize = (address: string) => new URL(`http://${toUrlHost(withoutBrackets(address))}`).hostname

const isLoopbackOrAny = (address: string) => /^(127\.[\d.]+|0\.0\.0\.0|\[::1?\]|\[::ffff:7f[\da-f:]+\])$/.test(address)

/** Whether an address or a name is one of this machine, that is, whether a server of this machine could listen on it. */
export const isOwnAddress = async (host: string): Promise<boolean> => {
  try {
    const own = new Set(Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => normalize(address))))
    const isOwn = (address: string) => isLoopbackOrAny(normalize(address)) || own.has(normalize(address))
    const bare = withoutBrackets(host)
    if (isIP(bare) !== 0) return isOwn(bare)
    const addresses = await lookup(bare, { all: true })
    return addresses.length > 0 && addresses.every(({ address }) => isOwn(address))
  } catch {
    return false
  }
}
