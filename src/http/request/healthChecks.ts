import { pathOf } from "../logging/redactedPath.ts"

const healthPaths = new Set(["/health", "/api/v1/health", "/ready"])

/** Whether a URL is that of a health check. */
export const isHealthCheck = (url: string): boolean => healthPaths.has(pathOf(url))
