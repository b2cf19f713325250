/** Address ranges (CIDR), and whether an address is in one of them. */
import { Result, Schema } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

/** A network such as 10.0.0.0/8, or a single address. */
export const parseNetwork = (text: string): IpNetwork.IpNetwork | undefined => {
  const network = text.includes("/")
    ? IpNetwork.fromString(text)
    : Result.flatMap(NetAddress.ipFromString(text), (address) => IpNetwork.make(address, NetAddress.width(address)))
  return Result.isSuccess(network) ? network.success : undefined
}

/** IPv4 addresses in IPv6 form (`::ffff:10.0.0.1`) are compared as IPv4, so a network in that form would contain nothing. */
const isMapped = ({ address }: IpNetwork.IpNetwork) => NetAddress.toCanonical(address) !== address

/** An address range in CIDR notation, or a single address. Without bits after the prefix: `10.0.0.5/8` may be meant as 10.0.0.5. */
export const Cidr = Schema.String.check(
  Schema.makeFilter(
    (text: string) => {
      const network = parseNetwork(text)
      return network !== undefined && !isMapped(network)
    },
    { message: "Expected an address range such as 10.0.0.0/8 or 2001:db8::/32, without bits after the prefix, or a single address" }
  )
)

/** Whether an address is in one of the ranges. Text that is not an address is in none. */
export const addressMatcher = (cidrs: ReadonlyArray<string>): ((address: string) => boolean) => {
  const networks = cidrs.flatMap((cidr) => parseNetwork(cidr) ?? [])
  return (text) => {
    const parsed = NetAddress.ipFromString(text)
    if (Result.isFailure(parsed)) return false
    const address = NetAddress.toCanonical(parsed.success)
    return networks.some((network) => IpNetwork.contains(network, address))
  }
}
