/** Every place that may hold what the watch looks for, and why. There is no other list. */
import type { Kind } from "./scan.ts"

export const allowed: ReadonlyArray<{ readonly place: RegExp; readonly kinds: ReadonlyArray<Kind>; readonly why: string }> = [
  {
    place: /^(request for|answer to) POST \S+\/api\/auth\/(login|token)$/,
    kinds: ["secret", "upstream", "private"],
    why: "ThingsBoard's login takes user and password, or a token for renewal, and gives tokens"
  },
  { place: /^request for /, kinds: ["private"], why: "ThingsBoard knows its own address and its user" },
  { place: /^answer to POST \S+\/api\/apiKey$/, kinds: ["secret"], why: "ThingsBoard shows a new key of its own once" },
  {
    place: /^answer to \S+ https?:\/\/[^/]+(\/[\w-]+)?\/api\/(?!v1\/)/,
    kinds: ["upstream", "private"],
    why: "ThingsBoard's answers are its own; Boardwalk has no path of this form"
  },
  { place: /^(standard output|standard error|a file|console|log|span|metric|export)\b/, kinds: ["private"], why: "the operator reads it" },
  { place: /^standard output of boardwalk keys create\b/, kinds: ["secret"], why: "a new key is shown once, to whoever made it" },
  { place: /^standard output of boardwalk demo\b/, kinds: ["secret"], why: "the demo makes a key at every start, to be tried" },
  {
    place: /^a file thingsboard-password$/,
    kinds: ["secret"],
    why: "the operator's secret that a file of keys names, written by the test"
  },
  { place: /^a file \.env$/, kinds: ["secret"], why: "the operator's configuration, written by the test itself" }
]
