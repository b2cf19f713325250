/** Flags that several commands share, and the settings that they override. */
import { Effect, Option } from "effect"
import { CliError, Flag } from "effect/cli"
import { type Overrides, readSecretVariable, readVariable } from "../config/Settings.ts"

/** An optional text. */
export const text = (name: string, description: string, placeholder: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.withMetavar(placeholder), Flag.optional)

/** Optionally one of several words. */
export const choice = <const Words extends ReadonlyArray<string>>(name: string, words: Words, description: string) =>
  Flag.Literals(name, words).pipe(Flag.withDescription(description), Flag.optional)

export const port = Flag.String("port").pipe(
  Flag.withAlias("p"),
  Flag.withMetavar("number"),
  Flag.withDescription("Port to listen on, instead of PORT; 0 uses any free port"),
  Flag.optional
)

export const host = Flag.String("host").pipe(
  Flag.withMetavar("address"),
  Flag.withDescription("Address to listen on, instead of HOST"),
  Flag.optional
)

export const json = Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))

export const toOverrides = (flags: { readonly port: Option.Option<string>; readonly host: Option.Option<string> }): Overrides => ({
  ...(Option.isSome(flags.port) ? { PORT: flags.port.value } : {}),
  ...(Option.isSome(flags.host) ? { HOST: flags.host.value } : {})
})

/** Rejects an empty or blank text. */
export const notBlank = (expected: string) =>
  Flag.filter(
    (text: string) => text.trim() !== "",
    () => expected
  )

/** An error in the combination of flags, reported like the parser's own errors. */
export const usageError = (command: ReadonlyArray<string>, sentence: string) =>
  new CliError.ShowHelp({ commandPath: ["boardwalk", ...command], errors: [new CliError.ValidationError({ message: sentence })] })

/** Reads a variable that replaces a missing flag. */
export const readVariableFlag = (name: string) =>
  Effect.mapError(readVariable(name), ({ message }) => new CliError.ValidationError({ message }))

/** The same for a secret, which may be in a file of its own. */
export const readSecretFlag = (name: string) =>
  Effect.mapError(readSecretVariable(name), ({ message }) => new CliError.ValidationError({ message }))

/** Reads a variable if the flag is missing, from the environment or the settings file, like settings. */
export const withVariableFallback =
  <B>(flag: string, name: string, parse: (text: string) => B, read = readVariableFlag) =>
  <A>(self: Flag.Flag<A>) =>
    Flag.withDefault(
      self,
      Effect.flatMap(
        read(name),
        Option.match({
          onNone: () =>
            Effect.fail(new CliError.ValidationError({ message: `Missing: --${flag}, or ${name} in the environment or in .env` })),
          onSome: (text) => Effect.succeed(parse(text))
        })
      )
    )
