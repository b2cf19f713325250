/**
 * Checks query and path parameters as Spring does before it calls a controller, with Spring's messages for missing and malformed ones
 * (recorded in `devices.json`, `telemetry-read.json` and `params-43.json`).
 */
import type { Behavior } from "../Behavior.ts"
import { badRequest, conditionsNotMet, internalError, type ErrorResponse, plainText } from "./ErrorResponse.ts"

type Version = Behavior["Service"]["version"]
export type Query = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

const javaTypes: Readonly<Record<string, string>> = {
  pageSize: "int",
  page: "int",
  limit: "java.lang.Integer",
  startTs: "java.lang.Long",
  endTs: "java.lang.Long",
  startTime: "java.lang.Long",
  endTime: "java.lang.Long",
  interval: "java.lang.Long",
  ttl: "java.lang.Long",
  useStrictDataTypes: "java.lang.Boolean",
  active: "java.lang.Boolean",
  enabledValue: "java.lang.Boolean",
  activeOnly: "boolean",
  deleteAllDataForKeys: "boolean",
  deleteLatest: "boolean",
  rewriteLatestIfDeleted: "boolean",
  userCredentialsEnabled: "boolean"
}

/** The enums that Spring converts; the controllers parse the others themselves. */
const enums: Readonly<Record<string, { readonly type: string; readonly from: string; readonly values: ReadonlyArray<string> }>> = {
  scope: {
    type: "org.thingsboard.server.common.data.AttributeScope",
    from: "PathVariable",
    values: ["CLIENT_SCOPE", "SERVER_SCOPE", "SHARED_SCOPE"]
  },
  intervalType: {
    type: "org.thingsboard.server.common.data.kv.IntervalType",
    from: "RequestParam",
    values: ["MILLISECONDS", "WEEK", "WEEK_ISO", "MONTH", "QUARTER"]
  }
}

/** 500 in 4.1; 400 from 4.2. */
const typeMismatch = (version: Version, name: string, type: string, reason: string) =>
  (version === "4.1" ? internalError : badRequest)(
    `Method parameter '${name}': Failed to convert value of type 'java.lang.String' to required type '${type}'; ${reason}`
  )

const isInteger = (value: string, bits: 32n | 64n) => {
  if (!/^[+-]?\d+$/.test(value)) return false
  const number = BigInt(value.replace("+", ""))
  return number >= -(2n ** (bits - 1n)) && number < 2n ** (bits - 1n)
}

const booleans = /^(true|on|yes|1|false|off|no|0)$/i

/** The error for a malformed parameter; undefined if it is valid. */
export const checkParameter = (version: Version, name: string, value: string): ErrorResponse | undefined => {
  const javaEnum = enums[name]
  if (javaEnum !== undefined) {
    const reason = `Failed to convert from type [java.lang.String] to type [@io.swagger.v3.oas.annotations.Parameter @org.springframework.web.bind.annotation.${javaEnum.from} ${javaEnum.type}] for value [${value}]`
    return javaEnum.values.includes(value) ? undefined : typeMismatch(version, name, javaEnum.type, reason)
  }
  const type = javaTypes[name]
  if (type === undefined) return undefined
  if (/boolean/i.test(type)) {
    return booleans.test(value) ? undefined : typeMismatch(version, name, type, `Invalid boolean value [${value}]`)
  }
  return isInteger(value, type.endsWith("Long") ? 64n : 32n) ? undefined : typeMismatch(version, name, type, `For input string: "${value}"`)
}

/** The required parameters of a path, with their Java types. */
const requiredParameters = (path: string): ReadonlyArray<readonly [name: string, type: string]> => {
  if (path === "/api/devices") return [["deviceIds", "String[]"]]
  if (path === "/api/assets") return [["assetIds", "String[]"]]
  if (path.endsWith("/values/timeseries/history")) {
    return [
      ["startTs", "Long"],
      ["endTs", "Long"]
    ]
  }
  const isList =
    /^\/api\/(tenant|customer\/:customerId)\/(device|asset)(s|Infos)$|Profile(Info)?s$|^\/api\/(tenants|customers)$|apiKeys|v2\/alarm/.test(
      path
    )
  return isList
    ? [
        ["pageSize", "int"],
        ["page", "int"]
      ]
    : []
}

const printQuery = (query: Query) =>
  Object.entries(query)
    .map(([name, value]) => `${name}={${String(value)}}`)
    .join(", ")

/**
 * Until 4.3.1.1, `pageSize` and `page` were part of the route of a list. Without them, `/api/tenant/devices` matched the route of a
 * tenant with the id "devices".
 */
const missingParameter = (version: Version, path: string, name: string, type: string, query: Query): ErrorResponse => {
  if (version === "4.3") return internalError(`Required request parameter '${name}' for method parameter type ${type} is not present`)
  const tenant = /^\/api\/tenant\/(\w+)$/.exec(path)
  if (tenant !== null) return badRequest(`Invalid UUID string: ${tenant[1]}`)
  const names = requiredParameters(path).map(([required]) => required)
  return conditionsNotMet(`Parameter conditions "${names.join(", ")}" not met for actual request parameters: ${printQuery(query)}`)
}

const aggregations = new Set(["MIN", "MAX", "AVG", "SUM", "COUNT", "NONE"])

/** The parameters that controllers parse themselves. */
const checkByController = (path: string, query: Query): ErrorResponse | undefined => {
  const { agg, orderBy, sortOrder, sortProperty } = query
  if (typeof sortProperty === "string" && typeof sortOrder === "string" && !["ASC", "DESC"].includes(sortOrder)) {
    return badRequest(`Unsupported sort order '${sortOrder}'! Only 'ASC' or 'DESC' types are allowed.`)
  }
  if (!path.includes("/values/timeseries")) return undefined
  if (typeof agg === "string" && !aggregations.has(agg)) {
    return badRequest(`No enum constant org.thingsboard.server.common.data.kv.Aggregation.${agg}`)
  }
  if (typeof orderBy === "string" && !/^(asc|desc)$/i.test(orderBy)) {
    return plainText(400, `Invalid value '${orderBy}' for orders given; Has to be either 'desc' or 'asc' (case insensitive)`)
  }
  return undefined
}

/** The first invalid parameter's error, if any. `path` is the endpoint's path template, with `:names`. */
export const checkParameters = (version: Version, path: string, query: Query): ErrorResponse | undefined => {
  for (const [name, type] of requiredParameters(path)) {
    const value = query[name]
    if (value === undefined) return missingParameter(version, path, name, type, query)
  }
  for (const [name, value] of Object.entries(query)) {
    const invalid = typeof value === "string" ? checkParameter(version, name, value) : undefined
    if (invalid !== undefined) return invalid
  }
  return checkByController(path, query)
}
