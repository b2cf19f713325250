import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
export const AttributesLive = HttpApiBuilder.group(Api, "attributes", (handlers) =>
  handlers
    .handle("read", () => Effect.die("not yet"))
    .handle("writeServer", () => Effect.die("not yet"))
    .handle("writeShared", () => Effect.die("not yet"))
)
