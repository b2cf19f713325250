/** The calls of the group `attributes`, with exact values. */
import { Effect } from "effect"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../api/Api.ts"
import type { DerivedClient, Request } from "./DerivedClient.ts"
import { decodeExactly, sendExactly } from "./exactBody.ts"
import type { ExactValue } from "./exactJson.ts"
import { AttributesResult } from "./ExactValues.ts"

type Attributes = DerivedClient["attributes"]
type Write = Omit<Request<Attributes["writeServer"]>, "payload"> & { readonly payload: Readonly<Record<string, ExactValue>> }

const readAttributes = decodeExactly(AttributesResult, HttpApiClient.decodeResponse(Api, { group: "attributes", endpoint: "read" }))

export const makeAttributes = (derived: Attributes) => ({
  read: (request: Request<Attributes["read"]>) =>
    Effect.flatMap(derived.read({ ...request, responseMode: "response-only" }), readAttributes),

  writeServer: (request: Write) => sendExactly(request.payload, (payload) => derived.writeServer({ ...request, payload })),

  writeShared: (request: Write) => sendExactly(request.payload, (payload) => derived.writeShared({ ...request, payload }))
})
