/** Parses the queries that most requests have. Whatever needs decoding, or could be read in two ways, is left to the framework. */

/** Names and values that mean themselves, such as `page_size=20&sort=name` and `keys=a,b`. */
const simple = /^(?:[\w.-]+=[\w.,:~-]+(?:&|$))*$/

/** Returns the parameters of a query without its `?`, or undefined if it is not simple or repeats a name. */
export const parseSimpleQuery = (query: string): Record<string, string> | undefined => {
  if (query === "") return {}
  if (query.endsWith("&") || !simple.test(query)) return undefined
  const parameters: Record<string, string> = {}
  for (const pair of query.split("&")) {
    const at = pair.indexOf("=")
    const name = pair.slice(0, at)
    if (name in parameters) return undefined
    parameters[name] = pair.slice(at + 1)
  }
  return parameters
}
