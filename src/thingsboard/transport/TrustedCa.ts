import { Context } from "effect"

/** The certificates (PEM) of the authorities that are trusted for ThingsBoard; undefined for the public ones. */
export const TrustedCa = Context.Reference<string | undefined>("boardwalk/thingsboard/transport/TrustedCa", {
  defaultValue: () => undefined
})
