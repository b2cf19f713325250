/**
 * The part of ThingsBoard's REST API that Boardwalk uses. The typed client is derived from it, and the emulator serves it.
 *
 * Only successful responses are declared. Error bodies are JSON, text, a bare JSON string or empty, and `transport/classify.ts` handles
 * them before the typed client sees them. Telemetry is uploaded as ready-made text, so that the digits of numbers stay as they are.
 */
import { HttpApi } from "effect/http-api"
import { Assets } from "./Assets.ts"
import { Auth } from "./Auth.ts"
import { Devices } from "./Devices.ts"
import { EntityQueries } from "./EntityQueries.ts"
import { Relations } from "./Relations.ts"
import { Telemetry } from "./Telemetry.ts"

export class ThingsBoardApi extends HttpApi.make("thingsboard").add(Auth, Devices, Assets, Telemetry, Relations, EntityQueries) {}
