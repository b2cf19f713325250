/** A graph as a drawing's source. Names come from devices' owners: whatever is in them must stay text. */
import type { Graph } from "../domain/Graph.ts"

const aliases = ({ nodes }: Graph) => new Map<string, string>(nodes.map(({ id }, i) => [id, `n${i}`]))

/** Mermaid reads entities by number, which nothing can break out of. */
const mermaidText = (text: string) => text.replaceAll(/[^\p{L}\p{N} .,:_/()-]/gu, (sign) => `#${sign.codePointAt(0)};`)

/** A flowchart for Mermaid. */
export const toMermaid = (graph: Graph): string => {
  const alias = aliases(graph)
  return [
    "flowchart LR",
    ...graph.nodes.map(({ id, name, type }) => `  ${alias.get(id)}["${mermaidText(name)}<br/>${type}"]`),
    ...graph.edges.map(({ from, relation_type, to }) => `  ${alias.get(from)} -->|"${mermaidText(relation_type)}"| ${alias.get(to)}`),
    ""
  ].join("\n")
}

const dotText = (text: string) =>
  `"${text
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll(/[\r\n]+/g, " ")}"`

/** A directed graph for Graphviz. */
export const toDot = (graph: Graph): string => {
  const alias = aliases(graph)
  return [
    "digraph boardwalk {",
    "  rankdir=LR;",
    "  node [shape=box];",
    ...graph.nodes.map(({ id, name, type }) => `  ${alias.get(id)} [label=${dotText(`${name} (${type})`)}];`),
    ...graph.edges.map(({ from, relation_type, to }) => `  ${alias.get(from)} -> ${alias.get(to)} [label=${dotText(relation_type)}];`),
    "}",
    ""
  ].join("\n")
}
