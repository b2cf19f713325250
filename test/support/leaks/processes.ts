/** Checks the command lines of a program and its child processes: every user of the machine can read them. */
import { readFileSync } from "node:fs"
import { checkForLeaks } from "./watch.ts"

const read = (path: string) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return "" // the process has exited, or the system has no /proc
  }
}

export const checkArgumentsForLeaks = (name: string, pid: number) => {
  checkForLeaks(`arguments of ${name}`, read(`/proc/${pid}/cmdline`).replaceAll("\0", " "))
  for (const child of read(`/proc/${pid}/task/${pid}/children`).split(" "))
    if (/^\d+$/.test(child)) checkArgumentsForLeaks(name, Number(child))
}
