/** The recordings in `test/contract/exchanges`: requests to running ThingsBoard servers, and their responses. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Exact, parseExact } from "./Exact.ts"

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly json?: Exact
  /** `{repeat, length}` stands for `repeat`, repeated `length` times. */
  readonly text?: string | { readonly repeat: string; readonly length: Exact }
}

export interface Response {
  readonly status: Exact
  readonly headers: Record<string, string>
  /** If both this and `text` are missing, the body was empty. */
  readonly json?: Exact
  readonly text?: string
}

export interface Step {
  readonly name: string
  readonly request: Request
  readonly response: Response
  /** Variables to set: their names, and JSON pointers to their values in the response. */
  readonly capture?: Record<string, string>
  readonly note?: string
}

export type Version = "4.1" | "4.3"

/**
 * One event of a WebSocket recording, in exactly one field: a socket is opened (without such an entry at the start, the first socket is
 * opened at `/api/ws`), a message to the server, a message from the server, a REST step in between, or the close frame.
 */
export interface TranscriptEntry {
  readonly open?: { readonly case: string; readonly path: string; readonly headers: Record<string, string> }
  /** The text of `{text}` was sent literally, not as JSON. */
  readonly client?: Exact
  readonly server?: Exact
  readonly http?: Step
  readonly closed?: { readonly code: Exact; readonly reason: string }
}

export interface Exchange {
  readonly version: Version
  readonly scenario: string
  readonly about: string
  readonly password: string
  /** The `steps` of the file, or the `setup` of a WebSocket recording. */
  readonly steps: ReadonlyArray<Step>
  readonly transcript: ReadonlyArray<TranscriptEntry>
}

interface File {
  readonly about: string
  readonly password: string
  readonly steps?: ReadonlyArray<Step>
  readonly setup?: ReadonlyArray<Step>
  readonly transcript?: ReadonlyArray<TranscriptEntry>
}

const folder = join(import.meta.dir, "..", "exchanges")

const load = (version: Version, name: string): Exchange => {
  const file = parseExact(readFileSync(join(folder, version, name), "utf8")) as unknown as File
  return {
    version,
    scenario: name.replace(/\.json$/, ""),
    about: file.about,
    password: file.password,
    steps: file.steps ?? file.setup ?? [],
    transcript: file.transcript ?? []
  }
}

export const exchanges: ReadonlyArray<Exchange> = (["4.1", "4.3"] as const).flatMap((version) =>
  readdirSync(join(folder, version))
    .filter((name) => name.endsWith(".json"))
    .map((name) => load(version, name))
)
