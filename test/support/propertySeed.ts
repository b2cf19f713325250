const { PROPERTY_SEED = "1" } = process.env

/** The seed of generated test data: the same on every machine, so that a change that passes on one passes on all. PROPERTY_SEED selects another one: a number, or `random`. */
export const propertySeed = PROPERTY_SEED === "random" ? Math.floor(Math.random() * 1e9) : Number(PROPERTY_SEED)

// Nothing else would show it when a test fails.
if (PROPERTY_SEED === "random") console.log(`PROPERTY_SEED=${propertySeed}`)
