import { IpNetwork, NetAddress } from "effect/net"

const toBigInt = (address: NetAddress.IpAddress) =>
  (NetAddress.isIpv4Address(address) ? NetAddress.ipv4ToOctets(address) : NetAddress.ipv6ToOctets(address)).reduce(
    (number, octet) => number * 256n + BigInt(octet),
    0n
  )

/** Whether the networks together cover all IPv4 addresses or all IPv6 addresses. */
export const coverAllAddresses = (networks: ReadonlyArray<IpNetwork.IpNetwork>): boolean =>
  ([32, 128] as const).some((width) => {
    const ranges = networks
      .filter(({ address }) => NetAddress.width(address) === width)
      .map((network) => ({ first: toBigInt(network.address), count: IpNetwork.addressCount(network) }))
      .toSorted((a, b) => (a.first < b.first ? -1 : 1))
    let next = 0n
    for (const { count, first } of ranges) if (first <= next && first + count > next) next = first + count
    return next === 1n << BigInt(width)
  })
