import { expect, test } from "bun:test"
import { clientAddress } from "../../../src/http/request/clientAddress.ts"

const caller = clientAddress(["10.0.0.0/8", "192.0.2.7", "fd00::/8"])

test("the client is the nearest address that is not a trusted proxy", () => {
  const cases: ReadonlyArray<readonly [peer: string, header: string | null, caller: string]> = [
    // The header of an untrusted peer is ignored.
    ["203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["192.0.2.8", "198.51.100.1", "192.0.2.8"],
    ["203.0.113.9", "10.0.0.1", "203.0.113.9"],
    ["10.0.0.1", null, "10.0.0.1"],
    ["10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["fd00::1", "2001:DB8:0:0::1", "2001:db8::1"],
    // Clients' entries are to the left of those that proxies add.
    ["10.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1"],
    ["10.0.0.1", "198.51.100.1,10.9.9.9 , 192.0.2.7", "198.51.100.1"],
    ["10.0.0.1", "10.2.2.2, 10.3.3.3", "10.2.2.2"],
    ["10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"],
    ["10.0.0.1", "::ffff:10.0.0.4, 10.0.0.3", "10.0.0.4"],
    ["10.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
    ["10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"]
  ]
  for (const [peer, header, expected] of cases) expect([peer, header, caller(peer, header)]).toEqual([peer, header, expected])
})

test("a malformed entry is ignored, with all entries before it", () => {
  for (const header of [
    "",
    " ",
    ",",
    "unknown",
    "198.51.100.1, _hidden",
    "198.51.100.1,",
    "198.51.100.300",
    "198.51.100.1\u0000",
    "010.1.1.1",
    "1",
    "a".repeat(8000)
  ])
    expect([header, caller("10.0.0.1", header)]).toEqual([header, "10.0.0.1"])
  expect(caller("10.0.0.1", "198.51.100.1, nonsense, 10.5.5.5")).toBe("10.5.5.5")
})

test("without trusted proxies the header is ignored", () => {
  expect(clientAddress([])("10.0.0.1", "198.51.100.1")).toBe("10.0.0.1")
})
