import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
export const GraphLive = HttpApiBuilder.group(Api, "graph", (handlers) => handlers.handle("around", () => Effect.die("not yet")))
