/** Writes what is made from the table of settings: `.env.sample` and docs/settings.md. A test fails when they are stale. */
import { envSample, markdown } from "../src/config/renderSettings.ts"

const root = new URL("..", import.meta.url).pathname
await Bun.write(`${root}.env.sample`, envSample())
await Bun.write(`${root}docs/settings.md`, markdown())
