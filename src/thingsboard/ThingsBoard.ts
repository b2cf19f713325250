/**
 * Calls to ThingsBoard's REST API, authorized by a session. There are two ways: `get`, `latest`, `history` and `post` pass bytes on
 * without parsing them, for hot data; `call` uses the typed client, which decodes and encodes by schema.
 *
 * This folder is the only one that knows ThingsBoard's paths and JSON. What Boardwalk promises about them belongs in `services`.
 *
 * - this level: `ThingsBoard` (the service), `UserSessions` (the same for other users), `Paths`, `StoredNumber`, `Version`
 * - `requests/`: what services ask of ThingsBoard, one file per subject: paths, entity queries, limits per call
 * - `responses/`: reads ThingsBoard's JSON as bytes
 * - `auth/`: logging in, renewing tokens, backing off
 * - `reads/`: calls whose response several callers can use
 * - `transport/`: HTTP: deadlines, resending, and what a failed response means
 * - `api/`: ThingsBoard's endpoints and JSON as an `HttpApi`, which the emulator shares
 * - `errors/`: `ThingsBoardError` and what depends on nothing else
 *
 * Imports go one way: requests -> this level -> auth and reads -> transport -> api and errors; responses -> errors.
 */
import { Context, Effect, Layer, type Schema, type Scope } from "effect"
import type { HttpClientError } from "effect/http"
import type { IsTurnOver, Steps } from "../domain/Steps.ts"
import { ScanError } from "../json/JsonScanner.ts"
import { EventLoop } from "../platform/EventLoop.ts"
import { GcPressure } from "../platform/GcPressure.ts"
import { authorized } from "./auth/authorized.ts"
import { type HistoryRequest, type HistoryRoute, historyPath, latestPath, needsRepeatedKey } from "./Paths.ts"
import { type Identity, Session, type SessionShape } from "./auth/Session.ts"
import { singleFlight } from "./auth/singleFlight.ts"
import { SharedReads } from "./reads/SharedReads.ts"
import { toThingsBoardError, make as makeClient, type ThingsBoardClient } from "./ThingsBoardClient.ts"
import { invalidResponse, ThingsBoardError, Unsupported } from "./errors/ThingsBoardError.ts"
import type { ByteMeter } from "./transport/readResponse.ts"
import type { Call } from "./transport/Call.ts"
import { withinRequestTime } from "./transport/requestTime.ts"
import { Transport, type TransportShape } from "./transport/Transport.ts"
import { systemInfoPath, isAtLeast, parseVersion } from "./Version.ts"

export interface PostOptions {
  readonly idempotent?: boolean
  readonly write?: boolean
}

export interface ThingsBoardShape {
  /** The user whose permissions apply to the calls. */
  readonly identity: Effect.Effect<Identity, ThingsBoardError>
  /** The body of a 2xx response, for a path made by `Paths.ts` or in `requests/`. It is sent again when the connection fails. */
  readonly get: (path: string, meter?: ByteMeter) => Effect.Effect<Buffer, ThingsBoardError>
  /**
   * Sends ready-made JSON and returns the body of the response. `idempotent`: carrying it out twice does no harm, as with points that have
   * a `ts`, so it may be sent again when the connection fails. `write`: the call stores something, so that every response other than
   * ThingsBoard's acknowledgement is an `InvalidResponse`.
   */
  readonly post: (path: string, json: string | Uint8Array, options?: PostOptions) => Effect.Effect<Buffer, ThingsBoardError>
  /** Whether this release can read keys with commas, that is, whether it accepts `key=`. */
  readonly readsKeysWithCommas: Effect.Effect<boolean, ThingsBoardError>
  /**
   * `{"key":[{"ts":…,"value":…}],…}`, for `scanLatest`; all keys that have a value when `keys` is undefined. Fails with `Unsupported`
   * for a key with a comma before 4.3.1.1.
   */
  readonly latest: (deviceId: string, keys: ReadonlyArray<string> | undefined) => Effect.Effect<Buffer, ThingsBoardError>
  /**
   * `{"key":[{"ts":…,"value":…},…],…}`, for `scan`, from the route that this release has. Fails with `Unsupported` like `latest`.
   * ThingsBoard does not check whether its user may see the device (thingsboard#16136): check that first. With a meter, which may end
   * the reading early, the last point may be incomplete: use `scanPrefix`.
   */
  readonly history: (request: HistoryRequest, meter?: ByteMeter) => Effect.Effect<Buffer, ThingsBoardError>
  /**
   * Reads a response of any size in as many turns of the event loop as it needs. Fails with `InvalidResponse` if `read` throws a ScanError.
   */
  readonly readInSteps: <A, E>(
    response: Effect.Effect<Buffer, E>,
    read: (bytes: Uint8Array, isTurnOver: IsTurnOver) => Steps<A>
  ) => Effect.Effect<A, E | ThingsBoardError>
  /** Calls the typed client. Every failure becomes a `ThingsBoardError`. */
  readonly call: <A, R>(
    run: (client: ThingsBoardClient) => Effect.Effect<A, ThingsBoardError | HttpClientError.HttpClientError | Schema.SchemaError, R>
  ) => Effect.Effect<A, ThingsBoardError, R>
}

/** The release from which `key=` is accepted on all routes. */
const repeatableKeySince = [4, 3, 1, 1]

const isRouteMissing = ({ status }: ThingsBoardError) => status === 404 || status === 405

const json = "application/json"

/** Returns what the steps return, or that the response is not what it should be. */
export function* readOrFail<A>(steps: Steps<A>): Steps<A | ThingsBoardError> {
  try {
    return yield* steps
  } catch (error) {
    if (error instanceof ScanError) return invalidResponse()
    throw error
  }
}

/** A response that is read, and the texts and objects that are made on the way. */
const garbagePerByte = 4
/** Bytes. Smaller responses are collected with other garbage: to run the collector for them takes longer than to read them. */
const minCountedBytes = 1024 * 1024

/** ThingsBoard, authorized by the given session. */
export const make = Effect.fnUntraced(function* (
  session: SessionShape,
  transport: TransportShape,
  eventLoop: EventLoop["Service"],
  gcPressure: GcPressure["Service"],
  reads: SharedReads["Service"]
): Effect.fn.Return<ThingsBoardShape, never, Scope.Scope> {
  const share = reads.forUser()
  const send = (call: Omit<Call, "headers" | "user">) =>
    share(call, (sharing) =>
      authorized(session, (authorization) =>
        transport.send({
          ...call,
          user: session.user,
          headers:
            call.body === undefined ? { "x-authorization": authorization } : { "x-authorization": authorization, "content-type": json },
          sharing
        })
      )
    )
  const get = (path: string, meter?: ByteMeter) => send({ method: "GET", path, repeatable: true, meter })
  const getHistory = (path: string, meter?: ByteMeter) => send({ method: "GET", path, repeatable: true, meter, share: "history" })

  let acceptsRepeatedKey = false
  const askVersion = yield* singleFlight(
    Effect.map(get(systemInfoPath), (info) => {
      acceptsRepeatedKey = isAtLeast(parseVersion(info.toString()), repeatableKeySince)
      return acceptsRepeatedKey
    })
  )
  /** A release that does not accept it is asked each time: it may be upgraded meanwhile. */
  const readsKeysWithCommas = Effect.suspend(() => (acceptsRepeatedKey ? Effect.succeed(true) : withinRequestTime(askVersion.join)))
  /** Runs `read`, or fails when this release cannot name one of the keys: ThingsBoard would silently respond for other keys. */
  const ifNameable = <A>(keys: ReadonlyArray<string>, read: Effect.Effect<A, ThingsBoardError>): Effect.Effect<A, ThingsBoardError> =>
    needsRepeatedKey(keys)
      ? Effect.flatMap(readsKeysWithCommas, (isSupported) =>
          isSupported ? read : Effect.fail(new ThingsBoardError({ reason: new Unsupported({ feature: "keys with commas" }) }))
        )
      : read

  /** The route that worked last. An upgrade of ThingsBoard may remove the old one, so the other is tried again when it is missing. */
  let route: HistoryRoute | undefined
  const history = (request: HistoryRequest, meter?: ByteMeter) => {
    const by = (tried: HistoryRoute) =>
      Effect.map(getHistory(historyPath(request, tried), meter), (bytes) => {
        route = tried
        return bytes
      })
    if (route === "timeseries/history") return getHistory(historyPath(request, route), meter)
    const [first, second] =
      route === undefined ? (["timeseries/history", "timeseries"] as const) : (["timeseries", "timeseries/history"] as const)
    return Effect.catchIf(by(first), isRouteMissing, () => by(second))
  }

  const client = yield* makeClient(send)
  return {
    identity: session.identity,
    get,
    readsKeysWithCommas,
    post: (path, body, options) =>
      send({ method: "POST", path, body, repeatable: options?.idempotent === true, isWrite: options?.write === true }),
    latest: (deviceId, keys) => ifNameable(keys ?? [], get(latestPath(deviceId, keys))),
    history: (request, meter) =>
      ifNameable(
        request.keys,
        Effect.suspend(() => history(request, meter))
      ),
    readInSteps: (response, read) =>
      Effect.flatMap(response, (bytes) =>
        Effect.flatMap(
          eventLoop.run(() => readOrFail(read(bytes, eventLoop.isTurnOver))),
          (found) => {
            if (bytes.length >= minCountedBytes) gcPressure.discard(garbagePerByte * bytes.length)
            return found instanceof ThingsBoardError ? Effect.fail(found) : Effect.succeed(found)
          }
        )
      ),
    call: (run) => Effect.mapError(run(client), toThingsBoardError)
  }
})

/** ThingsBoard as the user of the current caller; undefined when that is the gateway's own user. */
export const CurrentThingsBoard = Context.Reference<ThingsBoardShape | undefined>("boardwalk/thingsboard/CurrentThingsBoard", {
  defaultValue: () => undefined
})

/** Makes each call as the user of the current caller. */
const asCurrentCaller = (own: ThingsBoardShape): ThingsBoardShape => {
  const call = <A, E, R>(run: (thingsBoard: ThingsBoardShape) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => run(fiber.getRef(CurrentThingsBoard) ?? own))
  return {
    identity: call(({ identity }) => identity),
    get: (path, meter) => call((thingsBoard) => thingsBoard.get(path, meter)),
    readsKeysWithCommas: call((thingsBoard) => thingsBoard.readsKeysWithCommas),
    post: (path, json, options) => call((thingsBoard) => thingsBoard.post(path, json, options)),
    latest: (deviceId, keys) => call((thingsBoard) => thingsBoard.latest(deviceId, keys)),
    history: (request, meter) => call((thingsBoard) => thingsBoard.history(request, meter)),
    readInSteps: own.readInSteps,
    call: (run) => call((thingsBoard) => thingsBoard.call(run))
  }
}

/** What services use. It acts for the current caller: as the gateway's own user, or as the user of the caller's key. */
export class ThingsBoard extends Context.Service<ThingsBoard, ThingsBoardShape>()("boardwalk/thingsboard/ThingsBoard") {
  static readonly layer = Layer.effect(
    ThingsBoard,
    Effect.gen(function* () {
      return asCurrentCaller(yield* make(yield* Session, yield* Transport, yield* EventLoop, yield* GcPressure, yield* SharedReads))
    })
  ).pipe(Layer.provide(Layer.mergeAll(SharedReads.layer, Transport.layer, GcPressure.layer)))
}
