/** One test per rule that says where a response ends. */
import { describe, expect, test } from "bun:test"
import type { ParserOptions } from "../../../../src/thingsboard/transport/http1/ResponseParser.ts"
import { parse } from "./parse.ts"

const ok = "HTTP/1.1 200 OK\r\n"
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`
const long = (bytes: number) => "a".repeat(bytes)

type Row = [title: string, response: string, expected: unknown, options?: ParserOptions & { readonly ends?: boolean }]

const run = (rows: ReadonlyArray<Row>) => {
  for (const [title, response, expected, options] of rows)
    test(title, () => {
      const whole = parse([response], options)
      if (typeof expected === "string") expect(whole).toBe(expected)
      else expect(whole).toMatchObject(expected as object)
      expect(parse([...response], options)).toEqual(whole)
    })
}

describe("a body ends", () => {
  run([
    ["after Content-Length", `${ok}Content-Length: 5\r\n\r\nhello`, { status: 200, body: "hello", length: 5, isReusable: true }],
    ["at once with Content-Length 0", `${ok}Content-Length: 0\r\n\r\n`, { body: "", length: 0, isReusable: true }],
    ["not before all of Content-Length has come", `${ok}Content-Length: 5\r\n\r\nhell`, "incomplete"],
    ["too early if the connection ends first", `${ok}Content-Length: 5\r\n\r\nhell`, "truncated response", { ends: true }],
    ["after the last chunk", `${chunked}5\r\nhello\r\nA;x="1"\r\n, everyone\r\n0\r\n\r\n`, { body: "hello, everyone", length: undefined }],
    ["after the trailers, which are dropped", `${chunked}1\r\na\r\n0\r\nX-Sum: 1\r\nX: 2\r\n\r\n`, { body: "a", isReusable: true }],
    ["after an empty list of chunks", `${chunked}0\r\n\r\n`, { body: "", isReusable: true }],
    ["not before the last chunk", `${chunked}5\r\nhello\r\n`, "incomplete"],
    ["too early within chunks", `${chunked}5\r\nhello\r\n`, "truncated response", { ends: true }],
    ["too early within trailers", `${chunked}0\r\nX: 1\r\n`, "truncated response", { ends: true }],
    ["with the connection if nothing else is said", `${ok}\r\nhello`, { body: "hello", isReusable: false }, { ends: true }],
    ["not before the connection then", `${ok}\r\nhello`, "incomplete"],
    ["with the connection, also if it is empty", `${ok}\r\n`, { body: "", isReusable: false }, { ends: true }],
    ["too early within the head", "HTTP/1.1 200 OK\r\nContent-", "truncated response", { ends: true }],
    ["too early without any byte", "", "truncated response", { ends: true }]
  ])
})

describe("there is no body", () => {
  run([
    ["in a 204", "HTTP/1.1 204 No Content\r\n\r\n", { status: 204, body: "", length: 0, isReusable: true }],
    ["in a 204 with Content-Length 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", { isReusable: true }],
    ["in a 304, whatever its length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", { status: 304, isReusable: true }],
    ["for HEAD, whatever the length", `${ok}Content-Length: 9\r\n\r\n`, { body: "", isReusable: true }, { isHead: true }],
    ["for HEAD with chunks", chunked, { body: "", isReusable: true }, { isHead: true }],
    ["in an interim response", `HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 1\r\n\r\na`, { status: 200, body: "a" }],
    ["in hints", `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}Content-Length: 0\r\n\r\n`, { fields: { "content-length": "0" } }]
  ])
})

describe("a connection can carry another request", () => {
  run([
    ["unless the response says so", `${ok}Connection: close\r\nContent-Length: 0\r\n\r\n`, { isReusable: false }],
    ["unless it is one of several options", `${ok}Connection: foo , Close\r\nContent-Length: 0\r\n\r\n`, { isReusable: false }],
    ["unless the server speaks HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", { isReusable: false }],
    [
      "if it speaks HTTP/1.0 and keeps it alive",
      "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n",
      { isReusable: true }
    ]
  ])
})

describe("fields", () => {
  run([
    ["have names in any case", `${ok}cOnTeNt-LENGTH:0\r\n\r\n`, { fields: { "content-length": "0" } }],
    [
      "lose the blanks around values",
      `${ok}X: \t a  b \t\r\nContent-Length:\t0 \r\n\r\n`,
      { fields: { x: "a  b", "content-length": "0" } }
    ],
    ["are joined when repeated", `${ok}X: a\r\nx: b\r\nContent-Length: 0\r\n\r\n`, { fields: { x: "a, b" } }],
    ["may be empty", `${ok}X:\r\nContent-Length: 0\r\n\r\n`, { fields: { x: "" } }],
    ["may have Latin-1 text", `${ok}X: caf\xe9\r\nContent-Length: 0\r\n\r\n`, { fields: { x: "caf\xe9" } }],
    ["are not found by names of objects", `${ok}__proto__: 1\r\nContent-Length: 0\r\n\r\n`, { status: 200 }],
    ["may be missing, and so may the reason", "HTTP/1.1 204\r\n\r\n", { status: 204, fields: {} }]
  ])
})

describe("rejected:", () => {
  const head = (lines: string) => `${ok}${lines}\r\n\r\n`
  run([
    ["both lengths", head("Content-Length: 1\r\nTransfer-Encoding: chunked"), "both content-length and transfer-encoding"],
    ["two different lengths", head("Content-Length: 1\r\nContent-Length: 2"), "repeated content-length"],
    ["the same length twice", head("Content-Length: 1\r\nContent-Length: 1"), "repeated content-length"],
    ["a list of lengths", head("Content-Length: 1, 1"), "invalid content-length"],
    ...["+1", "-1", "0x1", "1.0", "1e3", "", "1 1", "9".repeat(16)].map((value): Row => [
      `Content-Length ${value}`,
      head(`Content-Length: ${value}`),
      "invalid content-length"
    ]),
    ...["gzip, chunked", "identity", "chunked, chunked", "xchunked", ""].map((value): Row => [
      `Transfer-Encoding ${value}`,
      head(`Transfer-Encoding: ${value}`),
      "unknown transfer-encoding"
    ]),
    ["Transfer-Encoding twice", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "repeated transfer-encoding"],
    ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer-encoding in HTTP/1.0"],
    ["a folded field", head("X: a\r\n b"), "folded field"],
    ["a folded first field", head(" X: a"), "folded field"],
    ["a folded field with a tab", head("X: a\r\n\tContent-Length: 1"), "folded field"],
    ["a blank before the colon", head("Content-Length : 1"), "invalid field name"],
    ["a field without a name", head(": 1"), "invalid field name"],
    ["a field without a colon", head("Content-Length"), "invalid field name"],
    ["a control character in a value", head("X: a\0b"), "invalid field value"],
    ["a carriage return in a value", head("X: a\rb"), "invalid field value"],
    ["another version", "HTTP/2.0 200 OK\r\n\r\n", "invalid status line"],
    ["an older version", "HTTP/0.9 200 OK\r\n\r\n", "invalid status line"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "invalid status line"],
    ["a status that does not exist", "HTTP/1.1 999 No\r\n\r\n", "invalid status line"],
    ["two blanks before the status", "HTTP/1.1  200 OK\r\n\r\n", "invalid status line"],
    ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"],
    ["a line before the response", `\r\n${ok}Content-Length: 0\r\n\r\n`, "not HTTP"],
    ["another protocol on the same connection", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "switches the protocol"],
    ["endless interim responses", "HTTP/1.1 102 Processing\r\n\r\n".repeat(11), "too many interim responses"],
    ["a 204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n", "204 with a body"],
    ["a 204 with chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "204 with a body"],
    ["bytes after Content-Length", `${ok}Content-Length: 1\r\n\r\nab`, "bytes after the response"],
    ["bytes after chunks", `${chunked}0\r\n\r\nx`, "bytes after the response"],
    ["a second response", `${ok}Content-Length: 0\r\n\r\n`.repeat(2), "bytes after the response"],
    ["a body for HEAD", `${ok}Content-Length: 1\r\n\r\na`, "bytes after the response", { isHead: true }],
    ...["", "g", "0x5", "-1", " 5", "5 ", "1".repeat(13), "5\0", "5 ;a"].map((size): Row => [
      `chunk size ${JSON.stringify(size)}`,
      `${chunked}${size}\r\n`,
      "invalid chunk size"
    ]),
    ["a chunk that is longer than its size", `${chunked}1\r\nab\r\n0\r\n\r\n`, "chunk longer than its size"],
    ["a chunk that ends with a line feed only", `${chunked}1\r\na\n0\r\n\r\n`, "chunk longer than its size"],
    ["a trailer that is no field", `${chunked}0\r\nnot a field\r\n\r\n`, "invalid field name"],
    ["a folded trailer", `${chunked}0\r\nX: 1\r\n y\r\n\r\n`, "folded field"],
    ["a long head", head(`X: ${long(65_536)}`), "fields too long"],
    ["a head without end", `${ok}X: ${long(65_600)}`, "fields too long"],
    ["a long chunk extension", `${chunked}1;${long(1100)}`, "chunk size line too long"],
    ["long trailers", `${chunked}0\r\n${`X: ${long(1000)}\r\n`.repeat(70)}`, "trailers too long"],
    ["a length above the limit", head("Content-Length: 11"), "body too large", { maxBody: 10 }],
    ["chunks above the limit", `${chunked}6\r\nabcdef\r\n6\r\nabcdef\r\n`, "body too large", { maxBody: 10 }],
    ["an endless body above the limit", `${ok}\r\n${long(11)}`, "body too large", { maxBody: 10 }]
  ])

  // Split differently, these have another message: the line feed is seen before its line is complete.
  for (const [title, response] of [
    ["lines that end with a line feed only", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["one line that ends with a line feed only", "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n"],
    ["a chunk size that ends with a line feed only", `${chunked}5\nhello\r\n0\r\n\r\n`]
  ] as const)
    test(title, () => {
      for (const parts of [[response], [...response]])
        expect(parse(parts)).toBeOneOf(["line feed without carriage return", "invalid field value", "invalid chunk size"])
    })

  test("no message contains what was received", () => {
    const secret = "hunter2"
    for (const response of [
      `${secret}`,
      `HTTP/1.1 ${secret}\r\n\r\n`,
      head(secret),
      head(`Content-Length: ${secret}`),
      `${chunked}${secret}\r\n`
    ])
      expect(String(parse([response]))).not.toContain(secret)
  })
})

test("a field name of objects does no harm", () => {
  const parsed = parse([`${ok}constructor: 1\r\nContent-Length: 0\r\n\r\n`])
  expect(parsed).toMatchObject({ fields: { "content-length": "0" } })
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined()
})
