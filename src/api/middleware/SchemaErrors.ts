import { HttpApiMiddleware } from "effect/http-api"
import { InternalError, InvalidRequest } from "../Problems.ts"

/** Turns a request that does not fit its declaration into one problem that names every fault. */
export class SchemaErrors extends HttpApiMiddleware.Service<SchemaErrors>()("boardwalk/api/middleware/SchemaErrors", {
  error: [InvalidRequest, InternalError]
}) {}
