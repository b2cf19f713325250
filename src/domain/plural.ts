/** A number with its noun, and whatever else depends on it: "1 point waits", "2 points wait". */
export const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`
