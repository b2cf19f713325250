/** A client: how it is generated, and how a program that uses it is compiled and run. */
import type { Scenario } from "./scenarios.ts"

export interface Step {
  readonly command: ReadonlyArray<string>
  readonly cwd?: string
  readonly env?: Record<string, string>
}

export interface Client {
  /** As in the table and in `--only`. */
  readonly name: string
  /** The generator, with its version. */
  readonly generator: string
  /** Whether `bun run clients` uses it without a flag. */
  readonly inCi: boolean
  /** The programs that must be on the PATH, besides those that generate. */
  readonly tools: ReadonlyArray<string>
  /** Why the client is generated only, if it is. */
  readonly notCompiled?: string
  /** What the user of this client should know; a few words for the table. */
  readonly notes?: string
  /** Generates the client into this folder. */
  readonly generate: (folder: string) => Promise<void>
  /** The files of the program that calls every operation, by their path in the folder. */
  readonly render: (scenarios: ReadonlyArray<Scenario>) => Record<string, string>
  /** Where the first program of the documentation goes, if there is a document. */
  readonly firstProgram?: { readonly document: string; readonly fence: string; readonly path: string }
  /** Compiles the client and the programs. */
  readonly compile: (folder: string) => ReadonlyArray<Step>
  /** Runs the program that calls every operation. */
  readonly run: (folder: string) => Step
  readonly runFirstProgram?: (folder: string) => Step
}
