/**
 * Removes the fields that hold credentials from entities, by cutting their bytes out; all other bytes stay as ThingsBoard sent them.
 *
 * Nearly all entities have nothing to remove. Those are recognized as a whole, by their fixed form, and are not read field by field: a page
 * of 20 such devices takes a few microseconds.
 */
import { Effect } from "effect"
import { isCredentialName } from "../../domain/credentialNames.ts"
import { endOfText, endOfValue, expect, fail, skipSpace, valueAt } from "../../json/JsonScanner.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { rememberByBytes } from "./rememberByBytes.ts"

const [comma, colon, openList, closeList, open, close] = [44, 58, 91, 93, 123, 125]

/**
 * The only fields of a device's `transportConfiguration` that stay. MQTT, CoAP and LwM2M devices keep any field there, whatever its name
 * (`MqttDeviceTransportConfiguration`), and most fields of SNMP are about its authentication (`SnmpDeviceTransportConfiguration`).
 */
export const visibleTransportFields: ReadonlySet<string> = new Set([
  "type",
  "host",
  "port",
  "protocolVersion",
  "authenticationProtocol",
  "privacyProtocol",
  "powerMode",
  "psmActivityTimer",
  "edrxCycle",
  "pagingTransmissionWindow"
])

interface FieldName {
  readonly name: string
  readonly isCredential: boolean
}

/** Limits the memory for names; a tenant's entities have a few dozen. */
const maxRememberedNames = 1000
const maxRememberedLength = 64

/** What is known about the names that were seen lately, by the text between their quotation marks: deciding about one takes microseconds. */
const remembered = new Map<string, FieldName>()

const text = String.raw`"[^"\\]*"`
const orNull = (pattern: string) => `(?:null|${pattern})`
const flag = "(?:true|false)"
const ref = (type: string) => String.raw`\{"entityType":"${type}","id":"[^"\\]{36}"\}`

/** What ThingsBoard's own pages and gateways write. */
const info =
  String.raw`,"additionalInfo":(?:null|\{"gateway":${flag},"overwriteActivityTime":${flag},"description":${text}\}` +
  String.raw`|\{"description":${text}\}|\{"lastConnectedGateway":${text}\}|\{\})`
const head =
  String.raw`,"createdTime":\d+,"tenantId":${ref("TENANT")},"customerId":${ref("CUSTOMER")},"name":${text},"type":${text},` +
  `"label":${orNull(text)}`
/** Absent where the service has removed it. */
const customer = `(?:,"customerTitle":${orNull(text)},"customerIsPublic":${flag})?`
const deviceHead =
  `${head},"deviceProfileId":${ref("DEVICE_PROFILE")},"firmwareId":${orNull(ref("OTA_PACKAGE"))},"softwareId":${orNull(ref("OTA_PACKAGE"))},` +
  String.raw`"externalId":${orNull(ref("DEVICE"))},"version":\d+`
const deviceTail = String.raw`${info},"deviceData":\{"configuration":\{"type":"DEFAULT"\},"transportConfiguration":\{"type":"DEFAULT"\}\}`
const assetHead = String.raw`${head},"assetProfileId":${ref("ASSET_PROFILE")},"externalId":${orNull(ref("ASSET"))},"version":\d+`
const profile = `,"tenantId":${ref("TENANT")},"name":${text},"image":${orNull(text)},"defaultDashboardId":${orNull(ref("DASHBOARD"))}`

const plain = (type: string, fields: string) => new RegExp(String.raw`\{"id":${ref(type)}${fields}\}`, "y")

/**
 * Entities and their infos as ThingsBoard 4.1 and 4.3 print them, when nothing in them can hold credentials. One pattern for each, because
 * a list has entities of one kind, and a pattern with choices takes twice the time.
 */
const plainEntities = [
  plain("DEVICE", `${deviceHead}${deviceTail}`),
  plain("DEVICE", `${deviceHead}${customer},"deviceProfileName":${text},"active":${flag}${deviceTail}`),
  plain("ASSET", `${assetHead}${info}`),
  plain("ASSET", `${assetHead}${customer},"assetProfileName":${text}${info}`),
  plain("DEVICE_PROFILE", `${profile},"type":"[A-Z]+","transportType":"[A-Z0-9]+"`),
  plain("ASSET_PROFILE", profile)
]

/** Jackson, which reads what is sent to ThingsBoard, stops at this depth. */
const maxDepth = 1000

class CredentialFilter {
  /** Pairs of positions between which bytes are removed. */
  private readonly cuts: Array<number> = []
  private readonly latin1: string
  /** The form of the entities, once one was recognized. */
  private pattern: RegExp | undefined

  constructor(private readonly bytes: Buffer) {
    // One character per byte, so that positions are the same.
    this.latin1 = bytes.toString("latin1")
  }

  private nameAt(at: number, end: number): FieldName {
    const written = this.latin1.slice(at + 1, end - 1)
    const known = remembered.get(written)
    if (known !== undefined) return known
    const name = valueAt(this.bytes, at, end) as string
    const found = { name, isCredential: isCredentialName(name) }
    if (remembered.size >= maxRememberedNames) remembered.clear()
    if (written.length <= maxRememberedLength) remembered.set(written, found)
    return found
  }

  private cut(from: number, to: number) {
    if (this.cuts.at(-1) === from) this.cuts[this.cuts.length - 1] = to
    else this.cuts.push(from, to)
  }

  private member(name: string, at: number, depth: number): number {
    return this.value(at, depth, name === "transportConfiguration" ? visibleTransportFields : undefined)
  }

  private object(at: number, depth: number, visible: ReadonlySet<string> | undefined): number {
    const b = this.bytes
    let i = expect(b, at, open)
    let previousEnd = -1
    let anyKept = false
    while (b[i] !== close) {
      if (previousEnd !== -1) i = expect(b, i, comma)
      const from = i
      const nameEnd = endOfText(b, from)
      const { isCredential, name } = this.nameAt(from, nameEnd)
      const valueFrom = expect(b, skipSpace(b, nameEnd), colon)
      const isHidden = isCredential || visible?.has(name) === false
      const end = isHidden ? endOfValue(b, valueFrom) : this.member(name, valueFrom, depth)
      i = skipSpace(b, end)
      if (!isHidden) anyKept = true
      // One comma goes with each removed field: the one before it, or the one behind it when no field before it stays.
      else if (anyKept) this.cut(previousEnd, end)
      else this.cut(from, b[i] === comma ? skipSpace(b, i + 1) : end)
      previousEnd = end
    }
    return i + 1
  }

  private list(at: number, depth: number): number {
    const b = this.bytes
    let i = expect(b, at, openList)
    for (let first = true; b[i] !== closeList; first = false) {
      if (!first) i = expect(b, i, comma)
      i = skipSpace(b, this.value(i, depth, undefined))
    }
    return i + 1
  }

  private value(at: number, depth: number, visible: ReadonlySet<string> | undefined): number {
    const c = this.bytes[at]
    if (c !== open && c !== openList) return endOfValue(this.bytes, at)
    if (depth > maxDepth) return fail(at)
    return c === open ? this.object(at, depth + 1, visible) : this.list(at, depth + 1)
  }

  private entity(at: number): number {
    if (this.pattern === undefined) this.pattern = plainEntities.find((pattern) => this.endOf(pattern, at) !== -1)
    const end = this.pattern === undefined ? -1 : this.endOf(this.pattern, at)
    return end === -1 ? this.value(at, 0, undefined) : end
  }

  /** The end of an entity of this form; -1 for any other. */
  private endOf(pattern: RegExp, at: number): number {
    pattern.lastIndex = at
    return pattern.test(this.latin1) ? pattern.lastIndex : -1
  }

  private entities(at: number): number {
    const b = this.bytes
    let i = expect(b, at, openList)
    for (let first = true; b[i] !== closeList; first = false) {
      if (!first) i = expect(b, i, comma)
      i = skipSpace(b, this.entity(i))
    }
    return i + 1
  }

  /** The bytes that stay; undefined if all do. */
  run(): Uint8Array | undefined {
    const { bytes, cuts } = this
    const from = skipSpace(bytes, 0)
    const end = skipSpace(bytes, bytes[from] === openList ? this.entities(from) : this.entity(from))
    if (end !== bytes.length) fail(end)
    if (cuts.length === 0) return undefined
    const kept: Array<Uint8Array> = []
    let at = 0
    for (let i = 0; i < cuts.length; i += 2) {
      kept.push(bytes.subarray(at, cuts[i]))
      at = cuts[i + 1]!
    }
    kept.push(bytes.subarray(at))
    return Buffer.concat(kept)
  }
}

/**
 * An entity, or a list of entities, without the fields that hold credentials, at any depth. Names are compared as JSON.parse reads them, so
 * that escape sequences hide nothing. JSON that cannot be read is not passed on.
 */
export const withoutCredentials = rememberByBytes((json): Effect.Effect<Uint8Array, ThingsBoardError> => {
  try {
    const bytes = json instanceof Buffer ? json : Buffer.from(json.buffer, json.byteOffset, json.byteLength)
    return Effect.succeed(new CredentialFilter(bytes).run() ?? json)
  } catch {
    return Effect.fail(invalidResponse())
  }
})
