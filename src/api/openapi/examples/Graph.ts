import { assetId, deviceId, type Examples, json, success, text } from "./model.ts"

const mermaid = `flowchart LR
  n0["First floor"]
  n1["Thermostat Office 101"]
  n0 -->|Contains| n1
`

export const graph: Examples = {
  getGraph: {
    responses: {
      200: {
        [json]: {
          ...success,
          root: deviceId,
          depth: 2,
          truncated: false,
          nodes_found: 2,
          nodes: [
            { id: deviceId, type: "DEVICE", name: "Thermostat Office 101", depth: 0, truncated: false },
            { id: assetId, type: "ASSET", name: "First floor", depth: 1, truncated: false }
          ],
          edges: [{ from: assetId, to: deviceId, relation_type: "Contains" }]
        }
      }
    }
  },
  getGraphDiagram: { responses: { 200: { [text]: mermaid } } }
}
