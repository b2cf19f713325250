import { HttpApiMiddleware } from "effect/http-api"
import { Caller } from "../Caller.ts"
import { Refusal } from "../Refusal.ts"

/** Lets in whoever may come in, and answers every refusal, its own and the handlers', as ThingsBoard does. */
export class Door extends HttpApiMiddleware.Service<Door, { provides: Caller }>()("boardwalk/emulator/Door", { error: Refusal }) {}
