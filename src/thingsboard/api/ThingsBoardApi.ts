/**
 * The part of ThingsBoard's REST API that Boardwalk uses, once. The client is derived from it, and the emulator serves it.
 *
 * Only successes are declared: errors come as JSON, as text, as a bare JSON string or empty, and are told apart before the
 * derived client sees them (`ThingsBoard.ts`). Telemetry goes up as ready-made text, so that no digit of a number is re-printed.
 */
import { HttpApi } from "effect/http-api"
import { Assets } from "./Assets.ts"
import { Auth } from "./Auth.ts"
import { Devices } from "./Devices.ts"
import { EntityQueries } from "./EntityQueries.ts"
import { Relations } from "./Relations.ts"
import { Telemetry } from "./Telemetry.ts"

export class ThingsBoardApi extends HttpApi.make("thingsboard").add(Auth, Devices, Assets, Telemetry, Relations, EntityQueries) {}
