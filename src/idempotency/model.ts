import { type Effect, Schema } from "effect"

/** A response that is returned again when its request is repeated. */
export interface KeptResponse {
  /** SHA-256 of the request, in hexadecimal. */
  readonly fingerprint: string
  /** Bytes of the request's body. A longer one cannot be the same, so it need not be read to its end. */
  readonly bodyBytes: number
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly contentType: string
  readonly body: Uint8Array
}

/** What a key names: one of a caller's requests. Keys of other callers, and of other operations, are different ones. */
export interface RequestName {
  /** Id of the API key. */
  readonly caller: string
  readonly operation: string
  readonly key: string
}

/** This request is the first, or no earlier one has a response that is kept. */
export interface Claimed {
  readonly _tag: "Claimed"
  /** Keeps the response, unless the claim has passed to another request meanwhile. */
  readonly keep: (response: KeptResponse) => Effect.Effect<void>
  /** Forgets the request, so that a repeat is carried out. */
  readonly release: Effect.Effect<void>
  /** Has to run as long as the request; it never ends. */
  readonly renew: Effect.Effect<never>
}

export type Claim = Claimed | { readonly _tag: "Running" } | { readonly _tag: "Finished"; readonly response: KeptResponse }

/** Redis is configured and cannot be used, so it is not known whether the request was made before. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {}) {}

export interface Store {
  /** Claims a request for whoever asks first. */
  readonly claim: (name: RequestName) => Effect.Effect<Claim, StoreUnavailable>
}
