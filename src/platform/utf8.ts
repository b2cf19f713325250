/** Whether bytes are valid UTF-8: at some ten gigabytes per second, and without making text of them. */
export { isUtf8 } from "node:buffer"
