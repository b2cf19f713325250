/** The command line of `bun run bench`. */
import { parseArgs } from "node:util"

export const usage = `bun run bench [http | export | import | auth | all] [options]

  --rounds N        measured rounds of each figure        (default 7; export 5)
  --seconds N       length of a round of http             (default 3)
  --warm N          seconds of load before the first round (default 5)
  --connections N   connections of http                   (default 32)
  --only WORDS      http: only scenarios whose name contains one of these, separated by commas
  --binary FILE     measure this program (as \`bun run build\` makes it) instead of src/main.ts
  --profile FOLDER  also write a CPU profile of Boardwalk there (JSON and Markdown); its figures are then too high
  --short           a trial run: the harness works, the figures are not to be believed
  --self            measure the bare server against itself: what the harness adds (ratios should be near 1)
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
  const count = (given: string | undefined, usual: number, trial: number) => {
    const number = Number(given ?? (short ? trial : usual))
    if (!(number > 0)) throw new Error(`Not a number above zero: ${given}`)
    return number
  }
  return {
    command,
    rounds: count(values.rounds, command === "export" ? 5 : 7, 2),
    seconds: count(values.seconds, 3, 0.5),
    warm: count(values.warm, 5, 0.5),
    connections: count(values.connections, 32, 16),
    only: values.only?.split(",") ?? [],
    binary: values.binary,
    profile: values.profile,
    short,
    self,
    json
  }
}
