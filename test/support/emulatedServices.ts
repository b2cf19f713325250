/** The services that read telemetry, on top of the ThingsBoard emulator, with a record of their calls to it. */
import { Effect, Layer, Redacted, Stream } from "effect"
import { Settings, type SettingsShape } from "../../src/config/Settings.ts"
import { Emulator } from "../../src/emulator/Emulator.ts"
import type { Value } from "../../src/emulator/values/Value.ts"
import type { DeviceId } from "../../src/domain/Ids.ts"
import { EventLoop } from "../../src/platform/EventLoop.ts"
import { GcPressure } from "../../src/platform/GcPressure.ts"
import { DeviceAccess } from "../../src/services/access/DeviceAccess.ts"
import { Aggregates } from "../../src/services/telemetry/Aggregates.ts"
import type { ExportedFile } from "../../src/services/telemetry/ExportedFile.ts"
import { Exports } from "../../src/services/telemetry/Exports.ts"
import { History } from "../../src/services/telemetry/History.ts"
import { LatestValues } from "../../src/services/telemetry/LatestValues.ts"
import { TelemetryQuery } from "../../src/services/telemetry/TelemetryQuery.ts"
import { Telemetry } from "../../src/services/telemetry/Telemetry.ts"
import { Session } from "../../src/thingsboard/auth/Session.ts"
import type { ByteMeter } from "../../src/thingsboard/transport/readResponse.ts"
import { ThingsBoard } from "../../src/thingsboard/ThingsBoard.ts"
import type { HistoryRequest } from "../../src/thingsboard/Paths.ts"
import { canaries } from "./leaks/canaries.ts"

export type Points = Readonly<Record<string, ReadonlyArray<readonly [ts: number, value: Value]>>>

/** The calls to ThingsBoard. */
export interface Calls {
  readonly history: Array<HistoryRequest>
  /** The number of typed calls and plain reads. */
  other: number
}

const recordCalls = (calls: Calls) =>
  Layer.effect(
    ThingsBoard,
    Effect.map(ThingsBoard, (thingsBoard) => ({
      ...thingsBoard,
      history: (request: HistoryRequest, meter?: ByteMeter) => {
        calls.history.push(request)
        return thingsBoard.history(request, meter)
      },
      get: (path: string, meter?: ByteMeter) => {
        calls.other++
        return thingsBoard.get(path, meter)
      },
      post: (path, json, options) => {
        calls.other++
        return thingsBoard.post(path, json, options)
      },
      call: ((run) => {
        calls.other++
        return thingsBoard.call(run)
      }) satisfies typeof thingsBoard.call
    }))
  )

interface Options {
  readonly version?: "4.1" | "4.3"
  readonly settings?: Partial<SettingsShape>
}

export const emulatedServices = Effect.fnUntraced(function* ({ settings, version = "4.3" }: Options = {}) {
  const emulator = yield* Layer.build(Layer.fresh(Emulator.layer({ version })))
  const { createTenant, faults, store, url } = yield* Effect.provide(Emulator, emulator)
  const { username } = canaries
  const password = Redacted.make(canaries.password)
  const { tenantId } = yield* createTenant({ username, password })
  const calls: Calls = { history: [], other: 0 }
  const tbCredentials = { _tag: "Password", username, password } as const
  const services = yield* Layer.build(
    Layer.mergeAll(Exports.layer, TelemetryQuery.layer, LatestValues.layer).pipe(
      Layer.provideMerge(Layer.mergeAll(History.layer, Aggregates.layer)),
      Layer.provideMerge(Layer.mergeAll(DeviceAccess.layer, Telemetry.layer)),
      Layer.provideMerge(recordCalls(calls)),
      Layer.provide(ThingsBoard.layer),
      Layer.provide(Session.layer),
      Layer.provideMerge(Layer.mergeAll(EventLoop.layer, GcPressure.layer)),
      Layer.provide(Settings.layerTest({ tbHost: url, tbCredentials, ...settings }))
    )
  )
  let deviceCount = 0
  return {
    calls,
    faults,
    store,
    use: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, services),
    /** Creates a device with these points. Creation times are a second apart. */
    device: (name: string, points: Points, type = "default") => {
      const device = store.directory.createDevice({ tenantId, name, type, now: deviceCount++ * 1000 })
      for (const [key, series] of Object.entries(points)) {
        const saved = series.map(([ts, value]) => ({ key, ts, value }))
        if (saved.length > 0) store.telemetry.save(device, saved)
      }
      return device.id as DeviceId
    },
    /** Saves more points of a device. */
    save: (id: string, key: string, series: ReadonlyArray<readonly [ts: number, value: Value]>) =>
      store.telemetry.save(
        store.directory.get(id)!,
        series.map(([ts, value]) => ({ key, ts, value }))
      )
  }
})

export const readText = ({ body }: ExportedFile) => Effect.map(Stream.runCollect(body), (chunks) => Buffer.concat([...chunks]).toString())
