/**
 * Work in steps: a generator that yields where other work may come between. Each step is short, even if the work as a whole takes
 * seconds; `platform/EventLoop` runs the steps in as many turns of the event loop as they need.
 */
export type Steps<A> = Generator<void, A, void>

/** Whether the current turn has taken so long that the next step should wait. It looks at the clock: ask once per some dozen elements. */
export type IsTurnOver = () => boolean

/** For work that is known to be short. */
export const never: IsTurnOver = () => false

/** Runs all steps at once. */
export const runAtOnce = <A>(steps: Steps<A>): A => {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
}
