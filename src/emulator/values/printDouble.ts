/** Prints like Java's `Double.toString`: "21.5", "1.0E10", "1.0E-5". */
export const printDouble = (value: number): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"
  const size = Math.abs(value)
  if (size === 0) return Object.is(value, -0) ? "-0.0" : "0.0"
  if (size >= 1e-3 && size < 1e7) {
    const text = String(value)
    return text.includes(".") ? text : `${text}.0`
  }
  const [mantissa, exponent] = value.toExponential().split("e") as [string, string]
  return `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}E${exponent.startsWith("+") ? exponent.slice(1) : exponent}`
}
