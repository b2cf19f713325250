import { assetId, deviceId, type Examples, json, success, text } from "./model.ts"

const mermaid = `flowchart LR
  n0["Floor 1"]
  n1["Thermostat 1.02"]
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
          nodes: [
            { id: deviceId, type: "DEVICE", name: "Thermostat 1.02", depth: 0 },
            { id: assetId, type: "ASSET", name: "Floor 1", depth: 1 }
          ],
          edges: [{ from: assetId, to: deviceId, relation_type: "Contains" }]
        }
      }
    }
  },
  getGraphDiagram: { responses: { 200: { [text]: mermaid } } }
}
