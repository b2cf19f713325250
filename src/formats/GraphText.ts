/** Graphs as source text for drawing tools. Names are user input: whatever they contain must stay text. */
import type { Graph } from "../domain/Graph.ts"

const aliases = ({ nodes }: Graph) => new Map<string, string>(nodes.map(({ id }, i) => [id, `n${i}`]))

/** Mermaid reads numeric character references, which no character can break out of. */
const escapeMermaid = (text: string) => text.replaceAll(/[^\p{L}\p{N} .,:_/()-]/gu, (character) => `#${character.codePointAt(0)};`)

/** A flowchart for Mermaid. */
export const toMermaid = (graph: Graph): string => {
  const alias = aliases(graph)
  return [
    "flowchart LR",
    ...graph.nodes.map(({ id, name, type }) => `  ${alias.get(id)}["${escapeMermaid(name)}<br/>${type}"]`),
    ...graph.edges.map(({ from, relation_type, to }) => `  ${alias.get(from)} -->|"${escapeMermaid(relation_type)}"| ${alias.get(to)}`),
    ""
  ].join("\n")
}

const quoteDot = (text: string) =>
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
    ...graph.nodes.map(({ id, name, type }) => `  ${alias.get(id)} [label=${quoteDot(`${name} (${type})`)}];`),
    ...graph.edges.map(({ from, relation_type, to }) => `  ${alias.get(from)} -> ${alias.get(to)} [label=${quoteDot(relation_type)}];`),
    "}",
    ""
  ].join("\n")
}
