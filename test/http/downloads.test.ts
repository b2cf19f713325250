/** What a download says about itself: its name, in any script, and its length, for GET and HEAD alike. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { attachment } from "../../src/http/response/contentDisposition.ts"
import { toFileName } from "../../src/services/telemetry/fileName.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"
const t0 = 1_700_006_400_000

const open = Effect.fnUntraced(function* () {
  const it = yield* gateway()
  const device = (name: string) => {
    const { directory, telemetry } = it.emulator.store
    const made = directory.createDevice({ tenantId: it.tenant.tenantId, name, type: "meter", now: 1 })
    telemetry.save(made, [{ key: "a", ts: t0, value: 1n }])
    return made.id
  }
  return { ...it, device }
})

/** The head of a response exactly as it is sent. */
const headOf = (url: string, method: string, path: string) =>
  Effect.promise(async () => {
    const { hostname, port } = new URL(url)
    const { promise, resolve } = Promise.withResolvers<string>()
    let received = ""
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_, bytes) => {
          received += bytes.toString("latin1")
          if (received.includes("\r\n\r\n")) resolve(received)
        },
        close: () => resolve(received)
      }
    })
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${hostname}\r\nX-API-Key: ${canaries.apiKey}\r\nX-Request-Id: same\r\n\r\n`)
    const text = await promise
    socket.terminate()
    const [head, body] = text.split("\r\n\r\n") as [string, string]
    const [statusLine, ...lines] = head.split("\r\n")
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)])
    )
    return { statusLine, headers, count: lines.length, body }
  })

describe("the name of a download", () => {
  const names = [
    ["Roof 1", 'attachment; filename="Roof_1_t.csv"'],
    ["Zähler Küche", "attachment; filename=\"Zahler_Kuche_t.csv\"; filename*=UTF-8''Z%C3%A4hler_K%C3%BCche_t.csv"],
    ["Датчик 7", "attachment; filename=\"7_t.csv\"; filename*=UTF-8''%D0%94%D0%B0%D1%82%D1%87%D0%B8%D0%BA_7_t.csv"],
    ["温度", "attachment; filename=\"t.csv\"; filename*=UTF-8''%E6%B8%A9%E5%BA%A6_t.csv"],
    ["../../etc/passwd", 'attachment; filename="etc_passwd_t.csv"'],
    ['a"; filename="b\r\nSet-Cookie: x', 'attachment; filename="a_filename_b_Set-Cookie_x_t.csv"'],
    ["file\u202Egpj.exe\u0000", 'attachment; filename="file_gpj.exe_t.csv"'],
    ["…", 'attachment; filename="device_t.csv"']
  ] as const
  test.each(names)("of %p has letters of all scripts, and an ASCII form", (name, header) => {
    expect(attachment(`${toFileName(name)}_t.csv`)).toBe(header)
  })

  test("fits in a file system, and no character of it is cut in two", () => {
    for (const letter of ["x", "é", "温", "𝒳"]) {
      const name = toFileName(letter.repeat(255))
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(160)
      expect(name).toBe(letter.repeat([...name].length))
    }
  })

  live("is that of the device, in responses that pages of other origins can read", () =>
    Effect.gen(function* () {
      const { call, device } = yield* open()
      const path = `${tb}/devices/${device("Zähler 温")}/telemetry`
      const range = `start_ts=${t0}&end_ts=${t0 + 1}`
      const { headers } = yield* call(`${path}/export?${range}&format=parquet`)
      expect(headers.get("content-disposition")).toBe(
        "attachment; filename=\"Zahler_telemetry.parquet\"; filename*=UTF-8''Z%C3%A4hler_%E6%B8%A9_telemetry.parquet"
      )
    })
  )
})

live("HEAD has the status and headers of GET, and no length if the response is streamed", () =>
  Effect.gen(function* () {
    const { device, url } = yield* open()
    const id = device("Zähler")
    const range = `start_ts=${t0}&end_ts=${t0 + 1}`
    const paths = [
      ...["csv", "jsonl", "json", "xlsx", "parquet"].map((format) => `devices/${id}/telemetry/export?${range}&format=${format}`),
      `devices/${id}/telemetry?${range}`,
      `devices/${id}/telemetry/latest`,
      "devices",
      `devices/${id}/telemetry?start_ts=x`,
      `devices/784f394c-42b6-435a-983c-b7beff2784f9/telemetry/export?${range}`
    ]
    /** The length of a streamed response is unknown before it ends; other bodies contain the time, always with as many digits. */
    const comparable = ({ headers, statusLine }: Effect.Success<ReturnType<typeof headOf>>) => {
      const {
        date,
        "content-length": _length,
        "transfer-encoding": _encoding,
        "x-ratelimit-remaining": _rest,
        "x-ratelimit-reset": _reset,
        ratelimit: _ratelimit,
        ...others
      } = headers
      return { statusLine, ...others, date: Number.isFinite(Date.parse(date ?? "")) }
    }
    for (const path of paths) {
      const get = yield* headOf(url, "GET", `${tb}/${path}`)
      const head = yield* headOf(url, "HEAD", `${tb}/${path}`)
      expect([path, comparable(head)]).toEqual([path, comparable(get)])
      expect([path, head.body, head.count]).toEqual([path, "", Object.keys(head.headers).length])
      const isStreamed = /export\?|telemetry\?/.test(path) && get.statusLine!.includes("200")
      expect([path, head.headers["content-length"], head.headers["transfer-encoding"]]).toEqual(
        isStreamed ? [path, undefined, "chunked"] : [path, get.headers["content-length"], undefined]
      )
    }
  })
)
