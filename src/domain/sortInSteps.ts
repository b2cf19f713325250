import type { IsTurnOver, Steps } from "./Steps.ts"

/** Elements that are sorted at once. */
const maxRun = 512

/** Elements between two looks at the clock. */
const perLook = 256

/** Sorts in steps, stably: short runs are sorted at once, and merged until one is left. */
export function* sortInSteps<A>(
  elements: ReadonlyArray<A>,
  compare: (a: A, b: A) => number,
  isTurnOver: IsTurnOver
): Steps<ReadonlyArray<A>> {
  let runs: Array<ReadonlyArray<A>> = []
  for (let from = 0; from < elements.length; from += maxRun) {
    runs.push(elements.slice(from, from + maxRun).sort(compare))
    if (isTurnOver()) yield
  }
  while (runs.length > 1) {
    const merged: Array<ReadonlyArray<A>> = []
    for (let n = 0; n < runs.length; n += 2) merged.push(yield* merge(runs[n]!, runs[n + 1] ?? [], compare, isTurnOver))
    runs = merged
  }
  return runs[0] ?? []
}

function* merge<A>(
  left: ReadonlyArray<A>,
  right: ReadonlyArray<A>,
  compare: (a: A, b: A) => number,
  isTurnOver: IsTurnOver
): Steps<ReadonlyArray<A>> {
  const merged: Array<A> = []
  for (let [l, r] = [0, 0]; l < left.length || r < right.length;) {
    const takesLeft = r >= right.length || (l < left.length && compare(left[l]!, right[r]!) <= 0)
    merged.push(takesLeft ? left[l++]! : right[r++]!)
    if (merged.length % perLook === 0 && isTurnOver()) yield
  }
  return merged
}
