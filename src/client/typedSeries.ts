/** Time series whose values have the types that the caller names. */
import { Effect, Result, Schema } from "effect"
import { type Series, Point } from "./ExactValues.ts"

/** What the values of a key are: a schema that decodes them, or the name of a simple type. */
export type ValueType = "number" | "text" | "boolean" | Schema.ConstraintDecoder<unknown>

export type ValueOf<T extends ValueType> = T extends "number"
  ? number
  : T extends "text"
    ? string
    : T extends "boolean"
      ? boolean
      : T extends Schema.ConstraintDecoder<infer A>
        ? A
        : never

/** The points of each key, oldest first; empty for a key without points in the range. */
export type TypedSeries<Types extends Readonly<Record<string, ValueType>>> = {
  readonly [Key in keyof Types]: ReadonlyArray<{ readonly ts: number; readonly value: ValueOf<Types[Key]> }>
}

/** Values that do not have the type that the caller named, with one error per key. */
export class UnexpectedValues extends Schema.TaggedError<UnexpectedValues>()("UnexpectedValues", {
  errors: Schema.Array(Schema.Struct({ key: Schema.String, issue: Schema.String }))
}) {
  override get message() {
    return this.errors.map(({ issue, key }) => `${key}: ${issue}`).join("\n")
  }
}

const simpleTypes = { number: Schema.Finite, text: Schema.String, boolean: Schema.Boolean } as const

const decoderOf = (type: ValueType) =>
  Schema.decodeUnknownResult(
    Schema.Array(Schema.Struct({ ts: Point.fields.ts, value: typeof type === "string" ? simpleTypes[type] : type }))
  )

export const decodeTypedSeries = <const Types extends Readonly<Record<string, ValueType>>>(
  types: Types
): ((series: Series) => Effect.Effect<TypedSeries<Types>, UnexpectedValues>) => {
  const decoders = Object.entries(types).map(([key, type]) => [key, decoderOf(type)] as const)
  return (series) => {
    const decoded = decoders.map(([key, decode]) => [key, decode(Object.hasOwn(series, key) ? series[key] : [])] as const)
    const errors = decoded.flatMap(([key, result]) => (Result.isFailure(result) ? [{ key, issue: String(result.failure.message) }] : []))
    if (errors.length > 0) return Effect.fail(new UnexpectedValues({ errors }))
    return Effect.succeed(
      Object.fromEntries(
        decoded.map(([key, result]) => [key, Result.isSuccess(result) ? result.success : []])
      ) as unknown as TypedSeries<Types>
    )
  }
}
