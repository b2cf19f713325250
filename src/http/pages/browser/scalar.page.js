/* global Scalar */
// Everything that would ask another host is off: fonts, telemetry, the proxy, the chat and the link to the hosted client.
Scalar.createApiReference("#docs", {
  url: "/openapi.json",
  defaultOpenAllTags: true,
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true, hideAddApi: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: "never"
})
