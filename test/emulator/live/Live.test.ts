/** The WebSocket, beyond what the transcripts in `test/contract` show. */
import { expect } from "bun:test"
import { Effect, Layer, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Emulator } from "../../../src/emulator/Emulator.ts"
import { LiveSession } from "../../../src/emulator/live/LiveSession.ts"
import type { Entity } from "../../../src/emulator/store/Directory.ts"
import { effect } from "../../support/effectTest.ts"
import { connect, type WebSocketClient } from "../../support/webSocketClient.ts"

const now = 1_795_462_000_000

const socket = (name: string, body: () => Effect.Effect<void, never, Emulator | Scope.Scope>) =>
  effect(name, () =>
    Effect.andThen(TestClock.setTime(now), Effect.suspend(body)).pipe(Effect.provide(Layer.fresh(Emulator.layer({ version: "4.3" }))))
  )

const login = (username: string, password: string) =>
  Effect.flatMap(Emulator, ({ url }) =>
    Effect.promise(async () => {
      const response = await fetch(`${url}/api/auth/login`, { method: "POST", body: JSON.stringify({ username, password }) })
      return ((await response.json()) as { token: string }).token
    })
  )

const administratorToken = Effect.flatMap(Emulator, ({ password, username }) => login(username, password))

const open = (path = "/api/ws") => Effect.flatMap(Emulator, ({ url }) => connect(url + path))

/** An authenticated socket, of the tenant administrator by default. */
const openAuthenticated = Effect.fnUntraced(function* (token?: string) {
  const client = yield* open()
  client.send(JSON.stringify({ authCmd: { cmdId: 0, token: token ?? (yield* administratorToken) } }))
  return client
})

const sendCommands = (client: WebSocketClient, ...cmds: ReadonlyArray<object>) => client.send(JSON.stringify({ cmds }))

const nextMessage = (client: WebSocketClient) =>
  Effect.map(client.next, (received) => {
    if (!("message" in received)) throw new Error(`closed with ${received.code} ${received.reason}`)
    return JSON.parse(received.message) as Record<string, unknown>
  })

/** Sends a malformed message: if its error is the next message, nothing else was pending. */
const expectNothingMore = Effect.fnUntraced(function* (client: WebSocketClient) {
  client.send("{")
  expect(yield* nextMessage(client)).toMatchObject({ errorMsg: "Failed to parse the payload" })
})

const createDevice = (name: string, customerId: string | null = null) =>
  Effect.map(Emulator, ({ store, username }) => {
    const { tenantId } = store.directory.userByEmail(username)!
    return store.directory.createDevice({ tenantId, name, type: "meter", customerId, now })
  })

const saveTelemetry = (entity: Entity, ...points: ReadonlyArray<readonly [key: string, ts: number, value: number]>) =>
  Effect.map(Emulator, ({ store }) =>
    store.telemetry.save(
      entity,
      points.map(([key, ts, value]) => ({ key, ts, value: BigInt(value) }))
    )
  )

const timeseriesCommand = ({ id }: Entity, extra: object = {}) => ({
  type: "TIMESERIES",
  cmdId: 1,
  entityType: "DEVICE",
  entityId: id,
  ...extra
})

socket("a client that does not authenticate within ten seconds is disconnected", () =>
  Effect.gen(function* () {
    const idle = yield* open()
    const client = yield* openAuthenticated()
    yield* expectNothingMore(client) // so that its authentication has been handled
    yield* TestClock.adjust("10 seconds")
    expect(yield* idle.next).toMatchObject({ code: 1008 })
    yield* expectNothingMore(client)
  })
)

socket("a message of more than 32768 characters closes the socket", () =>
  Effect.gen(function* () {
    const client = yield* openAuthenticated()
    const [start, end] = [`{"cmds":[],"authCmd":null}`, " "]
    client.send(start + end.repeat(32_768 - start.length))
    yield* expectNothingMore(client)
    client.send(start + end.repeat(32_769 - start.length))
    expect(yield* client.next).toMatchObject({ code: 1009 })
  })
)

socket("the older endpoint takes the token from its URL, and accepts lists per type of command only", () =>
  Effect.gen(function* () {
    const meter = yield* createDevice("Meter")
    yield* saveTelemetry(meter, ["a", 1000, 1])
    const client = yield* open(`/api/ws/plugins/telemetry?token=${yield* administratorToken}`)
    client.send(JSON.stringify({ tsSubCmds: [timeseriesCommand(meter, { keys: "a" })], historyCmds: [], attrSubCmds: [] }))
    expect(yield* nextMessage(client)).toMatchObject({ subscriptionId: 1, data: { a: [[1000, "1"]] } })
    sendCommands(client, timeseriesCommand(meter))
    expect(yield* nextMessage(client)).toMatchObject({ errorCode: 2, errorMsg: "Failed to parse the payload" })
    const { faults } = yield* Emulator
    expect(faults.calls({ path: "/api/ws/*" })).toEqual([{ method: "GET", path: "/api/ws/plugins/telemetry", query: "", status: 101 }])
  })
)

socket("a token is only checked when the client authenticates", () =>
  Effect.gen(function* () {
    const meter = yield* createDevice("Meter")
    const token = yield* administratorToken
    const client = yield* openAuthenticated(token)
    sendCommands(client, timeseriesCommand(meter))
    yield* nextMessage(client)
    const { revokeTokens } = yield* Emulator
    yield* revokeTokens
    yield* saveTelemetry(meter, ["a", 1000, 1])
    expect(yield* nextMessage(client)).toMatchObject({ data: { a: [[1000, "1"]] } })
    expect(yield* (yield* openAuthenticated(token)).next).toEqual({ code: 1007, reason: "JWT Token expired" })
    const old = yield* open(`/api/ws/plugins/telemetry?token=${token}`)
    expect(yield* old.next).toEqual({ code: 1011, reason: "JWT Token expired" })
  })
)

socket("without the scope LATEST_TELEMETRY all writes are sent, including older points", () =>
  Effect.gen(function* () {
    const meter = yield* createDevice("Meter")
    yield* saveTelemetry(meter, ["a", 5000, 5])
    const client = yield* openAuthenticated()
    sendCommands(
      client,
      timeseriesCommand(meter, { keys: "a" }),
      timeseriesCommand(meter, { keys: "a", cmdId: 2, scope: "LATEST_TELEMETRY" })
    )
    expect([(yield* nextMessage(client))["subscriptionId"], (yield* nextMessage(client))["subscriptionId"]]).toEqual([1, 2])
    yield* saveTelemetry(meter, ["a", 4000, 4])
    expect(yield* nextMessage(client)).toMatchObject({ subscriptionId: 1, data: { a: [[4000, "4"]] } })
    yield* expectNothingMore(client)
  })
)

socket("a time window first sends history; a key without a value is null with the current time", () =>
  Effect.gen(function* () {
    const meter = yield* createDevice("Meter")
    yield* saveTelemetry(meter, ["a", 1000, 1], ["a", 2000, 2], ["a", 3000, 3])
    const client = yield* openAuthenticated()
    sendCommands(client, timeseriesCommand(meter, { keys: "a", startTs: 1000, timeWindow: 2000 }))
    const newestFirst = {
      a: [
        [2000, "2"],
        [1000, "1"]
      ]
    }
    expect(yield* nextMessage(client)).toMatchObject({ data: newestFirst, latestValues: { a: 1000 } })
    yield* saveTelemetry(meter, ["a", 9000, 9], ["b", 9000, 9])
    expect((yield* nextMessage(client))["data"]).toEqual({ a: [[9000, "9"]] })
    sendCommands(client, timeseriesCommand(meter, { cmdId: 2, keys: "never" }))
    expect(yield* nextMessage(client)).toMatchObject({ data: { never: [[now, null]] }, latestValues: { never: now } })
  })
)

socket("a customer user gets attributes of other devices, but no telemetry", () =>
  Effect.gen(function* () {
    const { store, username } = yield* Emulator
    const { tenantId } = store.directory.userByEmail(username)!
    const customer = store.directory.createCustomer({ tenantId, name: "Tenant", now })
    const [email, password] = ["customer@example.org", "secret-1"]
    store.accounts.createUser({
      tenantId,
      email,
      authority: "CUSTOMER_USER",
      password: Redacted.make(password),
      customerId: customer.id,
      now
    })
    const own = yield* createDevice("Own", customer.id)
    const foreign = yield* createDevice("Foreign")
    store.attributes.save(foreign, "SERVER_SCOPE", [["site", "north"]], now)
    const client = yield* openAuthenticated(yield* login(email, password))
    sendCommands(client, timeseriesCommand(foreign, { keys: "a" }))
    expect(yield* nextMessage(client)).toMatchObject({ errorCode: 1, errorMsg: "Failed to fetch data!", data: null })
    sendCommands(client, { type: "ATTRIBUTES", cmdId: 2, entityType: "DEVICE", entityId: foreign.id })
    expect((yield* nextMessage(client))["data"]).toEqual({ site: [[now, "north"]] })

    const query = { entityFilter: { type: "entityType", entityType: "DEVICE" }, pageLink: { pageSize: 10, page: 0 }, latestValues: [] }
    sendCommands(client, { type: "ENTITY_DATA", cmdId: 3, query }, { type: "ENTITY_COUNT", cmdId: 4, query })
    const { data } = (yield* nextMessage(client)) as { data: { data: ReadonlyArray<{ entityId: { id: string } }> } }
    expect(data.data.map(({ entityId }) => entityId.id)).toEqual([own.id])
    expect(yield* nextMessage(client)).toEqual({ cmdId: 4, count: 1, errorCode: 0, errorMsg: null, cmdUpdateType: "COUNT_DATA" })
  })
)

socket("latestCmd can come after the query, and one subscription covers telemetry and attributes", () =>
  Effect.gen(function* () {
    const { store } = yield* Emulator
    const meter = yield* createDevice("Meter")
    yield* saveTelemetry(meter, ["t", 1000, 1])
    const client = yield* openAuthenticated()
    const query = {
      entityFilter: { type: "singleEntity", singleEntity: { entityType: "DEVICE", id: meter.id } },
      pageLink: { pageSize: 1, page: 0 },
      latestValues: [{ type: "TIME_SERIES", key: "t" }]
    }
    sendCommands(client, { type: "ENTITY_DATA", cmdId: 7, query })
    expect(yield* nextMessage(client)).toMatchObject({ cmdId: 7, update: null, data: { totalElements: 1 } })
    yield* saveTelemetry(meter, ["t", 2000, 2])
    yield* expectNothingMore(client)

    const keys = [...query.latestValues, { type: "SERVER_ATTRIBUTE", key: "site" }]
    sendCommands(client, { type: "ENTITY_DATA", cmdId: 7, latestCmd: { keys } })
    const all = { TIME_SERIES: { t: { ts: 2000, value: "2" } }, SERVER_ATTRIBUTE: { site: { ts: 0, value: "" } } }
    expect(yield* nextMessage(client)).toMatchObject({ data: null, update: [{ latest: all }] })

    store.attributes.save(meter, "SHARED_SCOPE", [["site", "unseen"]], now)
    store.attributes.save(meter, "SERVER_SCOPE", [["site", "north"]], now)
    const { update } = (yield* nextMessage(client)) as { update: ReadonlyArray<{ latest: object }> }
    expect(update[0]!.latest).toEqual({ SERVER_ATTRIBUTE: { site: { ts: now, value: "north" } } })
    yield* saveTelemetry(meter, ["t", 2000, 2]) // the same point again
    yield* expectNothingMore(client)
    yield* saveTelemetry(meter, ["t", 2000, 3]) // corrected
    expect(yield* nextMessage(client)).toMatchObject({ update: [{ latest: { TIME_SERIES: { t: { ts: 2000, value: "3" } } } }] })
  })
)

socket("unsubscribing without an entity removes all subscriptions", () =>
  Effect.gen(function* () {
    const meter = yield* createDevice("Meter")
    const client = yield* openAuthenticated()
    sendCommands(client, timeseriesCommand(meter), timeseriesCommand(meter, { cmdId: 2 }))
    yield* nextMessage(client)
    yield* nextMessage(client)
    sendCommands(client, { type: "TIMESERIES", cmdId: 5, unsubscribe: true })
    yield* expectNothingMore(client) // so that it has been handled
    yield* saveTelemetry(meter, ["a", 1000, 1])
    yield* expectNothingMore(client)
  })
)

socket("invalid commands get an error with their id", () =>
  Effect.gen(function* () {
    const meter = yield* createDevice("Meter")
    const client = yield* openAuthenticated()
    sendCommands(
      client,
      timeseriesCommand(meter, { cmdId: -1 }),
      { type: "TIMESERIES", cmdId: 2 },
      { type: "TIMESERIES_HISTORY", cmdId: 3, entityType: "DEVICE", entityId: meter.id },
      { type: "ENTITY_DATA", cmdId: 4 },
      { type: "ALARM_DATA", cmdId: 5 }
    )
    const sent = []
    for (let n = 0; n < 5; n++) {
      const { errorCode, errorMsg, subscriptionId } = yield* nextMessage(client)
      sent.push([subscriptionId, errorCode, errorMsg])
    }
    expect(sent).toEqual([
      [-1, 2, "Cmd id is negative value!"],
      [2, 2, "Device id is empty!"],
      [3, 2, "Keys are empty!"],
      [4, 2, "Query is empty!"],
      [5, 1, "The emulator does not know ALARM_DATA"]
    ])
  })
)

socket("faults affect the handshake, and open sockets can be closed", () =>
  Effect.gen(function* () {
    const { faults, live, url } = yield* Emulator
    faults.inject({ path: "/api/ws", outcome: { type: "Status", status: 503 } })
    const rejected = yield* Effect.promise(() =>
      fetch(`${url}/api/ws`, {
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="
        }
      })
    )
    expect(rejected.status).toBe(503)
    const client = yield* openAuthenticated()
    yield* expectNothingMore(client)
    expect(live.count()).toBe(1)
    live.closeAll(1001, "going away")
    expect(yield* client.next).toEqual({ code: 1001, reason: "going away" })
    expect(faults.calls({ path: "/api/ws" }).map(({ status }) => status)).toEqual([503, 101])
  })
)

socket("binary messages close the socket", () =>
  Effect.gen(function* () {
    const client = yield* openAuthenticated()
    yield* expectNothingMore(client)
    client.send(new Uint8Array([123, 125]))
    expect(yield* client.next).toEqual({ code: 1003, reason: "Binary messages not supported" })
  })
)

socket("deep nesting and unknown key types are rejected and do no harm", () =>
  Effect.gen(function* () {
    const meter = yield* createDevice("Meter")
    const client = yield* openAuthenticated()
    const keys = [{ type: "__proto__", key: "polluted" }]
    const query = { entityFilter: { type: "entityType", entityType: "DEVICE" }, pageLink: { pageSize: 10, page: 0 }, latestValues: [] }
    client.send("[".repeat(32_000))
    sendCommands(client, { type: "ENTITY_DATA", cmdId: 1, query: { ...query, latestValues: keys } })
    sendCommands(client, { type: "ENTITY_DATA", cmdId: 1, query, latestCmd: { keys } })
    for (let n = 0; n < 3; n++) expect(yield* nextMessage(client)).toMatchObject({ errorCode: 2, errorMsg: "Failed to parse the payload" })
    yield* saveTelemetry(meter, ["a", 1000, 1])
    yield* expectNothingMore(client)
    expect("polluted" in {}).toBe(false)
  })
)

socket("counts and dynamic queries are sent again when their results change, until they are unsubscribed", () =>
  Effect.gen(function* () {
    const { store, username } = yield* Emulator
    const { id, tenantId } = store.directory.userByEmail(username)!
    const sent: Array<string> = []
    const session = new LiveSession(
      {
        store,
        authenticate: () => ({ id, email: username, authority: "TENANT_ADMIN", tenantId, customerId: null, sessionId: undefined }),
        now: () => now,
        send: (text) => sent.push(text),
        close: () => {}
      },
      "general"
    )
    session.open("any")
    const receive = (...cmds: ReadonlyArray<object>) => session.receive(JSON.stringify({ cmds }))
    const takeSent = () => sent.splice(0).map((text) => JSON.parse(text) as Record<string, unknown>)
    const entityFilter = { type: "entityType", entityType: "DEVICE" }
    const query = (dynamic: boolean) => ({ entityFilter, pageLink: { pageSize: 10, page: 0, dynamic }, latestValues: [] })
    receive(
      { type: "ENTITY_COUNT", cmdId: 1, query: { entityFilter } },
      { type: "ENTITY_DATA", cmdId: 2, query: query(true) },
      { type: "ENTITY_DATA", cmdId: 3, query: query(false) }
    )
    expect(takeSent()).toMatchObject([{ cmdId: 1, count: 0 }, { cmdId: 2 }, { cmdId: 3 }])
    session.refresh()
    expect(takeSent()).toEqual([])
    yield* createDevice("Meter")
    session.refresh()
    expect(takeSent()).toMatchObject([
      { cmdId: 2, data: { totalElements: 1 } },
      { cmdId: 1, count: 1 }
    ])
    receive({ type: "ENTITY_COUNT_UNSUBSCRIBE", cmdId: 1 }, { type: "ENTITY_DATA_UNSUBSCRIBE", cmdId: 2 })
    yield* createDevice("Second meter")
    session.refresh()
    expect(takeSent()).toEqual([])
  })
)
