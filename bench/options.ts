/** The command line of `bun run bench`. */
import { parseArgs } from "node:util"

export const usage = `bun run bench [http | export | import | auth | loop | plant | spool | all] [options]

  --rounds N        measured rounds per figure             (default 7; export 5)
  --seconds N       http: seconds per round                (default 3)
  --warm N          seconds of load before the first round (default 5)
  --connections N   http: connections                      (default 32)
  --only WORDS      http, loop, plant: only scenarios whose names contain one of these comma-separated words
  --binary FILE     measure this program (built with \`bun run build\`) instead of src/main.ts
  --profile FOLDER  also write a CPU profile of Boardwalk to this folder (JSON and Markdown); this raises the figures
  --short           a trial run that checks the harness; its figures are not meaningful
  --self            measure the bare server against itself, to see the harness's error (ratios should be near 1)
  --json            print JSON instead of tables`

export interface Options {
  readonly command: string
  readonly rounds: number
  readonly seconds: number
  readonly warm: number
  readonly connections: number
  readonly only: ReadonlyArray<string>
  readonly binary: string | undefined
  readonly profile: string | undefined
  readonly short: boolean
  readonly self: boolean
  readonly json: boolean
}

export const parseOptions = (args: ReadonlyArray<string>): Options => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      warm: { type: "string" },
      connections: { type: "string" },
      only: { type: "string" },
      binary: { type: "string" },
      profile: { type: "string" },
      short: { type: "boolean", default: false },
      self: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false }
    }
  })
  const command = values.help ? "help" : (positionals[0] ?? "http")
  const { short, self, json } = values
  const parseCount = (text: string | undefined, usual: number, trial: number) => {
    const number = Number(text ?? (short ? trial : usual))
    if (!(number > 0)) throw new Error(`Not a number greater than zero: ${text}`)
    return number
  }
  return {
    command,
    rounds: parseCount(values.rounds, command === "export" ? 5 : 7, 2),
    seconds: parseCount(values.seconds, 3, 0.5),
    warm: parseCount(values.warm, 5, 0.5),
    connections: parseCount(values.connections, 32, 16),
    only: values.only?.split(",") ?? [],
    binary: values.binary,
    profile: values.profile,
    short,
    self,
    json
  }
}
