import { Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

/** A network such as 10.0.0.0/8, or a single address. */
export const networkOf = (text: string): IpNetwork.IpNetwork | undefined => {
  const network = text.includes("/")
    ? IpNetwork.fromString(text)
    : Result.flatMap(NetAddress.ipFromString(text), (address) => IpNetwork.make(address, NetAddress.width(address)))
  return Result.isSuccess(network) ? network.success : undefined
}
