/** JSON with exact numbers: each keeps the text that was parsed, so "1.0" differs from "1" and no digit is lost. */
export type Exact = null | boolean | string | ExactNumber | ReadonlyArray<Exact> | { readonly [name: string]: Exact }

export class ExactNumber {
  constructor(readonly text: string) {}
}

export const parseExact = (text: string): Exact =>
  JSON.parse(text, (_name: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" ? new ExactNumber(context?.source ?? String(value)) : value
  ) as Exact

export const printExact = (json: Exact): string => {
  if (json instanceof ExactNumber) return json.text
  if (json === null || typeof json !== "object") return JSON.stringify(json)
  if (Array.isArray(json)) return `[${json.map(printExact).join(",")}]`
  return `{${Object.entries(json)
    .map(([name, value]) => `${JSON.stringify(name)}:${printExact(value)}`)
    .join(",")}}`
}
