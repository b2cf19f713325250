import { HttpApiMiddleware } from "effect/http-api"
import { Caller } from "../auth/Caller.ts"
import { ErrorResponse } from "../http/ErrorResponse.ts"

/** Lets in whoever may come in, and answers every refusal, its own and the handlers', as ThingsBoard does. */
export class RequestGate extends HttpApiMiddleware.Service<RequestGate, { provides: Caller }>()("boardwalk/emulator/api/RequestGate", {
  error: ErrorResponse
}) {}
