import { HttpApiMiddleware } from "effect/http-api"
import { Caller } from "../auth/Caller.ts"
import { ErrorResponse } from "../http/ErrorResponse.ts"

/** Authenticates and checks each request before its handler, and turns errors, its own and the handlers', into ThingsBoard's responses. */
export class RequestGate extends HttpApiMiddleware.Service<RequestGate, { provides: Caller }>()("boardwalk/emulator/api/RequestGate", {
  error: ErrorResponse
}) {}
