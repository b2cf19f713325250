import { writeDevice, writePoints } from "./content.ts"
import type { DevicePoints } from "./model.ts"

/** The points of a device as they are kept. */
export interface Written {
  readonly device: string
  readonly points: number
  readonly bytes: number
  readonly content: string
}

export const writeEntry = ({ device, points }: DevicePoints): Written => {
  const content = writePoints(points)
  return { device: writeDevice(device), points: points.length, content, bytes: Buffer.byteLength(content) }
}

export const sumOf = (written: ReadonlyArray<Written>, field: "points" | "bytes"): number =>
  written.reduce((total, one) => total + one[field], 0)
