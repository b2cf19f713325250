/**
 * Checks everything between an application and its devices, one check per file in this folder. Prints nothing, and changes nothing
 * except for one point, if requested.
 */
import { Effect, type FileSystem, Layer, Result } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { readEnvFile } from "../config/envFile.ts"
import { readSettings, Settings, type SettingsShape, valuesOf } from "../config/Settings.ts"
import { EventLoop } from "../platform/EventLoop.ts"
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
import { checkSpool } from "./checkSpool.ts"

const runCheck = <R>(check: string, effect: Effect.Effect<string, CheckFailure | Skipped, R>): Effect.Effect<Outcome, never, R> =>
  Effect.map(Effect.result(effect), (result) => {
    if (Result.isSuccess(result)) return { check, status: "ok", detail: result.success }
    const { failure } = result
    return failure instanceof Skipped
      ? { check, status: "skipped", detail: failure.detail }
      : { check, status: "failed", detail: failure.detail, hint: failure.hint }
  })

type CheckServices = Settings | Session | UserSessions | ThingsBoard | Devices | HttpClient.HttpClient | FileSystem.FileSystem

type Check = Effect.Effect<string, CheckFailure | Skipped, CheckServices>

/** Runs checks that each depend on the ones before. After a failure the others are skipped, or replaced by their fallback. */
const runInOrder = Effect.fnUntraced(function* (checks: ReadonlyArray<readonly [string, Check, fallback?: Check]>) {
  const outcomes: Array<Outcome> = []
  for (const [name, check, fallback] of checks) {
    const failed = outcomes.find(({ status }) => status === "failed")
    const skipped = fallback ?? Effect.fail(new Skipped({ detail: `skipped because "${failed?.check}" failed` }))
    outcomes.push(yield* runCheck(name, failed === undefined ? check : skipped))
  }
  return outcomes
})

const describeSettings = ({ warnings }: SettingsShape, envFile: string | undefined) =>
  [
    "no errors",
    ...warnings.map(({ issue, variable }) => `warning: ${variable} ${issue}`),
    ...(envFile === undefined ? [] : [`settings file: ${envFile}`])
  ].join("; ")

const makeServicesLayer = (settings: SettingsShape, caPem: string | undefined) => {
  const SettingsLayer = Layer.succeed(Settings, settings)
  return Devices.layer.pipe(
    Layer.provideMerge(ThingsBoard.layer),
    Layer.provideMerge(Layer.mergeAll(Session.layer, UserSessions.layer)),
    Layer.provideMerge(Layer.merge(SettingsLayer, EventLoop.layer)),
    Layer.provideMerge(FetchHttpClient.layer),
    Layer.provide(Layer.succeed(TrustedCa, caPem)),
    Layer.provideMerge(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual", ...verifiedFetchOptions(caPem) }))
  )
}

export interface Options {
  /** Whether to write one point to a device and read it back. */
  readonly write: boolean
}

export const runChecks = Effect.fnUntraced(function* ({ write }: Options) {
  const resolved = yield* Effect.result(readSettings())
  if (Result.isFailure(resolved)) return [yield* runCheck("configuration", Effect.fail(settingsFailure(resolved.failure)))]
  const values = valuesOf(resolved.success)
  const settings = yield* Effect.result(checkConfiguration(resolved.success))
  if (Result.isFailure(settings))
    return [yield* runCheck("configuration", Effect.fail(settings.failure)), yield* runCheck("keys", checkKeysOffline(values))]
  const envFile = yield* Effect.orElseSucceed(readEnvFile, () => undefined) // it was read a moment ago
  const { certificates, ...checked } = settings.success
  const thingsBoardChecks = runInOrder([
    ["configuration", Effect.succeed(describeSettings(checked.settings, envFile?.path))],
    ["ThingsBoard reachable", checkReachable],
    ["login", checkLogin],
    ["devices", checkDevices],
    ["keys", checkKeys(values), checkKeysOffline(values)],
    ["point written and read back", write ? checkTelemetryWrite : Effect.fail(new Skipped({ detail: "only with --write" }))]
  ])
  const otherChecks = Effect.all([
    runCheck("Redis", checkRedis),
    runCheck("queue of uploads", checkSpool),
    runCheck("own endpoints", checkGateway)
  ])
  return yield* Effect.zipWith(thingsBoardChecks, otherChecks, (outcomes, others) => [...outcomes, ...others]).pipe(
    Effect.provide(makeServicesLayer(checked.settings, certificates.thingsBoard))
  )
})
