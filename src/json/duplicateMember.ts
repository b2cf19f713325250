import { JsonReader } from "./JsonReader.ts"

/** The first field name that occurs twice in an object of the JSON; JSON.parse would silently keep the last one. */
export const duplicateMember = (text: string): string | undefined => {
  const body = new JsonReader(text)
  let duplicate: string | undefined
  const visit = (at: number): number => {
    if (!body.isObject(at)) return body.isList(at) ? body.readElements(at, (_, element) => visit(element)) : body.skip(at)
    const names = new Set<string>()
    return body.readFields(at, (name, valueAt) => {
      if (names.has(name)) duplicate ??= name
      names.add(name)
      return visit(valueAt)
    })
  }
  body.read(visit)
  return duplicate
}
