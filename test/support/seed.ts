/** Gives property tests their seed (`preload` in bunfig.toml). */
import * as fc from "fast-check"
import { propertySeed } from "./propertySeed.ts"

fc.configureGlobal({ seed: propertySeed })
