/** Tests of the leak watch: secrets are leaked deliberately, in each place and in each form, and it must find them. */
import { Glob } from "bun"
import { describe, expect, test } from "bun:test"
import { Cause, Effect, Metric, Redacted } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkFilesForLeaks } from "../support/temporaryFolder.ts"
import { allowed } from "../support/leaks/allowed.ts"
import { canaries, keyOf } from "../support/leaks/canaries.ts"
import { captureSignals, withCheckedSpan } from "../support/leaks/captureSignals.ts"
import { collectLeaks, checkForLeaks, checkStreamForLeaks, registerSecret } from "../support/leaks/watch.ts"
import { otlpReceiver } from "../support/otlpReceiver.ts"
import { startProgram } from "../support/program.ts"
import { jwt } from "../support/scriptedUpstream.ts"

const places = async (action: () => unknown) => [...new Set((await collectLeaks(action)).map(({ place }) => place))]

const answering = async <A>(answer: (request: Request) => Response, use: (url: string) => Promise<A>) => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer })
  try {
    return await use(`http://127.0.0.1:${server.port}`)
  } finally {
    await server.stop(true)
  }
}

const secret = canaries.apiKey

describe("a leak is found in", () => {
  const bodies: Record<string, (response: Response) => Promise<unknown>> = {
    text: (response) => response.text(),
    json: (response) => response.json(),
    arrayBuffer: (response) => response.arrayBuffer(),
    bytes: (response) => response.bytes(),
    blob: (response) => response.blob(),
    clone: (response) => response.clone().text(),
    stream: (response) => Array.fromAsync(response.body!)
  }
  for (const [name, read] of Object.entries(bodies)) {
    test(`the body of an answer, read as ${name}`, async () => {
      const found = await places(() =>
        answering(
          () => Response.json({ key: secret }),
          async (url) => read(await fetch(`${url}/api/v1/tb/devices?page=1`))
        )
      )
      expect(found.map((place) => place.replace(/:\d+/, ""))).toEqual(["response to GET http://127.0.0.1/api/v1/tb/devices"])
    })
  }

  test("a response header, even if the body is not read", async () => {
    const found = await places(() =>
      answering(
        () => new Response("", { headers: { "x-debug": secret } }),
        (url) => fetch(url)
      )
    )
    expect(found).toHaveLength(1)
  })

  test("a sheet with compressed parts", async () => {
    const { zipSync } = await import("./zip.ts")
    expect(
      await places(() => checkForLeaks("response to GET http://boardwalk/", zipSync({ "a.xml": `<v>${secret}</v>`.repeat(3) })))
    ).toHaveLength(1)
  })

  test("a response that is read from the socket", async () => {
    const answer = () => new Response(secret)
    const found = await places(() =>
      answering(answer, (url) => {
        const { port } = new URL(url)
        return new Promise<void>((resolve) => {
          const socket = connect(Number(port), "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
          socket.on("data", () => undefined)
          socket.on("close", () => resolve())
        })
      })
    )
    expect(found).toEqual(["response to a raw connection"])
    const again = await places(() =>
      answering(answer, async (url) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        const socket = { data: () => resolve() }
        const opened = await Bun.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port), socket })
        opened.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await promise
        opened.terminate()
      })
    )
    expect(again).toEqual(["response to a raw connection"])
  })

  test("a request to ThingsBoard, except in the intended places", async () => {
    const asked = (path: string, init: RequestInit) =>
      collectLeaks(() =>
        answering(
          () => new Response(),
          (url) => fetch(url + path, init)
        )
      )
    expect(await asked("/api/tenant/devices", { headers: { "x-api-key": secret } })).not.toEqual([])
    expect(await asked(`/api/tenant/devices?key=${secret}`, {})).not.toEqual([])
    expect(await asked("/api/plugins", { method: "POST", body: secret })).not.toEqual([])
    expect(await asked("/api/tenant/devices", { headers: { "x-authorization": jwt("a", 1) } })).toEqual([])
    expect(await asked("/api/auth/login", { method: "POST", body: JSON.stringify({ password: canaries.password }) })).toEqual([])
  })

  test("the console", async () => {
    // Not printed: the watch intercepts output before it is written.
    expect(await places(() => console.debug("the key is", { secret: secret.slice(0, 12) }))).toEqual(["console"])
  })

  const observing = (effect: Effect.Effect<unknown>) =>
    places(() => Effect.runPromise(Effect.scoped(Effect.provide(effect, captureSignals().layer))))

  test("a log line: its message, its fields and its cause, at any level", async () => {
    expect(await observing(Effect.logWarning(`login with ${secret}`))).toContain("log")
    expect(await observing(Effect.logTrace("login").pipe(Effect.annotateLogs({ request: { headers: { key: secret } } })))).toContain("log")
    expect(await observing(Effect.logError("login", Cause.die(new Error("no", { cause: new Error(secret) }))))).toContain("log")
    expect(await observing(Effect.logError("login", Redacted.make(secret)))).toEqual([])
  })

  test("a span: its name, its attributes and its failure", async () => {
    expect(await observing(withCheckedSpan(Effect.void, `GET /${secret}`))).toEqual(["span"])
    expect(await observing(withCheckedSpan(Effect.void, "GET", { "url.full": `http://x/?key=${secret}` }))).toEqual(["span"])
    expect(await observing(withCheckedSpan(Effect.ignore(Effect.fail("no")), "GET"))).toEqual([])
    expect(await observing(Effect.exit(withCheckedSpan(Effect.die(new Error(secret)), "GET")))).toEqual(["span"])
  })

  test("a metric", async () => {
    const counter = Metric.withAttributes(Metric.counter("leaking_total"), { key: secret })
    expect(
      await places(() =>
        Effect.runPromise(
          Effect.scoped(Effect.provide(Metric.update(counter, 1), captureSignals().layer)).pipe(
            Effect.provideService(Metric.MetricRegistry, new Map())
          )
        )
      )
    ).toEqual(["metric"])
  })

  test("an export of OpenTelemetry", async () => {
    const send = Effect.flatMap(otlpReceiver, ({ url }) =>
      Effect.promise(() => fetch(url, { method: "POST", body: Bun.gzipSync(secret), headers: { "content-encoding": "gzip" } }))
    )
    expect(await places(() => Effect.runPromise(Effect.scoped(send)))).toEqual(["export"])
  })

  test("the output, arguments and files of a program, and the arguments of programs that it starts", async () => {
    const leaking = `echo "$KEY" >&2; echo "$KEY" >file; sh -c 'echo "$0" ready; sleep 20' "$KEY"; true`
    const program = Effect.flatMap(startProgram([leaking, "$0"], { KEY: secret }, {}, ["sh", "-c"]), ({ waitForOutput: says }) =>
      says(/ready/)
    )
    const found = await places(() => Effect.runPromise(Effect.scoped(program)))
    const where = ["a file file", "arguments of boardwalk", "standard error of boardwalk", "standard output of boardwalk"]
    expect(found.toSorted()).toEqual(where)
    const wrong = await places(() => Effect.runPromise(Effect.scoped(startProgram(["ready", "--key", secret], {}, {}, ["true"]))))
    expect(wrong).toEqual(["arguments of boardwalk ready"])
  })

  test("a URL, which is then not printed as the place", async () => {
    const found = await places(() =>
      answering(
        () => new Response(secret),
        async (url) => (await fetch(`${url}/${secret}`)).text()
      )
    )
    expect(found).toEqual(["response to GET …"])
  })

  test("the name of a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "boardwalk-leaks-"))
    await Bun.write(join(folder, `export-${secret}.csv`), "")
    expect(await places(() => checkFilesForLeaks(folder))).toHaveLength(1)
    await rm(folder, { recursive: true })
  })
})

describe("a leak is found in the form of", () => {
  const around = (text: string) => `{"a":"b${text}c"}`
  const forms: Record<string, (text: string) => string> = {
    "itself, or its first or last twelve characters": (text) => text,
    "the first twelve characters": (text) => text.slice(0, 12),
    "the last twelve characters": (text) => text.slice(-12),
    capitals: (text) => text.toUpperCase(),
    "JSON in JSON": (text) => JSON.stringify(JSON.stringify({ text })),
    "part of an address": (text) => encodeURIComponent(text),
    "an address, every character of it": (text) => Buffer.from(text).toString("hex").replaceAll(/../g, "%$&"),
    "JSON, every character of it": (text) => Buffer.from(text).toString("hex").replaceAll(/../g, "\\u00$&"),
    base64: (text) => Buffer.from(text).toString("base64"),
    "base64 behind one character, as in Basic authentication": (text) => Buffer.from(`u${text}`).toString("base64"),
    "base64 behind two characters": (text) => Buffer.from(`u:${text}`).toString("base64url"),
    hexadecimal: (text) => Buffer.from(text).toString("hex"),
    "hexadecimal in capitals": (text) => Buffer.from(text).toString("hex").toUpperCase(),
    "its characters reversed": (text) => [...text].toReversed().join(""),
    "UTF-16": (text) => Buffer.from(text, "utf16le").toString("latin1")
  }
  const everySecret = Object.entries({ ...canaries, keyOf: keyOf("reader") }).filter(
    ([name]) => !["username", "host", "innerHost", "upstreamWords"].includes(name)
  )
  for (const [form, write] of Object.entries(forms)) {
    test(form, async () => {
      for (const [name, text] of everySecret) {
        const leaks = await collectLeaks(() => checkForLeaks("log", around(write(text))))
        expect([name, leaks.length > 0]).toEqual([name, true])
      }
    })
  }

  test("two consecutive pieces", async () => {
    for (const at of [1, 5, 11, 20]) {
      const found = await places(() => {
        const see = checkStreamForLeaks("standard output of boardwalk serve")
        see(`x${secret.slice(0, at)}`)
        see(`${secret.slice(at)}x`)
      })
      expect([at, found.length]).toEqual([at, 1])
    }
  })

  test("a token of ThingsBoard, or only its claims", async () => {
    const [head, claims] = jwt("someone", 9000).split(".")
    for (const text of [`${head}.${claims}.x`, claims!]) expect(await collectLeaks(() => checkForLeaks("log", text))).not.toEqual([])
  })

  test("a key that was generated in this test", async () => {
    registerSecret("a key that was generated", "bw_0J9x1Kk2Ll3Mm4Nn5Oo6Pp7Qq8Rr9Ss")
    expect(await collectLeaks(() => checkForLeaks("log", "the key bw_0J9x1Kk2L is not known"))).toEqual([
      { place: "log", what: "a key that was generated as plain text" }
    ])
  })
})

describe("what only callers may not read", () => {
  const answer = "response to GET http://127.0.0.1:8000/api/v1/tb/devices"
  const words = [canaries.upstreamWords, canaries.innerHost, "at org.thingsboard.server.dao.DataException"]

  test("is ThingsBoard's address and Boardwalk's user there", async () => {
    for (const text of [canaries.username, ...(canaries.host === "127.0.0.1" ? [] : [canaries.host])]) {
      expect(await places(() => checkForLeaks(answer, text))).toEqual([answer])
      expect(await places(() => checkForLeaks("log", text))).toEqual([])
    }
  })

  test("does not include ThingsBoard's words, which nobody may", async () => {
    for (const text of words) {
      expect(await places(() => checkForLeaks(answer, text))).toEqual([answer])
      expect(await places(() => checkForLeaks("log", text))).toEqual(["log"])
      expect(await places(() => checkForLeaks("response to GET http://tb:8080/api/tenant/devices", text))).toEqual([])
    }
  })
})

test("programs and folders of tests are seen, since none is started or made but by their support", async () => {
  const direct: Array<string> = []
  for (const file of new Glob("{apikeys,cli,doctor,http,leaks,services,support}/**/*.ts").scanSync(join(import.meta.dir, ".."))) {
    if (["support/program.ts", "support/temporaryFolder.ts", "support/fileReaders.ts", "leaks/watch.test.ts"].includes(file)) continue
    const text = await Bun.file(join(import.meta.dir, "..", file)).text()
    if (/src\/main\.ts|\bmkdtemp/.test(text)) direct.push(file)
  }
  // Use `startProgram` or `runProgram` of support/program.ts, and `temporaryFolder` of support/temporaryFolder.ts.
  expect(direct).toEqual([])
})

test("what is allowed is said with its reason, and lets nothing of Boardwalk's API through", () => {
  for (const { place, why } of allowed) {
    expect(why.length).toBeGreaterThan(10)
    expect(place.test("response to POST http://127.0.0.1:8000/api/v1/tb/devices")).toBe(false)
    expect(place.test("response to GET http://127.0.0.1:8000/")).toBe(false)
  }
})
