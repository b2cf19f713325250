import { Console, Effect, FileSystem, Layer } from "effect"
import { Command } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import type { Overrides } from "../config/Settings.ts"
import { BunHttpServer } from "../platform/BunHttpServer.ts"
import { port, text, toOverrides } from "./flags.ts"
import { makeGatewayLayer } from "./gateway.ts"
import { untilStopped } from "../platform/Runtime.ts"

const demoHost = text("host", "Address to listen on; 127.0.0.1 by default, 0.0.0.0 for all of the machine's addresses", "address")

const randomKey = () => `demo_${Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("base64url")}`

interface BannerValues {
  readonly url: string
  readonly apiKey: string
  readonly deviceId: string
  readonly emulator: { readonly url: string; readonly username: string; readonly password: string }
}

const banner = ({ apiKey, deviceId, emulator, url }: BannerValues) => `
  Boardwalk's demo is running: the gateway in front of a ThingsBoard emulator with a building full of devices.

  API         ${url}/api/v1/tb
  Docs        ${url}/docs
  Reference   ${url}/reference
  Emulator    ${emulator.url}  (user ${emulator.username}, password ${emulator.password})
  Key         ${apiKey}  (new at every start)

  Try it in another terminal:

    curl -H 'X-API-Key: ${apiKey}' '${url}/api/v1/tb/devices?page_size=3'
    curl -H 'X-API-Key: ${apiKey}' '${url}/api/v1/tb/devices/${deviceId}/telemetry/latest'

  Press Ctrl+C to stop it.
`

/** The device for the second curl command. */
const firstDevice = Effect.fnUntraced(function* (baseUrl: string, apiKey: string) {
  const { make } = yield* Effect.promise(() => import("../client/BoardwalkClient.ts"))
  const boardwalk = yield* make({ baseUrl, apiKey })
  const { data } = yield* boardwalk.devices.list({ query: { page_size: 1 } })
  return data[0]?.id.id ?? "DEVICE_ID"
}, Effect.provide(FetchHttpClient.layer))

/**
 * A queue for the time of the demo. It is never the one that the settings name: the emulator does not know the devices whose points wait there.
 * Without a place for it, the demo works without a queue.
 */
const temporaryQueue = Effect.flatMap(FileSystem.FileSystem, (files) =>
  Effect.match(files.makeTempDirectoryScoped({ prefix: "boardwalk-demo-" }), {
    onSuccess: (folder): Overrides => ({ SPOOL_DIR: folder }),
    onFailure: (): Overrides => ({ SPOOL_DIR: "", SPOOL: "" })
  })
)

export const demo = Command.make(
  "demo",
  { port, host: demoHost },
  Effect.fnUntraced(function* (flags) {
    const { Emulator } = yield* Effect.promise(() => import("../emulator/Emulator.ts"))
    const apiKey = randomKey()
    const BannerLayer = Layer.effectDiscard(
      Effect.gen(function* () {
        const { url } = yield* BunHttpServer
        const deviceId = yield* firstDevice(url, apiKey)
        yield* Console.log(banner({ url, apiKey, deviceId, emulator: yield* Emulator }))
      })
    )
    const GatewayLayer = Layer.unwrap(
      Effect.gen(function* () {
        const { password, url, username } = yield* Emulator
        const queue = yield* temporaryQueue
        return makeGatewayLayer({
          HOST: "127.0.0.1", // the demo is for its own machine, unless --host says otherwise
          ...toOverrides(flags),
          TB_HOST: url,
          TB_USERNAME: username,
          TB_PASSWORD: password,
          TB_API_KEY: "",
          API_KEY: apiKey,
          API_KEYS_FILE: "",
          ALLOWED_HOSTS: "",
          TB_CA_FILE: "",
          TLS_CERT_FILE: "",
          TLS_KEY_FILE: "",
          TLS_CLIENT_CA_FILE: "",
          TLS_CLIENT_CRL_FILE: "",
          REDIS_URL: "",
          SPOOL_REDIS_URL: "",
          ...queue
        })
      })
    )
    const DemoLayer = BannerLayer.pipe(
      Layer.provide(GatewayLayer),
      Layer.provide(Emulator.layer({ port: 0, hostname: "127.0.0.1", version: "4.3", demo: true }))
    )
    return yield* untilStopped(Layer.launch(DemoLayer))
  })
).pipe(
  Command.withShortDescription("Serve the API with demo data, without any setup"),
  Command.withDescription(
    "Runs the gateway in front of a ThingsBoard emulator with a building full of devices, and prints the URLs, a key and two curl commands to try. Uploads with Prefer: respond-async are queued in a temporary folder. All data is lost when it stops."
  ),
  Command.withExamples([{ command: "boardwalk demo --port 9000", description: "Use another port if 8000 is taken" }])
)
