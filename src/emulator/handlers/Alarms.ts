import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { entityNotFound, findEntityOfAnyType, isVisible, parseUuid, requireTenantOrCustomer } from "../auth/Access.ts"
import { checkPage, json, page, type PageLink } from "../http/responses.ts"
import { objectOf, readObject, textOf } from "../http/bodies.ts"
import { Behavior } from "../Behavior.ts"
import { entityIdJson } from "../http/entityJson.ts"
import { type JsonObject, printTree } from "../values/Json.ts"
import { badRequest, type ErrorResponse } from "../http/ErrorResponse.ts"
import type { Alarm } from "../store/Alarms.ts"
import { Store } from "../store/Store.ts"

const statusOf = ({ acknowledged, cleared }: Alarm) => `${cleared ? "CLEARED" : "ACTIVE"}_${acknowledged ? "ACK" : "UNACK"}`

/** An `Alarm`, or an `AlarmInfo`, which adds the originator's name; 4.3 also repeats it as the display name. */
const alarmJson = (store: Store["Service"], alarm: Alarm, detail: "alarm" | "info", version: "4.1" | "4.3") => {
  const originator = store.directory.get(alarm.originatorId)
  const name = JSON.stringify(originator?.name ?? null)
  const label = JSON.stringify(originator?.label ?? originator?.name ?? null)
  const originators = `,"originatorName":${name},"originatorLabel":${label}${version === "4.3" ? `,"originatorDisplayName":${label}` : ""},"assignee":null`
  return (
    `{"id":${entityIdJson("ALARM", alarm.id)},"createdTime":${alarm.createdTime},"tenantId":${entityIdJson("TENANT", alarm.tenantId)},"customerId":null` +
    `,"type":${JSON.stringify(alarm.type)},"originator":${entityIdJson(alarm.originatorType, alarm.originatorId)},"severity":${JSON.stringify(alarm.severity)}` +
    `,"acknowledged":${alarm.acknowledged},"cleared":${alarm.cleared},"assigneeId":null,"startTs":${alarm.startTs},"endTs":${alarm.endTs}` +
    `,"ackTs":${alarm.ackTs},"clearTs":${alarm.clearTs},"assignTs":0,"details":${alarm.details ?? "{}"},"propagate":false` +
    `,"propagateToOwner":false,"propagateToTenant":false,"propagateRelationTypes":[]${detail === "info" ? originators : ""}` +
    `,"name":${JSON.stringify(alarm.type)},"status":"${statusOf(alarm)}"}`
  )
}

const save = Effect.fnUntraced(function* (body: JsonObject) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { version } = yield* Behavior
  const store = yield* Store
  const given = objectOf(body, "originator")
  const type = textOf(body, "type") ?? ""
  if (type === "") return yield* badRequest("Alarm type should be specified!")
  const originator = yield* findEntityOfAnyType(textOf(given, "entityType") ?? "", textOf(given, "id") ?? "")
  const details = objectOf(body, "details")
  const alarm = store.alarms.createOrUpdate({
    tenantId,
    originatorId: originator.id,
    originatorType: originator.type,
    type,
    severity: textOf(body, "severity") ?? "INDETERMINATE",
    details: details && printTree(details),
    now: yield* Clock.currentTimeMillis
  })
  return json(alarmJson(store, alarm, "alarm", version))
})

const findAlarm = Effect.fnUntraced(function* (givenId: string) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { alarms } = yield* Store
  const id = yield* parseUuid(givenId)
  const alarm = alarms.get(id)
  if (alarm === undefined || alarm.tenantId !== tenantId) return yield* entityNotFound("ALARM", id)
  yield* findEntityOfAnyType(alarm.originatorType, alarm.originatorId)
  return alarm
})

const acknowledgeOrClear = Effect.fnUntraced(function* (id: string, action: "acknowledge" | "clear") {
  const store = yield* Store
  const { version } = yield* Behavior
  const alarm = yield* findAlarm(id)
  const isDone = action === "clear" ? alarm.cleared : alarm.acknowledged
  if (isDone) return yield* badRequest(`Alarm was already ${action === "clear" ? "cleared" : "acknowledged"}!`)
  store.alarms[action](alarm.id, yield* Clock.currentTimeMillis)
  return json(alarmJson(store, store.alarms.get(alarm.id)!, "info", version))
})

const statuses = new Set(["ANY", "ACTIVE", "CLEARED", "ACK", "UNACK"])

const parseStatuses = (list: string | undefined): Effect.Effect<ReadonlyArray<string>, ErrorResponse> => {
  const given = list === undefined || list === "" ? [] : list.split(",")
  const invalid = given.find((status) => !statuses.has(status))
  return invalid === undefined
    ? Effect.succeed(given)
    : Effect.fail(badRequest(`No enum constant org.thingsboard.server.common.data.alarm.AlarmSearchStatus.${invalid}`))
}

const list = Effect.fnUntraced(function* (link: PageLink & { readonly statusList?: string }, originatorId?: string) {
  const caller = yield* requireTenantOrCustomer
  const { version } = yield* Behavior
  const store = yield* Store
  yield* checkPage(link)
  const { rows, total } = store.alarms.list({
    tenantId: caller.tenantId,
    originatorId,
    page: link.page,
    pageSize: link.pageSize,
    statuses: yield* parseStatuses(link.statusList)
  })
  const visible = rows.filter((alarm) => isVisible(store, caller, alarm.originatorType, alarm.originatorId))
  return json(
    page(
      visible.map((alarm) => alarmJson(store, alarm, "info", version)),
      total,
      link
    )
  )
})

export const AlarmsLayer = HttpApiBuilder.group(AdministrationApi, "alarms", (handlers) =>
  handlers
    .handleRaw("saveAlarm", ({ request }) => Effect.flatMap(readObject(request), save))
    .handle("acknowledgeAlarm", ({ params }) => acknowledgeOrClear(params.id, "acknowledge"))
    .handle("clearAlarm", ({ params }) => acknowledgeOrClear(params.id, "clear"))
    .handle("deleteAlarm", ({ params }) =>
      Effect.gen(function* () {
        const { alarms } = yield* Store
        alarms.remove((yield* findAlarm(params.id)).id)
        return json("true")
      })
    )
    .handle("alarmsOfEntity", ({ params, query }) =>
      Effect.flatMap(findEntityOfAnyType(params.entityType, params.entityId), ({ id }) => list(query, id))
    )
    .handle("alarms", ({ query }) => list(query))
)
