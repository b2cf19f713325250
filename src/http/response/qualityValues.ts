export interface QualityValue {
  /** In lower case. */
  readonly value: string
  readonly quality: number
}

/** The values of a header such as `Accept`, with their qualities (RFC 9110, section 12.4.2); 0 for one that is not a number. */
export const parseQualityValues = (header: string): ReadonlyArray<QualityValue> =>
  header.split(",").map((part) => {
    const [value = "", ...parameters] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/)
    const q = parameters.find((parameter) => parameter.startsWith("q="))
    return { value, quality: q === undefined ? 1 : Number(q.slice(2)) || 0 }
  })
