import { type Effect } from "effect"
import { HttpClient, type HttpClientError, type HttpClientResponse } from "effect/http"

/**
 * Calls ThingsBoard without credentials and without a session, at a path that every release serves to anyone. Any response means that
 * an HTTP server answers there, whatever its status.
 */
export const probe = (
  host: string
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError, HttpClient.HttpClient> =>
  HttpClient.get(`${host}/api/noauth/activate`)
