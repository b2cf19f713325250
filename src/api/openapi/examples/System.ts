import { type Examples, json, success, timestamp } from "./model.ts"

const health = { responses: { 200: { [json]: { ...success, service: "Boardwalk", version: "0.1.0" } } } }

export const system: Examples = {
  getIndex: {
    responses: {
      200: {
        [json]: {
          ...success,
          name: "Boardwalk",
          version: "0.1.0",
          links: { docs: "/docs", openapi: "/openapi.json", health: "/health", api: "/api/v1/tb" }
        }
      }
    }
  },
  getHealth: health,
  getHealthV1: health,
  getReadiness: {
    responses: {
      200: {
        [json]: {
          status: "ready",
          timestamp,
          dependencies: [
            { name: "thingsboard", ok: true, detail: "ThingsBoard responds." },
            { name: "login", ok: true, detail: "Logged in." }
          ],
          thingsboard_calls: { in_flight: 3, max_in_flight: 64, waiting: 0, max_waiting: 1000, circuit_open: false, paused_users: 0 }
        }
      },
      503: {
        [json]: {
          status: "not ready",
          timestamp,
          dependencies: [{ name: "thingsboard", ok: false, detail: "ThingsBoard is not available." }],
          thingsboard_calls: { in_flight: 64, max_in_flight: 64, waiting: 112, max_waiting: 1000, circuit_open: false, paused_users: 0 }
        }
      }
    }
  }
}
