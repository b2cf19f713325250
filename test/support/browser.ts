/** A real browser, if installed: the executable that CHROMIUM names, else the one of Debian's package `chromium`. */
import { existsSync } from "node:fs"
import { type Browser, chromium } from "playwright-core"

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

export const hasBrowser = existsSync(executablePath)

export const launchBrowser = (): Promise<Browser> => chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] })
