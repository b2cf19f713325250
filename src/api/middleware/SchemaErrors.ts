import { HttpApiMiddleware } from "effect/http-api"
import { InternalError, InvalidRequest } from "../Problems.ts"

/** Turns the errors of a request that does not match its schemas into one problem that lists all of them. */
export class SchemaErrors extends HttpApiMiddleware.Service<SchemaErrors>()("boardwalk/api/middleware/SchemaErrors", {
  error: [InvalidRequest, InternalError]
}) {}
