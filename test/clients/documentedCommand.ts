/** Runs the command that a document gives, with the document of this checkout as its input. */
import { documentPath } from "./Operation.ts"
import { execute } from "./execute.ts"
import { codeBlock } from "./openApiGenerator.ts"

const documentUrl = "http://127.0.0.1:8000/openapi.json"

/** The first command of the document that reads the OpenAPI document, in words. */
export const documentedCommand = (document: string): ReadonlyArray<string> => {
  const command = codeBlock(document, "sh")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .find((line) => line.includes(documentUrl))
  if (command === undefined) throw new Error(`docs/clients/${document} has no command that reads ${documentUrl}`)
  return command
    .trim()
    .split(/ +/)
    .map((word) => (word === documentUrl ? documentPath : word))
}

export const runDocumentedCommand = async (document: string, cwd: string, env: Record<string, string> = {}): Promise<void> => {
  await execute({ command: documentedCommand(document), cwd, env })
}
