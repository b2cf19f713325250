export { BoardwalkClient, make, type Options } from "./BoardwalkClient.ts"
export { Api } from "../api/Api.ts"
export * as Problems from "../api/Problems.ts"
