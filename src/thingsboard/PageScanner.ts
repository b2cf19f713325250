/** Cuts a page of a list into its elements' bytes and its numbers, without parsing the elements. */
import { Effect } from "effect"
import type { BytesPage } from "../domain/Page.ts"
import { BadAnswer, ThingsBoardError } from "./ThingsBoardError.ts"

const head = Buffer.from('{"data":')
const tail = /\],"totalPages":(\d{1,9}),"totalElements":(\d{1,12}),"hasNext":(true|false)\}$/

export const scanPage = (bytes: Buffer): Effect.Effect<BytesPage, ThingsBoardError> => {
  const found = tail.exec(bytes.subarray(Math.max(0, bytes.length - 96)).toString("latin1"))
  if (found === null || !bytes.subarray(0, head.length).equals(head)) return Effect.fail(new ThingsBoardError({ reason: new BadAnswer() }))
  return Effect.succeed({
    items: bytes.subarray(head.length, bytes.length - found[0].length + 1),
    totalPages: Number(found[1]),
    totalElements: Number(found[2]),
    hasNext: found[3] === "true"
  })
}
