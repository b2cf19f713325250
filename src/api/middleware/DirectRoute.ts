import { Context } from "effect"

/**
 * Annotates one of the endpoints that are requested most often: besides the framework's route, the gateway compiles a direct one, which costs less per request.
 * Only for GET without a body and without header parameters, and for POST with a handler that reads the body itself. Handlers must return a
 * complete `HttpServerResponse`.
 */
export class DirectRoute extends Context.Service<DirectRoute, true>()("boardwalk/api/middleware/DirectRoute") {}
