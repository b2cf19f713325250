/**
 * ThingsBoard's REST API with the session's rights, in two lanes: `get`, `latest`, `history` and `post` pass bytes on, `call` reads
 * and writes by schema. The folder is the only one that knows ThingsBoard's JSON; what is promised about it is `services`' business.
 */
import { Context, Effect, Layer, type Schema, type Scope } from "effect"
import type { HttpClientError } from "effect/http"
import { authorized } from "./auth/authorized.ts"
import { type HistoryRequest, type HistoryRoute, historyPath, latestPath, needsRepeatedKey } from "./Paths.ts"
import { type Identity, Session, type SessionShape } from "./auth/Session.ts"
import { singleFlight } from "./auth/singleFlight.ts"
import { toThingsBoardError, make as makeClient, type ThingsBoardClient } from "./ThingsBoardClient.ts"
import { ThingsBoardError, Unsupported } from "./errors/ThingsBoardError.ts"
import { type Call, configured, type Transport } from "./transport/Transport.ts"
import { systemInfoPath, isAtLeast, parseVersion } from "./Version.ts"

export interface ThingsBoardShape {
  /** Whose rights the calls have. */
  readonly identity: Effect.Effect<Identity, ThingsBoardError>
  /** The bytes of a 2xx answer. `path` is made by `Paths.ts`; it is sent again when the connection fails. */
  readonly get: (path: string) => Effect.Effect<Buffer, ThingsBoardError>
  /** Sends ready-made JSON. `idempotent` says that storing it twice does no harm, as with points that have a ts: then it may be sent again. */
  readonly post: (
    path: string,
    json: string | Uint8Array,
    options?: { readonly idempotent?: boolean }
  ) => Effect.Effect<Buffer, ThingsBoardError>
  /** `{"key":[{"ts":…,"value":…}],…}`, for `scanLatest`. Fails with `Unsupported` for a key with a comma before 4.3.1.1. */
  readonly latest: (deviceId: string, keys: ReadonlyArray<string> | undefined) => Effect.Effect<Buffer, ThingsBoardError>
  /** `{"key":[{"ts":…,"value":…},…],…}`, by the route that this release has; `Unsupported` as above. */
  readonly history: (request: HistoryRequest) => Effect.Effect<Buffer, ThingsBoardError>
  /** Calls the typed client, with all that can go wrong folded into one error. */
  readonly call: <A, R>(
    run: (client: ThingsBoardClient) => Effect.Effect<A, ThingsBoardError | HttpClientError.HttpClientError | Schema.SchemaError, R>
  ) => Effect.Effect<A, ThingsBoardError, R>
}

const repeatableKeySince = [4, 3, 1, 1]

const isNoRoute = ({ status }: ThingsBoardError) => status === 404 || status === 405

const json = "application/json"

/** ThingsBoard with the rights of any session. */
export const make = Effect.fnUntraced(function* (
  session: SessionShape,
  transport: Transport
): Effect.fn.Return<ThingsBoardShape, never, Scope.Scope> {
  const send = (call: Omit<Call, "headers">) =>
    authorized(session, (authorization) =>
      transport.send({
        ...call,
        headers: call.body === undefined ? { "x-authorization": authorization } : { "x-authorization": authorization, "content-type": json }
      })
    )
  const get = (path: string) => send({ method: "GET", path, repeatable: true })

  let version: ReadonlyArray<number> | undefined
  const askedVersion = yield* singleFlight(
    Effect.map(get(systemInfoPath), (info) => {
      version = parseVersion(info.toString())
      return version
    })
  )
  /** `read`, unless a key cannot be named in this release. ThingsBoard would silently answer for other keys. */
  const ifNameable = <A>(keys: ReadonlyArray<string>, read: Effect.Effect<A, ThingsBoardError>): Effect.Effect<A, ThingsBoardError> =>
    needsRepeatedKey(keys)
      ? Effect.flatMap(version === undefined ? askedVersion.join : Effect.succeed(version), (found) =>
          isAtLeast(found, repeatableKeySince)
            ? read
            : Effect.fail(new ThingsBoardError({ reason: new Unsupported({ feature: "keys with commas" }) }))
        )
      : read

  let route: HistoryRoute | undefined
  const history = (request: HistoryRequest) => {
    const by = (tried: HistoryRoute) =>
      Effect.map(get(historyPath(request, tried)), (bytes) => {
        route = tried
        return bytes
      })
    if (route === "timeseries/history") return get(historyPath(request, route))
    const [first, second] =
      route === undefined ? (["timeseries/history", "timeseries"] as const) : (["timeseries", "timeseries/history"] as const)
    return Effect.catchIf(by(first), isNoRoute, () => by(second))
  }

  const client = yield* makeClient(send)
  return {
    identity: session.identity,
    get,
    post: (path, body, options) => send({ method: "POST", path, body, repeatable: options?.idempotent === true }),
    latest: (deviceId, keys) => ifNameable(keys ?? [], get(latestPath(deviceId, keys))),
    history: (request) =>
      ifNameable(
        request.keys,
        Effect.suspend(() => history(request))
      ),
    call: (run) => Effect.mapError(run(client), toThingsBoardError)
  }
})

/** ThingsBoard with the rights of whom the fiber works for; undefined where that is the gateway's own user. */
export const CurrentThingsBoard = Context.Reference<ThingsBoardShape | undefined>("boardwalk/thingsboard/CurrentThingsBoard", {
  defaultValue: () => undefined
})

/** Each call with the rights of whom it is made for. */
const ofCaller = (own: ThingsBoardShape): ThingsBoardShape => {
  const call = <A, E, R>(run: (thingsBoard: ThingsBoardShape) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => run(fiber.getRef(CurrentThingsBoard) ?? own))
  return {
    identity: call(({ identity }) => identity),
    get: (path) => call((thingsBoard) => thingsBoard.get(path)),
    post: (path, json, options) => call((thingsBoard) => thingsBoard.post(path, json, options)),
    latest: (deviceId, keys) => call((thingsBoard) => thingsBoard.latest(deviceId, keys)),
    history: (request) => call((thingsBoard) => thingsBoard.history(request)),
    call: (run) => call((thingsBoard) => thingsBoard.call(run))
  }
}

/** The one that services use: it acts for the caller, be that the gateway's own user or another. */
export class ThingsBoard extends Context.Service<ThingsBoard, ThingsBoardShape>()("boardwalk/thingsboard/ThingsBoard") {
  static readonly layer = Layer.effect(
    ThingsBoard,
    Effect.gen(function* () {
      return ofCaller(yield* make(yield* Session, yield* configured))
    })
  )
}
