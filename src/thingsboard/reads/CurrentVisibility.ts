import { Context } from "effect"
import type { Visibility } from "../../domain/Visibility.ts"

/**
 * The caller's restriction; undefined if the caller may see everything that the gateway's user may see. Set when a request is
 * authenticated. Calls do not apply it, the services do; but callers with different restrictions share no reads, so it is defined here.
 */
export const CurrentVisibility = Context.Reference<Visibility | undefined>("boardwalk/services/access/CurrentVisibility", {
  defaultValue: () => undefined
})
