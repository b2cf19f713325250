/**
 * Gives property tests a fixed seed (`preload` in bunfig.toml), so that a change that passes on one machine passes on all.
 * PROPERTY_SEED selects other cases: a number, or `random`.
 */
import * as fc from "fast-check"

const { PROPERTY_SEED = "1" } = process.env
if (PROPERTY_SEED !== "random") fc.configureGlobal({ seed: Number(PROPERTY_SEED) })
