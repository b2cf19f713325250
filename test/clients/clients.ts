/** All clients, in the order of the table. */
import type { Client } from "./Client.ts"
import { csharpClient } from "./languages/csharp.ts"
import { goClient } from "./languages/go.ts"
import { heyApiClient } from "./languages/heyApi.ts"
import { javaNativeClient, javaOkhttpClient } from "./languages/java.ts"
import { kotlinClient } from "./languages/kotlin.ts"
import { oapiCodegenClient } from "./languages/oapiCodegen.ts"
import { openapiFetchClient } from "./languages/openapiFetch.ts"
import { openapiPythonClient } from "./languages/openapiPythonClient.ts"
import { pythonClient } from "./languages/python.ts"
import { rustClient } from "./languages/rust.ts"
import { typescriptAxiosClient, typescriptFetchClient } from "./languages/typescript.ts"

export const clients: ReadonlyArray<Client> = [
  pythonClient,
  typescriptAxiosClient,
  typescriptFetchClient,
  javaNativeClient,
  goClient,
  openapiFetchClient,
  javaOkhttpClient,
  rustClient,
  kotlinClient,
  csharpClient,
  heyApiClient,
  openapiPythonClient,
  oapiCodegenClient
]
