/**
 * Lists for people stop at a limit. This is the last entry of such a list, for the items that were left out: "and 7 more errors".
 * Returns no entry when nothing was left out.
 */
export const andMore = (omitted: number, item: string): ReadonlyArray<string> =>
  omitted > 0 ? [`and ${omitted} more ${item}${omitted === 1 ? "" : "s"}`] : []
