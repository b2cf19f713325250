/**
 * Whether the caller may read the credentials that entities contain, such as an SNMP community. Everything that returns an entity as the
 * bytes that ThingsBoard sent goes through one of the functions here.
 */
import { Context, Effect } from "effect"
import type { BytesPage } from "../../domain/Page.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { withoutCredentials } from "../../thingsboard/responses/CredentialFilter.ts"

/** True for a key with the scope `credentials:read`. Nobody may read credentials unless a request was authenticated with such a key. */
export const CurrentCredentialAccess = Context.Reference<boolean>("boardwalk/services/access/CurrentCredentialAccess", {
  defaultValue: () => false
})

/** Removes credentials with `filter`, unless the caller may read them. */
const filterFor =
  <A>(filter: (found: A) => Effect.Effect<A, ThingsBoardError>) =>
  <E, R>(read: Effect.Effect<A, E, R>): Effect.Effect<A, E | ThingsBoardError, R> =>
    Effect.withFiber((fiber) => (fiber.getRef(CurrentCredentialAccess) ? read : Effect.flatMap(read, filter)))

/** One entity, without credentials that the caller may not read. */
export const hideCredentials = filterFor<Uint8Array>(withoutCredentials)

/** A page of entities, without credentials that the caller may not read. */
export const hideCredentialsInPage = filterFor<BytesPage>((page) =>
  Effect.map(withoutCredentials(page.items), (items) => (items === page.items ? page : { ...page, items }))
)
