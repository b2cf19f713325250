/** The command lines of a program and of those that it started: any user of the machine can read them. */
import { readFileSync } from "node:fs"
import { look } from "./watch.ts"

const read = (path: string) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return "" // it has ended, or this system has no such files
  }
}

export const lookAtArguments = (name: string, pid: number) => {
  look(`arguments of ${name}`, read(`/proc/${pid}/cmdline`).replaceAll("\0", " "))
  for (const child of read(`/proc/${pid}/task/${pid}/children`).split(" ")) if (/^\d+$/.test(child)) lookAtArguments(name, Number(child))
}
