/** Flags that several verbs share, and what they override. */
import { Option } from "effect"
import { Flag } from "effect/cli"
import type { Overrides } from "../config/Settings.ts"

export const port = Flag.String("port").pipe(
  Flag.withAlias("p"),
  Flag.withMetavar("number"),
  Flag.withDescription("Port to listen on, instead of PORT; 0 takes any free one"),
  Flag.optional
)

export const host = Flag.String("host").pipe(
  Flag.withMetavar("address"),
  Flag.withDescription("Address to listen on, instead of HOST"),
  Flag.optional
)

export const json = Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))

export const overridesOf = (flags: { readonly port: Option.Option<string>; readonly host: Option.Option<string> }): Overrides => ({
  ...(Option.isSome(flags.port) ? { PORT: flags.port.value } : {}),
  ...(Option.isSome(flags.host) ? { HOST: flags.host.value } : {})
})
