/** A page about each problem: the `type` of a problem ends in the page's name. */
import { exampleBody, type ProblemName, problemGuide, problemNames } from "../../api/ProblemGuide.ts"
import { escape, type Page } from "./html.ts"

export const isProblemName = (name: string): name is ProblemName => Object.hasOwn(problemGuide, name)

/** Code within backquotes is the only markup of the guide. */
const prose = (text: string) => escape(text).replaceAll(/`([^`]*)`/g, "<code>$1</code>")

const page = (title: string, body: string): Page => ({
  title,
  styles: ["pages.css"],
  scripts: [],
  body: `<main class="problem">\n${body}\n</main>`,
  policy: {}
})

export const problemPage = (name: ProblemName): Page => {
  const guide = problemGuide[name]
  const { error_code, status, title } = guide.example
  return page(
    `${title} (${status})`,
    `<p><a href="/errors">All problems</a></p>
<h1>${escape(title)}</h1>
<p>HTTP status ${status}, <code>error_code</code> <code>${error_code}</code></p>
<p>${prose(guide.meaning)}</p>
<h2>What to do</h2>
<ul>
${guide.remedies.map((remedy) => `<li>${prose(remedy)}</li>`).join("\n")}
</ul>
<h2>Example</h2>
<pre>${escape(JSON.stringify(exampleBody(guide), undefined, 2))}</pre>`
  )
}

const row = (name: ProblemName) => {
  const { example, meaning } = problemGuide[name]
  return `<tr><td>${example.status}</td><td><a href="/errors/${name}">${escape(example.title)}</a></td><td>${prose(meaning)}</td></tr>`
}

export const problemIndex = page(
  "Problems",
  `<h1>Problems</h1>
<p>Every failure is <code>application/problem+json</code>. Its <code>type</code> ends in the name of one of these.</p>
<table>
<thead><tr><th>Status</th><th>Problem</th><th>Meaning</th></tr></thead>
<tbody>
${problemNames.map(row).join("\n")}
</tbody>
</table>`
)
