/** `boardwalk keys`: manages the key file. One file per subcommand. */
import { Command } from "effect/cli"
import { create } from "./create.ts"
import { enable } from "./enable.ts"
import { extend } from "./extend.ts"
import { list } from "./list.ts"
import { revoke } from "./revoke.ts"
import { verify } from "./verify.ts"

export const keys = Command.make("keys").pipe(
  Command.withDescription("Create, list, disable and verify API keys"),
  Command.withSubcommands([create, list, revoke, enable, extend, verify])
)
