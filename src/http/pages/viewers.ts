/** Three viewers of openapi.json. */
import type { Page } from "./html.ts"

const body = '<div id="docs"></div>'

export const swagger: Page = {
  title: "Boardwalk API: Swagger UI",
  styles: ["pages.css", "swagger-ui.css"],
  scripts: ["swagger-ui.js", "swagger-start.js"],
  body,
  policy: {}
}

export const redoc: Page = {
  title: "Boardwalk API: ReDoc",
  styles: ["pages.css"],
  scripts: ["redoc.js", "redoc-start.js"],
  body,
  policy: { inlineStyles: true, workers: "blob:" }
}

export const scalar: Page = {
  title: "Boardwalk API: Scalar",
  styles: ["pages.css"],
  scripts: ["scalar.js", "scalar-start.js"],
  body,
  policy: { inlineStyles: true }
}
