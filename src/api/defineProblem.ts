import { Context, Effect, ErrorReporter, Schema, SchemaGetter } from "effect"
import { HttpServerRespondable, HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"

/** The URL that clients know the gateway by, without a trailing slash. The gateway sets it from PUBLIC_URL; without it, `type` is relative. */
export const PublicUrl = Context.Reference<string>("boardwalk/api/PublicUrl", { defaultValue: () => "" })

/**
 * A problem's `type`. In programs it is the path of the problem's page. In responses the gateway's own URL precedes it, so that it can be
 * opened; which gateway a response came from makes no difference to a client.
 */
const problemUrl = <const Path extends string>(path: Path) =>
  Schema.String.pipe(
    Schema.decodeTo(Schema.Literal(path), {
      decode: SchemaGetter.transform((url: string) => (url.endsWith(path) ? path : (url as Path))),
      encode: SchemaGetter.transformEffect((own: Path) => Effect.map(PublicUrl, (base): string => base + own))
    }),
    Schema.withConstructorDefault(Effect.succeed(path))
  )

export interface ProblemUrl<Path extends string> extends ReturnType<typeof problemUrl<Path>> {}

/** Makes the class of a problem, like `HttpApiError.Problem`, whose `type` is the same constant in every response of every gateway. */
export const defineProblem =
  <Self>() =>
  <
    const Tag extends string,
    const Path extends string,
    const Status extends number,
    const Fields extends HttpApiError.ProblemExtensionFields
  >(
    tag: Tag,
    declaration: HttpApiError.ProblemDeclaration<Path, Status>,
    fields: Fields
  ): HttpApiError.ProblemClass<Self, Tag, Path, Status, Fields & { readonly type: ProblemUrl<Path> }, {}> => {
    const { status, title, type } = declaration
    const standard = HttpApiError.Problem<Record<string, unknown>>()(tag, declaration, fields)
    const struct = Schema.Struct({ ...standard.fields, type: problemUrl(type) })
    const encode = Schema.encodeUnknownEffect(struct)
    const contentType = "application/problem+json"
    const Base = Schema.Error<Record<string, unknown>, {}>(tag)(struct, {
      description: title,
      httpApiStatus: status,
      "~httpApiEncoding": { _tag: "Json", contentType }
    })
    Object.assign(Base.prototype, {
      _tag: tag,
      [ErrorReporter.ignore]: status < 500,
      [HttpServerRespondable.symbol](this: object) {
        return Effect.map(encode(this), (body) => HttpServerResponse.jsonUnsafe(body, { status, contentType }))
      }
    })
    Object.defineProperty(Base.prototype, "message", {
      get(this: { readonly detail?: string }) {
        return this.detail ?? title
      },
      configurable: true
    })
    // The class has the fields of the library's own problems, except for the encoding of `type`.
    return Base as unknown as HttpApiError.ProblemClass<Self, Tag, Path, Status, Fields & { readonly type: ProblemUrl<Path> }, {}>
  }
