/** Renders pages. All scripts and styles are separate files. */
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { type AssetName, assetPath } from "./assets.ts"

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }

export const escape = (text: string) => text.replaceAll(/[&<>"']/g, (character) => entities[character]!)

/** What a page may load besides its own scripts and styles and responses of this gateway. */
export interface Policy {
  /** For viewers that create styles at run time. Inline scripts are never allowed. */
  readonly inlineStyles?: boolean
  readonly fonts?: string
  readonly images?: string
  readonly workers?: string
}

const contentSecurityPolicy = ({ fonts, images, inlineStyles, workers }: Policy, hasScripts: boolean) =>
  [
    "default-src 'none'",
    `script-src ${hasScripts ? "'self'" : "'none'"}`,
    `style-src 'self'${inlineStyles === true ? " 'unsafe-inline'" : ""}`,
    `img-src 'self' data:${images === undefined ? "" : ` ${images}`}`,
    `connect-src ${hasScripts ? "'self'" : "'none'"}`,
    ...(fonts === undefined ? [] : [`font-src ${fonts}`]),
    ...(workers === undefined ? [] : [`worker-src ${workers}`]),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join("; ")

export interface Page {
  readonly title: string
  readonly styles: ReadonlyArray<AssetName>
  readonly scripts: ReadonlyArray<AssetName>
  readonly body: string
  readonly policy: Policy
}

export const render = Effect.fnUntraced(function* ({ body, policy, scripts, styles, title }: Page) {
  const styleTags = yield* Effect.forEach(styles, (name) => Effect.map(assetPath(name), (path) => `<link rel="stylesheet" href="${path}">`))
  const scriptTags = yield* Effect.forEach(scripts, (name) => Effect.map(assetPath(name), (path) => `<script src="${path}"></script>`))
  const text = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
${styleTags.join("\n")}
</head>
<body>
${body}
${scriptTags.join("\n")}
</body>
</html>
`
  return HttpServerResponse.raw(text, {
    contentType: "text/html; charset=utf-8",
    headers: { "content-security-policy": contentSecurityPolicy(policy, scripts.length > 0), "cache-control": "no-cache" }
  })
})
