import { Context, type Redacted } from "effect"

/** The password or API key of the gateway, where its file has changed since the start. */
export interface SecretSource {
  current: Redacted.Redacted<string> | undefined
  /** Called after each change. */
  onChange: (() => void) | undefined
}

/** Undefined if the secret cannot change. */
export const CurrentSecretSource = Context.Reference<SecretSource | undefined>("boardwalk/thingsboard/auth/CurrentSecretSource", {
  defaultValue: () => undefined
})
