/**
 * The API contract. The server, `openapi.json`, the documentation pages, the typed client and the tests are all derived from it.
 * This folder imports `effect` and the domain, never the server: it is part of the package that other programs install.
 */
import { HttpApi, OpenApi } from "effect/http-api"
import { Assets } from "./groups/Assets.ts"
import { Attributes } from "./groups/Attributes.ts"
import { Devices } from "./groups/Devices.ts"
import { Graph } from "./groups/Graph.ts"
import { System } from "./groups/System.ts"
import { Telemetry } from "./groups/Telemetry.ts"
import { SchemaErrors } from "./middleware/SchemaErrors.ts"

/** The base path of the FastAPI proxy, kept so that its clients work unchanged. */
export const basePath = "/api/v1/tb"

const base = HttpApi.make("boardwalk")
  .add(Devices, Assets, Graph, Telemetry, Attributes)
  .prefix(basePath)
  .add(System)
  .middleware(SchemaErrors) // last, so outermost
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotate(HttpApi.QueryParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotate(HttpApi.PayloadParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotateMerge(
    OpenApi.annotations({
      title: "Boardwalk",
      version: "0.1.0",
      description: "A typed, secure REST API in front of ThingsBoard.",
      license: { name: "MIT" }
    })
  )

export class Api extends base {}
