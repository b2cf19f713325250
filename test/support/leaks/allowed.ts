/** Every place where the leak check tolerates a secret or a private text, with the reason. There is no other list. */
import type { Kind } from "./scan.ts"

export const allowed: ReadonlyArray<{ readonly place: RegExp; readonly kinds: ReadonlyArray<Kind>; readonly why: string }> = [
  {
    place: /^(request for|response to) POST \S+\/api\/auth\/(login|token)$/,
    kinds: ["secret", "upstream", "private"],
    why: "ThingsBoard's login receives a username and password, or a refresh token, and returns tokens"
  },
  { place: /^request for /, kinds: ["private"], why: "ThingsBoard knows its own address and its user" },
  { place: /^response to POST \S+\/api\/apiKey$/, kinds: ["secret"], why: "ThingsBoard returns a new key of its own once" },
  {
    place: /^response to \S+ https?:\/\/[^/]+(\/[\w-]+)?\/api\/(?!v1\/)/,
    kinds: ["upstream", "private"],
    why: "responses of ThingsBoard itself; Boardwalk has no path of this form"
  },
  {
    place: /^(standard output|standard error|a file|console|log|span|metric|export)\b/,
    kinds: ["private"],
    why: "only the operator reads these"
  },
  {
    place: /^standard output of boardwalk keys create\b/,
    kinds: ["secret"],
    why: "a new key is printed once, for the person who created it"
  },
  { place: /^standard output of boardwalk demo\b/, kinds: ["secret"], why: "the demo creates a new key at every start and prints it" },
  {
    place: /^a file thingsboard-password$/,
    kinds: ["secret"],
    why: "the operator's secret that a key file refers to, written by the test"
  },
  {
    place: /^a file boardwalk$/,
    kinds: ["upstream"],
    why: "the program that a test builds if it is run alone: its emulator has ThingsBoard's messages"
  },
  { place: /^a file \.env$/, kinds: ["secret"], why: "the operator's configuration, written by the test" }
]
