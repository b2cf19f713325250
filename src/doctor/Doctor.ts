/**
 * What can be wrong between an application and its devices, looked at one after another; each file beside this one holds one check.
 * Nothing is printed here, and nothing is changed but one point when that is asked for.
 */
import { Effect, type FileSystem, Layer, Result } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { readSettings, Settings, type SettingsShape, valuesOf } from "../config/Settings.ts"
import { verifiedFetchOptions } from "../platform/Tls.ts"
import { Devices } from "../services/devices/Devices.ts"
import { TrustedCa } from "../thingsboard/transport/TrustedCa.ts"
import { UserSessions } from "../thingsboard/UserSessions.ts"
import { Session } from "../thingsboard/auth/Session.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import { CheckFailure, type Outcome, Skipped } from "./Check.ts"
import { settingsFailure, checkConfiguration } from "./checkConfiguration.ts"
import { checkDevices } from "./checkDevices.ts"
import { checkKeysOffline, checkKeys } from "./checkKeys.ts"
import { checkLogin } from "./checkLogin.ts"
import { checkGateway } from "./checkGateway.ts"
import { checkTelemetryWrite } from "./checkTelemetryWrite.ts"
import { checkReachable } from "./checkReachable.ts"
import { checkRedis } from "./checkRedis.ts"

const outcomeOf = <R>(check: string, run: Effect.Effect<string, CheckFailure | Skipped, R>): Effect.Effect<Outcome, never, R> =>
  Effect.map(Effect.result(run), (result) => {
    if (Result.isSuccess(result)) return { check, status: "ok", detail: result.success }
    const { failure } = result
    return failure instanceof Skipped
      ? { check, status: "skipped", detail: failure.detail }
      : { check, status: "failed", detail: failure.detail, hint: failure.hint }
  })

type Needed = Settings | Session | UserSessions | ThingsBoard | Devices | HttpClient.HttpClient | FileSystem.FileSystem

type Check = Effect.Effect<string, CheckFailure | Skipped, Needed>

/** Each check needs the ones before it: after a failure the rest is skipped, but for what there is to see without them. */
const inOrder = Effect.fnUntraced(function* (checks: ReadonlyArray<readonly [string, Check, otherwise?: Check]>) {
  const outcomes: Array<Outcome> = []
  for (const [name, run, otherwise] of checks) {
    const failed = outcomes.find(({ status }) => status === "failed")
    const instead = otherwise ?? Effect.fail(new Skipped({ detail: `after "${failed?.check}" failed` }))
    outcomes.push(yield* outcomeOf(name, failed === undefined ? run : instead))
  }
  return outcomes
})

const describeSettings = ({ warnings }: SettingsShape) =>
  ["no errors", ...warnings.map(({ issue, variable }) => `warning: ${variable} ${issue}`)].join("; ")

const services = (settings: SettingsShape, authorities: string | undefined) => {
  const Configured = Layer.succeed(Settings, settings)
  return Devices.layer.pipe(
    Layer.provideMerge(ThingsBoard.layer),
    Layer.provideMerge(Layer.mergeAll(Session.layer, UserSessions.layer)),
    Layer.provideMerge(Configured),
    Layer.provideMerge(FetchHttpClient.layer),
    Layer.provide(Layer.succeed(TrustedCa, authorities)),
    Layer.provideMerge(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual", ...verifiedFetchOptions(authorities) }))
  )
}

export interface Options {
  /** Writes one point to a device and reads it back. */
  readonly write: boolean
}

export const runChecks = Effect.fnUntraced(function* ({ write }: Options) {
  const readings = yield* Effect.result(readSettings())
  if (Result.isFailure(readings)) return [yield* outcomeOf("configuration", Effect.fail(settingsFailure(readings.failure)))]
  const named = valuesOf(readings.success)
  const settings = yield* Effect.result(checkConfiguration(readings.success))
  if (Result.isFailure(settings))
    return [yield* outcomeOf("configuration", Effect.fail(settings.failure)), yield* outcomeOf("keys", checkKeysOffline(named))]
  const { certificates, ...found } = settings.success
  const upstream = inOrder([
    ["configuration", Effect.succeed(describeSettings(found.settings))],
    ["ThingsBoard reachable", checkReachable],
    ["login", checkLogin],
    ["devices", checkDevices],
    ["keys", checkKeys(named), checkKeysOffline(named)],
    ["point written and read back", write ? checkTelemetryWrite : Effect.fail(new Skipped({ detail: "only with --write" }))]
  ])
  const others = Effect.all([outcomeOf("Redis", checkRedis), outcomeOf("own endpoints", checkGateway)])
  return yield* Effect.zipWith(upstream, others, (outcomes, last) => [...outcomes, ...last]).pipe(
    Effect.provide(services(found.settings, certificates.thingsBoard))
  )
})
