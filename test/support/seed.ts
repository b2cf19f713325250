/**
 * Property tests draw the same cases each time (`preload` in bunfig.toml), so that a change that passes here passes everywhere.
 * PROPERTY_SEED draws others: a number, or `random`.
 */
import * as fc from "fast-check"

const { PROPERTY_SEED = "1" } = process.env
if (PROPERTY_SEED !== "random") fc.configureGlobal({ seed: Number(PROPERTY_SEED) })
