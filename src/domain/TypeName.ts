/** Names of device types and asset types, where they select devices or assets. */
import { Schema } from "effect"

const maxLength = 255

/** ThingsBoard ignores a type without any character beyond U+0020 and returns everything. No type has control characters. */
// oxlint-disable-next-line no-control-regex -- it matches control characters
const notBlank = /^[^\u0000-\u001F\u007F-\u009F]*[^\s\uFEFF\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$/u

/** A type that a request asks for. */
export const TypeName = Schema.String.check(
  // PostgreSQL cannot store them. First, since the JSON schema gets its description from the last check.
  Schema.makeFilter((name: string) => name.isWellFormed(), { message: "Expected the name of a type without broken surrogates" }),
  Schema.isPattern(notBlank, { message: "Expected the name of a type: not blank, without control characters" }),
  Schema.isMaxLength(maxLength, { message: `Expected a name of at most ${maxLength} characters` })
)

/** A type that a key is restricted to. Blanks around it were hardly meant, and would select nothing. */
export const RestrictingTypeName = TypeName.check(
  Schema.makeFilter((name: string) => name.trim() === "" || name === name.trim(), {
    message: "Expected the name of a type without blanks around it"
  })
)
