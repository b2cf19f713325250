/** What is wrong with a `.env` file is reported with the line, and never with a value. */
import { describe, expect, test } from "bun:test"
import { findDotEnvIssues, findDotEnvLines, parseDotEnv } from "../../src/config/dotEnv.ts"

const issues = (contents: string) => findDotEnvIssues(contents).map(({ issue, line }) => `${line}: ${issue}`)

describe("a .env file", () => {
  const valid = [
    "",
    "# a comment\n\n  # another\nA=1\n",
    "export A='x y'  # comment\nB=\"#not a comment\"\r\nC=\n",
    "A='two\nlines'\nB=2",
    "PASSWORD=a#b=c'd"
  ]
  for (const contents of valid)
    test(`is accepted: ${JSON.stringify(contents)}`, () => {
      expect(issues(contents)).toEqual([])
    })

  const broken: ReadonlyArray<readonly [contents: string, ...expected: ReadonlyArray<string>]> = [
    ["A=1\nTB_HOST\nB=2\n", "2: is not NAME=value"],
    ["A=1\r\n\r\nTB HOST=x\r\n: y\r\n", "3: is not NAME=value", "4: is not NAME=value"],
    ["A=1\nB='secret\nC=3\n", "2: sets B to a value whose quote is not closed"],
    ['# one\nB="secret\n', "2: sets B to a value whose quote is not closed"],
    ["A=1\n\0\0B", "2: has bytes that are not UTF-8 text: save the file as UTF-8"],
    ["A=1\nB=\uFFFD", "2: has bytes that are not UTF-8 text: save the file as UTF-8"]
  ]
  for (const [contents, ...expected] of broken)
    test(`is rejected: ${JSON.stringify(contents)}`, () => {
      expect(issues(contents)).toEqual([...expected])
    })

  test("knows the line of each variable, also below a value of several lines", () => {
    const contents = "A='two\nlines'\n\nexport B=2\n"
    expect([...findDotEnvLines(contents)]).toEqual([
      ["A", 1],
      ["B", 4]
    ])
    expect([...parseDotEnv(contents)]).toEqual([
      ["A", "two\nlines"],
      ["B", "2"]
    ])
  })
})
