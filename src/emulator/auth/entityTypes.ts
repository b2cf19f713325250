/** ThingsBoard's entity types (`EntityType` of 4.1). The emulator stores entities of a few of them only; the others have none. */
const entityTypes: ReadonlySet<string> = new Set([
  "TENANT",
  "CUSTOMER",
  "USER",
  "DASHBOARD",
  "ASSET",
  "DEVICE",
  "ALARM",
  "RULE_CHAIN",
  "RULE_NODE",
  "ENTITY_VIEW",
  "WIDGETS_BUNDLE",
  "WIDGET_TYPE",
  "TENANT_PROFILE",
  "DEVICE_PROFILE",
  "ASSET_PROFILE",
  "API_USAGE_STATE",
  "TB_RESOURCE",
  "OTA_PACKAGE",
  "EDGE",
  "RPC",
  "QUEUE",
  "NOTIFICATION_TARGET",
  "NOTIFICATION_TEMPLATE",
  "NOTIFICATION_REQUEST",
  "NOTIFICATION",
  "NOTIFICATION_RULE",
  "QUEUE_STATS",
  "OAUTH2_CLIENT",
  "DOMAIN",
  "MOBILE_APP",
  "MOBILE_APP_BUNDLE",
  "CALCULATED_FIELD",
  "CALCULATED_FIELD_LINK",
  "JOB"
])

export const isEntityType = (type: string): boolean => entityTypes.has(type)

/** The types that entity queries have a table for (`DefaultEntityQueryRepository.entityTableMap`); queries of others fail. */
const queryableTypes: ReadonlySet<string> = new Set([
  "ASSET",
  "DEVICE",
  "ENTITY_VIEW",
  "DASHBOARD",
  "CUSTOMER",
  "USER",
  "TENANT",
  "API_USAGE_STATE",
  "EDGE",
  "RULE_CHAIN",
  "DEVICE_PROFILE",
  "ASSET_PROFILE",
  "TENANT_PROFILE",
  "QUEUE_STATS"
])

/** Those of them whose table has no column for a customer. Queries of a customer's users compare that column, and fail. */
const typesWithoutCustomer: ReadonlySet<string> = new Set([
  "RULE_CHAIN",
  "DEVICE_PROFILE",
  "ASSET_PROFILE",
  "TENANT_PROFILE",
  "QUEUE_STATS"
])

/** Whether an entity query by type or by ids works for entities of this type. */
export const isQueryable = (type: string, isCustomerUser: boolean): boolean =>
  queryableTypes.has(type) && !(isCustomerUser && typesWithoutCustomer.has(type))
