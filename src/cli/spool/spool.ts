/** `boardwalk spool`: looks into the queue of uploads, and changes it. One file per subcommand. */
import { Command } from "effect/cli"
import { drop } from "./drop.ts"
import { list } from "./list.ts"
import { retry } from "./retry.ts"
import { status } from "./status.ts"

export const spool = Command.make("spool").pipe(
  Command.withDescription("Look into the queue of uploads, and retry or drop what is in it"),
  Command.withSubcommands([status, list, retry, drop])
)
