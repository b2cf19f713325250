/** The recordings in `test/contract/exchanges`: what running ThingsBoard servers answered. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Exact, parseExact } from "./Exact.ts"

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly json?: Exact
  /** `{repeat, length}` is a long text. */
  readonly text?: string | { readonly repeat: string; readonly length: Exact }
}

export interface Response {
  readonly status: Exact
  readonly headers: Record<string, string>
  /** Neither this nor `text` when the body was empty. */
  readonly json?: Exact
  readonly text?: string
}

export interface Step {
  readonly name: string
  readonly request: Request
  readonly response: Response
  /** Variable names and where in the answer their values stand. */
  readonly capture?: Record<string, string>
  readonly note?: string
}

export type Version = "4.1" | "4.3"

/** One of them: a socket that is opened (the first one goes without saying, to `/api/ws`), a message to the server, one from it, a REST step made meanwhile, or the close frame. */
export interface TranscriptEntry {
  readonly open?: { readonly case: string; readonly path: string; readonly headers: Record<string, string> }
  /** `{text}` was sent as it is. */
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
  /** `steps`, or the `setup` of a WebSocket's transcript. */
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
