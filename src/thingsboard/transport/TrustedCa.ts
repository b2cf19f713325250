import { Context } from "effect"

/** Certificates (PEM) of the authorities trusted for ThingsBoard (TB_CA_FILE); undefined for the public ones. */
export const TrustedCa = Context.Reference<string | undefined>("boardwalk/thingsboard/transport/TrustedCa", {
  defaultValue: () => undefined
})
