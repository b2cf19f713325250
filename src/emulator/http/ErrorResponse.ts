/** ThingsBoard's error responses, in each of its formats. */
import { Clock, Effect, Schema } from "effect"
import { HttpServerResponse } from "effect/http"

/**
 * The formats, as recorded:
 *
 * - `envelope`: `{"status","message","errorCode","timestamp"}`, labeled ISO-8859-1
 * - `framework`: the same fields, without a charset: Spring's errors before it finds a controller
 * - `text`: plain text, from the telemetry controller
 * - `string`: a bare JSON string without a content type (413)
 * - `empty`: no body
 * - `page`: Tomcat's HTML page, sent before ThingsBoard sees the request
 * - `login`: a redirect to the login page, for an authorization header with a scheme that 4.3 does not know
 */
export class ErrorResponse extends Schema.TaggedError<ErrorResponse>()("ErrorResponse", {
  status: Schema.Int,
  message: Schema.String,
  errorCode: Schema.Int,
  format: Schema.Literals(["envelope", "framework", "text", "string", "empty", "page", "login"]),
  resetToken: Schema.optionalKey(Schema.String)
}) {}

const makeError = (format: ErrorResponse["format"], status: number, errorCode: number, message: string) =>
  new ErrorResponse({ format, status, errorCode, message })

export const badRequest = (message: string) => makeError("envelope", 400, 31, message)
export const unauthorized = (message: string, errorCode = 10) => makeError("envelope", 401, errorCode, message)
export const forbidden = () => makeError("envelope", 403, 20, noPermissionMessage)
export const itemNotFound = (message: string) => makeError("envelope", 404, 32, message)
export const internalError = (message: string) => makeError("envelope", 500, 2, message)
export const tooManyRequests = (limited: "tenant" | "customer") =>
  makeError("envelope", 429, 33, `Too many requests for current ${limited}!`)
export const databaseError = () => makeError("envelope", 500, 46, "Database error")
export const versionConflict = (type: string) => makeError("envelope", 409, 35, `The ${type} was already changed by someone else`)
export const noResource = (path: string) => makeError("framework", 404, 32, `No static resource ${path.replace(/^\//, "")}.`)
export const methodNotAllowed = (method: string) => makeError("framework", 405, 31, `Request method '${method}' is not supported`)
export const conditionsNotMet = (message: string) => makeError("framework", 400, 31, message)
export const plainText = (status: number, message: string) => makeError("text", status, 0, message)
export const bodyTooLarge = () => makeError("string", 413, 0, "Payload size exceeds the limit")
export const headersTooLarge = () => makeError("page", 400, 0, "HTTP Status 400 – Bad Request")
export const emptyError = (status: number) => makeError("empty", status, 0, "")
export const redirectToLogin = () => makeError("login", 302, 0, "")

export const noPermissionMessage = "You don't have permission to perform this operation!"

const envelopeResponse = (error: ErrorResponse, now: number, contentType: string) =>
  HttpServerResponse.raw(
    JSON.stringify({
      status: error.status,
      message: error.message,
      errorCode: error.errorCode,
      timestamp: now,
      ...(error.resetToken === undefined ? {} : { resetToken: error.resetToken })
    }),
    { status: error.status, contentType }
  )

/** Bun adds a content type to bytes and blobs, but not to a stream. */
const streamWithoutContentType = (plainText: string) =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode(plainText))
      controller.close()
    }
  })

/** `baseUrl` is the server's own address, for redirects. */
export const toResponse = (error: ErrorResponse, baseUrl: string): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const { message, status } = error
    switch (error.format) {
      case "envelope":
        return envelopeResponse(error, now, "application/json;charset=ISO-8859-1")
      case "framework":
        return envelopeResponse(error, now, "application/json")
      case "text":
        return HttpServerResponse.raw(message, { status, contentType: "text/plain;charset=UTF-8" })
      case "string":
        return HttpServerResponse.raw(streamWithoutContentType(JSON.stringify(message)), { status })
      case "empty":
        return HttpServerResponse.empty({ status })
      case "page":
        return HttpServerResponse.raw(
          `<!doctype html><html lang="en"><head><title>${message}</title></head><body><h1>${message}</h1></body></html>`,
          {
            status,
            contentType: "text/html;charset=utf-8"
          }
        )
      case "login":
        return HttpServerResponse.empty({ status, headers: { location: `${baseUrl}/oauth2Login` } })
    }
  })
