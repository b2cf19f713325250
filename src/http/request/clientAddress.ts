import { Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import { parseNetwork } from "../../domain/Network.ts"

const parseAddress = (text: string): NetAddress.IpAddress | undefined => {
  // Some proxies add the port: 192.0.2.1:4711 or [2001:db8::1]:4711.
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text)?.[1] ?? text
  const parsed = NetAddress.ipFromString(bare)
  return Result.isSuccess(parsed) ? NetAddress.toCanonical(parsed.success) : undefined
}

/** Whether an address belongs to one of the proxies, which are validated networks. */
export const isTrustedProxy = (proxies: ReadonlyArray<string>): ((address: string) => boolean) => {
  const networks = proxies.flatMap((proxy) => parseNetwork(proxy) ?? [])
  return (text) => {
    const address = parseAddress(text)
    return address !== undefined && networks.some((network) => IpNetwork.contains(network, address))
  }
}

/**
 * Finds the client's address behind proxies: the nearest one, from the peer on, that is not a trusted proxy. `X-Forwarded-For` is trusted
 * only as far as TRUSTED_PROXIES wrote it. `proxies` are validated networks.
 *
 * Effect's `HttpMiddleware.xForwardedHeaders` is deliberately not used. It also takes the host and the protocol from `X-Forwarded-*`, which
 * this gateway never trusts, it copies each request instead of looking at the header when the address is needed, and at a malformed entry
 * it falls back to the outermost proxy, so that all clients would share that address.
 */
export const clientAddress = (proxies: ReadonlyArray<string>): ((peer: string, forwardedFor: string | null) => string) => {
  if (proxies.length === 0) return (peer) => peer
  const networks = proxies.flatMap((proxy) => parseNetwork(proxy) ?? [])
  const isTrusted = (address: NetAddress.IpAddress) => networks.some((network) => IpNetwork.contains(network, address))
  return (peer, forwardedFor) => {
    if (forwardedFor === null) return peer
    const peerAddress = parseAddress(peer)
    if (peerAddress === undefined || !isTrusted(peerAddress)) return peer
    let nearest = peer
    for (const entry of forwardedFor.split(",").toReversed()) {
      const address = parseAddress(entry.trim())
      // A proxy would not write this, so the entries to the left of it are not trustworthy either.
      if (address === undefined) return nearest
      nearest = NetAddress.formatIp(address)
      if (!isTrusted(address)) return nearest
    }
    return nearest
  }
}
