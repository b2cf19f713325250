/** JSON whose numbers keep their spelling: `JSON.parse` alone would lose integers beyond 2^53 and the ends of long decimals. */

/** A JSON value; a number is the token that was sent, made by `JSON.rawJSON`. */
export type Exact = null | boolean | string | RawNumber | ReadonlyArray<Exact> | { readonly [key: string]: Exact }

export interface RawNumber {
  readonly rawJSON: string
}

interface RawJson {
  readonly rawJSON: (text: string) => RawNumber
  readonly isRawJSON: (value: unknown) => value is RawNumber
  readonly parse: (text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown) => unknown
  readonly stringify: (value: unknown) => string
}

/** The runtime has these members of ES2026; the type library has not yet. */
const exactJson = JSON as unknown as RawJson

export const isRawNumber = (value: unknown): value is RawNumber => exactJson.isRawJSON(value)

/** Reads JSON; throws a SyntaxError when it is none. */
export const parse = (text: string): Exact =>
  exactJson.parse(text, (_key, value, context) =>
    typeof value === "number" && context.source !== undefined ? exactJson.rawJSON(context.source) : value
  ) as Exact

/** Writes JSON with the very tokens that were read. */
export const print = (value: Exact): string => exactJson.stringify(value)
