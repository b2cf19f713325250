import { Runtime, Schema } from "effect"

/** All issues of an invalid configuration. */
export class InvalidSettings extends Schema.TaggedError<InvalidSettings>()("InvalidSettings", {
  issues: Schema.Array(Schema.Struct({ variable: Schema.String, issue: Schema.String }))
}) {
  override readonly [Runtime.errorExitCode] = 2

  override get message() {
    const lines = this.issues.map(({ variable, issue }) => `  ${variable} ${issue}`)
    return [`The configuration has ${this.issues.length === 1 ? "an error" : `${this.issues.length} errors`}:`, ...lines].join("\n")
  }
}
