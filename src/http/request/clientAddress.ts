/** Who calls, when proxies stand between: `X-Forwarded-For` is believed as far as TRUSTED_PROXIES wrote it, and not at all from others. */
import { Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import { parseNetwork } from "../../config/networks.ts"

const parse = (text: string): NetAddress.IpAddress | undefined => {
  // Some proxies write the port too: 192.0.2.1:4711 or [2001:db8::1]:4711.
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text)?.[1] ?? text
  const parsed = NetAddress.ipFromString(bare)
  return Result.isSuccess(parsed) ? NetAddress.toCanonical(parsed.success) : undefined
}

/** `proxies` are checked networks. The result is the nearest address that is no trusted proxy. */
export const clientAddress = (proxies: ReadonlyArray<string>): ((peer: string, forwardedFor: string | null) => string) => {
  if (proxies.length === 0) return (peer) => peer
  const networks = proxies.flatMap((proxy) => parseNetwork(proxy) ?? [])
  const isTrusted = (address: NetAddress.IpAddress) => networks.some((network) => IpNetwork.contains(network, address))
  return (peer, forwardedFor) => {
    if (forwardedFor === null) return peer
    const from = parse(peer)
    if (from === undefined || !isTrusted(from)) return peer
    let nearest = peer
    for (const entry of forwardedFor.split(",").toReversed()) {
      const address = parse(entry.trim())
      // No proxy writes such a thing, so nothing to the left of it can be believed either.
      if (address === undefined) return nearest
      nearest = NetAddress.formatIp(address)
      if (!isTrusted(address)) return nearest
    }
    return nearest
  }
}
