import type { HttpApiClient } from "effect/http-api"
import type { Api } from "../api/Api.ts"

/** The client that the framework derives from the contract. The functions of this folder replace a part of it. */
export type DerivedClient = HttpApiClient.ForApi<typeof Api>

/** What a function of the derived client takes, without the choice of what it returns. */
export type Request<Method extends (request: any) => unknown> = Omit<Parameters<Method>[0], "responseMode">
