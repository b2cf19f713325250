import { JsonReader } from "./JsonReader.ts"

/** The first name that an object in the JSON has twice: JSON.parse would keep the last member without a word. */
export const duplicateMember = (text: string): string | undefined => {
  const body = new JsonReader(text)
  let doubled: string | undefined
  const visit = (at: number): number => {
    if (!body.isObject(at)) return body.isList(at) ? body.readElements(at, (_, element) => visit(element)) : body.skip(at)
    const names = new Set<string>()
    return body.readFields(at, (name, valueAt) => {
      if (names.has(name)) doubled ??= name
      names.add(name)
      return visit(valueAt)
    })
  }
  body.read(visit)
  return doubled
}
