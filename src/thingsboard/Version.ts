import { Option, Schema } from "effect"

const decodeInfo = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))

/** `GET /api/system/info`; any user may ask. */
export const systemInfoPath = "/api/system/info"

/** The release's numbers, such as `[4, 3, 1, 3]`; none when the answer does not tell. */
export const parseVersion = (info: string): ReadonlyArray<number> =>
  Option.match(decodeInfo(info), { onNone: () => [], onSome: ({ version }) => (version.match(/\d+/g) ?? []).map(Number) })

export const isAtLeast = (version: ReadonlyArray<number>, least: ReadonlyArray<number>): boolean => {
  for (const [i, number] of least.entries()) {
    const given = version[i] ?? 0
    if (given !== number) return given > number
  }
  return true
}
