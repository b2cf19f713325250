/** `boardwalk keys`: the file of API keys, edited whole or not at all. A verb or two a file, `keys<Verb>.ts`. */
import { Command } from "effect/cli"
import { enable, extend, revoke } from "./keysChange.ts"
import { create } from "./keysCreate.ts"
import { list } from "./keysList.ts"
import { verify } from "./keysVerify.ts"

export const keys = Command.make("keys").pipe(
  Command.withDescription("Make, list, disable and check API keys"),
  Command.withSubcommands([create, list, revoke, enable, extend, verify])
)
