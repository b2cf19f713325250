import { Option, Schema } from "effect"

const decodeInfo = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))

/** Any user may read it. */
export const systemInfoPath = "/api/system/info"

/** The numbers of the release, such as `[4, 3, 1, 3]`; empty when the response does not contain them. */
export const parseVersion = (info: string): ReadonlyArray<number> =>
  Option.match(decodeInfo(info), { onNone: () => [], onSome: ({ version }) => (version.match(/\d+/g) ?? []).map(Number) })

export const isAtLeast = (version: ReadonlyArray<number>, min: ReadonlyArray<number>): boolean => {
  for (const [i, number] of min.entries()) {
    const found = version[i] ?? 0
    if (found !== number) return found > number
  }
  return true
}
