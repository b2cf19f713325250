/* global Scalar */
// Everything that would contact another host is disabled: fonts, telemetry, the proxy, the chat and the link to the hosted client.
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
