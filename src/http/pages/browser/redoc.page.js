/* global Redoc */
Redoc.init(
  "/openapi.json",
  { hideDownloadButton: false, expandResponses: "200,201", sortRequiredPropsFirst: true },
  document.getElementById("docs")
)
