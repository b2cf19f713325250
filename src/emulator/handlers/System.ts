import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { json } from "../http/responses.ts"
import { Behavior } from "../Behavior.ts"

const passwordPolicy = JSON.stringify({
  minimumLength: 6,
  maximumLength: null,
  minimumUppercaseLetters: null,
  minimumLowercaseLetters: null,
  minimumDigits: null,
  minimumSpecialCharacters: null,
  allowWhitespaces: true,
  forceUserToResetPasswordIfNotValid: false,
  passwordExpirationPeriodDays: null,
  passwordReuseFrequencyDays: null
})

export const SystemLayer = HttpApiBuilder.group(
  AdministrationApi,
  "system",
  Effect.fnUntraced(function* (handlers) {
    const { version } = yield* Behavior
    return handlers
      .handle("passwordPolicy", () => Effect.succeed(json(passwordPolicy)))
      .handle("info", () =>
        Effect.succeed(
          json(
            JSON.stringify({ version: version === "4.1" ? "4.1.0" : "4.3.1.3", artifact: "application", name: "ThingsBoard", type: "CE" })
          )
        )
      )
  })
)
