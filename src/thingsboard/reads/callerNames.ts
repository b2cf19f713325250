import type { Visibility } from "../../domain/Visibility.ts"

let count = 0

/**
 * A name for each kind of caller of one user of ThingsBoard: one for all unrestricted ones, and one per restriction, which is one per key.
 * No other user, and no later session of the same user, has the same names.
 */
export const makeCallerNames = () => {
  const unrestricted = String(count++)
  const restricted = new WeakMap<Visibility, string>()
  return (visibility: Visibility | undefined): string => {
    if (visibility === undefined) return unrestricted
    const known = restricted.get(visibility)
    if (known !== undefined) return known
    const made = String(count++)
    restricted.set(visibility, made)
    return made
  }
}
