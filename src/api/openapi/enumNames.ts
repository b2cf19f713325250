/**
 * Names of enum constants. Some generators, such as the ones for Go, put the constants of all enums into one namespace, together with the
 * types. These are the values that would collide there, or whose own text makes a poor name.
 */
import type { Schema } from "./model.ts"

const constantNames: Record<string, ReadonlyArray<string>> = {
  AttributeScope: ["ServerScope", "SharedScope", "ClientScope"],
  BatchProgress: ["BatchWaiting", "BatchStored", "BatchPartlyRejected", "BatchRejected"],
  DiagramFormat: ["Mermaid", "Graphviz"],
  GraphRootType: [
    "DeviceRoot",
    "AssetRoot",
    "EntityViewRoot",
    "CustomerRoot",
    "TenantRoot",
    "UserRoot",
    "DashboardRoot",
    "EdgeRoot",
    "RuleChainRoot",
    "DeviceProfileRoot",
    "AssetProfileRoot"
  ],
  ImportFormat: ["CsvFile", "JsonlFile"],
  ImportStatus: ["AllRowsStored", "SomeRowsStored", "NoRowStored", "RowsQueued"],
  NanCells: ["RejectNan", "NanIsGap"],
  NumericText: ["RefuseNumericText", "ConvertNumericText"],
  ReadinessStatus: ["Ready", "NotReady"],
  RepeatedTimes: ["RejectRepeatedTimes", "InferRepeatedTimes"],
  SortField: ["SortByCreatedTime", "SortByName", "SortByType", "SortByLabel"],
  SpoolLimit: ["SpoolBytes", "SpoolAge", "SpoolDisk", "SpoolMemory"],
  TimestampUnit: ["Seconds", "Milliseconds", "Microseconds", "Nanoseconds"],
  UploadStatus: ["Stored", "Failed", "Queued"],
  WriteStatus: ["WriteDone", "WriteQueued"]
}

/** Adds `x-enum-varnames` to the schemas, by component name. */
export const nameConstants = (schemas: Record<string, Schema>): Record<string, Schema> => ({
  ...schemas,
  ...Object.fromEntries(
    Object.entries(constantNames).map(([name, constants]) => [name, { ...schemas[name]!, "x-enum-varnames": constants }])
  )
})
