/** Writes `.env.sample` and docs/settings.md from the table of settings. A test fails if they are outdated. */
import { renderEnvSample, renderMarkdown } from "../src/config/renderSettings.ts"

const root = new URL("..", import.meta.url).pathname
await Bun.write(`${root}.env.sample`, renderEnvSample())
await Bun.write(`${root}docs/settings.md`, renderMarkdown())
