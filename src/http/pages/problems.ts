/** A page for each problem. The `type` of a problem ends with the name of its page. */
import { exampleBody, type ProblemName, problemGuide, problemNames } from "../../api/ProblemGuide.ts"
import { escape, type Page } from "./html.ts"

export const isProblemName = (name: string): name is ProblemName => Object.hasOwn(problemGuide, name)

/** The guide's only markup is code in backquotes. */
const renderProse = (text: string) => escape(text).replaceAll(/`([^`]*)`/g, "<code>$1</code>")

const makePage = (title: string, body: string): Page => ({
  title,
  styles: ["pages.css"],
  scripts: [],
  body: `<main class="problem">\n${body}\n</main>`,
  policy: {}
})

export const problemPage = (name: ProblemName): Page => {
  const guide = problemGuide[name]
  const { error_code, status, title } = guide.example
  return makePage(
    `${title} (${status})`,
    `<p><a href="/errors">All problems</a></p>
<h1>${escape(title)}</h1>
<p>HTTP status ${status}, <code>error_code</code> <code>${error_code}</code></p>
<p>${renderProse(guide.meaning)}</p>
<h2>What to do</h2>
<ul>
${guide.remedies.map((remedy) => `<li>${renderProse(remedy)}</li>`).join("\n")}
</ul>
<h2>Example</h2>
<pre>${escape(JSON.stringify(exampleBody(guide), undefined, 2))}</pre>`
  )
}

const renderRow = (name: ProblemName) => {
  const { example, meaning } = problemGuide[name]
  return `<tr><td>${example.status}</td><td><a href="/errors/${name}">${escape(example.title)}</a></td><td>${renderProse(meaning)}</td></tr>`
}

export const problemIndex = makePage(
  "Problems",
  `<h1>Problems</h1>
<p>Every error response is <code>application/problem+json</code>. Its <code>type</code> is the address of one of the pages below.</p>
<table>
<thead><tr><th>Status</th><th>Problem</th><th>Meaning</th></tr></thead>
<tbody>
${problemNames.map(renderRow).join("\n")}
</tbody>
</table>`
)
