import { Effect } from "effect"
import { run } from "./cli/Cli.ts"
import * as Runtime from "./platform/Runtime.ts"

run.pipe(Effect.provide(Runtime.layer), Runtime.runMain)
