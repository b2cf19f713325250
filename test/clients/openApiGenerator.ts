/** The command line of openapi-generator, which Maven downloads once. */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { execute } from "./execute.ts"
import { documentPath } from "./Operation.ts"

export const version = process.env.OPENAPI_GENERATOR_VERSION ?? "7.25.0"

export const cache = new URL("../../node_modules/.cache/clients/", import.meta.url).pathname

const jar = join(cache, `openapi-generator-cli-${version}.jar`)

let download: Promise<unknown> | undefined

const downloadJar = () =>
  (download ??= existsSync(jar)
    ? Promise.resolve()
    : execute({
        command: [
          "mvn",
          "--batch-mode",
          "--quiet",
          "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
          `-Dartifact=org.openapitools:openapi-generator-cli:${version}`,
          `-DoutputDirectory=${cache}`
        ]
      }))

const docs = new URL("../../docs/clients/", import.meta.url).pathname

/** The text of the first code block of this language, in a document of docs/clients. */
export const codeBlock = (document: string, language: string): string => {
  const [, code] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(readFileSync(join(docs, document), "utf8")) ?? []
  if (code === undefined) throw new Error(`docs/clients/${document} has no code block for ${language}`)
  return code
}

/** The arguments after `openapi-generator-cli` in the document's command. Its input and output are replaced. */
export const documentedArguments = (document: string, output: string): ReadonlyArray<string> => {
  const command = codeBlock(document, "sh")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .find((line) => line.startsWith("openapi-generator-cli "))
  if (command === undefined) throw new Error(`docs/clients/${document} does not run openapi-generator-cli`)
  const words = command.trim().split(/ +/).slice(1)
  return words.map((word, i) => (words[i - 1] === "-i" ? documentPath : words[i - 1] === "-o" ? output : word))
}

/** Generates a client with the command that the document gives. */
export const generateAsDocumented = async (document: string, output: string): Promise<void> => {
  await downloadJar()
  rmSync(output, { recursive: true, force: true })
  // Small heaps and the simple compiler make such short runs of Java faster.
  await execute({ command: ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", jar, ...documentedArguments(document, output)] })
}
