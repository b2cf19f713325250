/** `boardwalk keys`: the file of API keys, edited whole or not at all. A verb or two a file, `keys<Verb>.ts`. */
import { Command } from "effect/cli"
import { enable, extend, revoke } from "./change.ts"
import { create } from "./create.ts"
import { list } from "./list.ts"
import { verify } from "./verify.ts"

export const keys = Command.make("keys").pipe(
  Command.withDescription("Make, list, disable and check API keys"),
  Command.withSubcommands([create, list, revoke, enable, extend, verify])
)
