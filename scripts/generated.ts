/** Files of the repository that are made from the contract, by their path. */
import { buildDocument } from "../src/api/openapi/document.ts"
import { exampleBody, type ProblemName, problemGuide, problemNames } from "../src/api/ProblemGuide.ts"

const section = (name: ProblemName) => {
  const guide = problemGuide[name]
  const { error_code, status, title } = guide.example
  return `## ${title}

\`${name}\`: HTTP status ${status}, \`error_code\` \`${error_code}\`

${guide.meaning}

${guide.remedies.map((remedy) => `- ${remedy}`).join("\n")}

\`\`\`json
${JSON.stringify(exampleBody(guide), undefined, 2)}
\`\`\`
`
}

const anchor = (title: string) => title.toLowerCase().replaceAll(" ", "-")

const row = (name: ProblemName) => {
  const { error_code, status, title } = problemGuide[name].example
  return `| ${status} | [${title}](#${anchor(title)}) | \`${error_code}\` |`
}

const errors = () => `# Problems

Every failure has one shape: \`application/problem+json\` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with the members that clients of the
FastAPI proxy read beside the standard ones. \`type\` ends in the problem's name and the gateway serves a page about each at \`/errors/<name>\`; \`detail\` (and
\`message\`, the same sentence) says what to do; \`instance\` is the request's id, as in the header \`X-Request-Id\`; \`details\` has the facts.

<!-- Made by \`bun run openapi\` from src/api/ProblemGuide.ts. -->

| status | problem | \`error_code\` |
| --- | --- | --- |
${problemNames.map(row).join("\n")}

${problemNames.map(section).join("\n")}`

export const generated: Readonly<Record<string, () => string>> = {
  "openapi.json": () => `${JSON.stringify(buildDocument(), undefined, 2)}\n`,
  "docs/errors.md": errors
}
