import { Effect } from "effect"
import { printableMessage, run } from "./cli/Cli.ts"
import * as Runtime from "./platform/Runtime.ts"

Runtime.runMain(Effect.provide(run, Runtime.layer), printableMessage)
