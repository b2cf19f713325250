/** The key file is read and changed by one command at a time, atomically, and keeps its owner and mode. */
import { expect } from "bun:test"
import { Effect, FileSystem, Option, PlatformError } from "effect"
import { chmod, lstat, readdir, readlink, stat, symlink, utimes } from "node:fs/promises"
import { dirname, join } from "node:path"
import { parseKeys } from "../../../src/cli/keys/keyFile.ts"
import { changeKeys } from "../../../src/cli/keys/changeKeys.ts"
import { layer } from "../../../src/platform/Runtime.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"
import { live } from "../../support/effectTest.ts"
import { writeKeyFile } from "../../support/keyFile.ts"
import { runProgram } from "../../support/program.ts"

const keys = (file: string, ...args: ReadonlyArray<string>) => runProgram(["keys", ...args], { API_KEYS_FILE: file })
const create = (file: string, id: string) => keys(file, "create", "--name", id, "--id", id, "--scope", "devices:read")
const textOf = (file: string) => Effect.promise(() => Bun.file(file).text())
const write = (file: string, text: string) => Effect.promise(() => Bun.write(file, text))
const modeOf = (file: string) => Effect.promise(async () => (await stat(file)).mode & 0o7777)
const entriesOf = (file: string) =>
  Effect.map(textOf(file), (text): ReadonlyArray<{ readonly id: string; readonly disabled?: true }> => JSON.parse(text).keys)
const filesNextTo = (file: string) => Effect.promise(async () => (await readdir(dirname(file))).toSorted())

live(
  "ten concurrent commands lose no changes",
  () =>
    Effect.gen(function* () {
      const file = yield* writeKeyFile({ old: {}, leaked: {} })
      const ids = Array.from({ length: 9 }, (_, i) => `new-${i}`)
      const outcomes = yield* Effect.all([...ids.map((id) => create(file, id)), keys(file, "revoke", "leaked")], {
        concurrency: "unbounded"
      })
      expect(outcomes.map(({ exitCode }) => exitCode)).toEqual(outcomes.map(() => 0))
      const entries = yield* entriesOf(file)
      expect(entries.map(({ id }) => id).toSorted()).toEqual(["leaked", ...ids, "old"])
      expect(entries.filter(({ disabled }) => disabled).map(({ id }) => id)).toEqual(["leaked"])
      expect(yield* filesNextTo(file)).toEqual(["keys.json"])
    }),
  120_000
)

live("a stale lock is reported, and nothing is changed", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({ a: {} })
    const before = yield* textOf(file)
    yield* write(`${file}.lock`, "")
    const hourAgo = Date.now() / 1000 - 3600
    yield* Effect.promise(() => utimes(`${file}.lock`, hourAgo, hourAgo))
    const { exitCode, stderr } = yield* keys(file, "revoke", "a")
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(
      /keys\.json\.lock has existed for 36\d\d s\. Nothing was changed\..*Remove the lock file if no command is running\./
    )
    expect([yield* textOf(file), yield* filesNextTo(file)]).toEqual([before, ["keys.json", "keys.json.lock"]])
  })
)

live("the file keeps its mode, and files next to it are not touched", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({ a: {} })
    yield* Effect.promise(() => chmod(file, 0o640))
    yield* write(`${file}.new`, "left behind")
    yield* Effect.promise(() => chmod(`${file}.new`, 0o666))
    expect((yield* create(file, "b")).exitCode).toBe(0)
    expect((yield* keys(file, "revoke", "a")).exitCode).toBe(0)
    expect([yield* modeOf(file), (yield* entriesOf(file)).length]).toEqual([0o640, 2])
    expect(yield* textOf(`${file}.new`)).toBe("left behind")
    expect(yield* filesNextTo(file)).toEqual(["keys.json", "keys.json.new"])
  })
)

live("a read-only file is not changed", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({ a: {} })
    const before = yield* textOf(file)
    yield* Effect.promise(() => chmod(file, 0o444))
    const outcomes = [yield* create(file, "b"), yield* keys(file, "revoke", "a")]
    for (const { exitCode, stderr, stdout } of outcomes) {
      expect([exitCode, stdout]).toEqual([1, ""])
      expect(stderr).toContain("read-only for this user. Nothing was changed")
    }
    expect([yield* textOf(file), yield* modeOf(file), yield* filesNextTo(file)]).toEqual([before, 0o444, ["keys.json"]])
  })
)

/** A file system on which the file belongs to another user and group, with the given methods replaced. */
const withOtherOwner = (file: string, changes: Partial<FileSystem.FileSystem>) =>
  Effect.map(FileSystem.FileSystem, (files) => ({
    ...files,
    stat: (path: string) =>
      Effect.map(files.stat(path), (info) => (path === file ? { ...info, uid: Option.some(4242), gid: Option.some(4343) } : info)),
    ...changes
  }))

const permissionDenied = (method: string) =>
  Effect.fail(
    PlatformError.systemError({ _tag: "PermissionDenied", module: "FileSystem", method, cause: new Error("EPERM: not permitted") })
  )

const changeWith = (file: string, changes: Partial<FileSystem.FileSystem>) =>
  Effect.gen(function* () {
    const files = yield* withOtherOwner(file, changes)
    return yield* Effect.result(
      Effect.provideService(
        changeKeys(file, (entries) => Effect.succeed(entries.slice(1))),
        FileSystem.FileSystem,
        files
      )
    )
  }).pipe(Effect.provide(layer))

live("the file of another user keeps its owner, or is not changed", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({ a: {}, b: {} })
    const before = yield* textOf(file)
    const failed = yield* changeWith(file, { chown: () => permissionDenied("chown") })
    expect(failed).toMatchObject({ failure: { message: expect.stringMatching(/user 4242 and group 4343.*Nothing was changed\. Run/) } })
    expect([yield* textOf(file), yield* filesNextTo(file)]).toEqual([before, ["keys.json"]])

    const chowned: Array<unknown> = []
    const chown = (path: string, uid: number, gid: number) =>
      Effect.sync(() => void chowned.push([dirname(path) === dirname(file) && path !== file, uid, gid]))
    expect(yield* changeWith(file, { chown })).toMatchObject({ _tag: "Success" })
    expect(chowned).toEqual([[true, 4242, 4343]])
    expect((yield* entriesOf(file)).map(({ id }) => id)).toEqual(["b"])
  })
)

live("the new file is removed if the change fails", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({ a: {} })
    const before = yield* textOf(file)
    const failed = yield* changeWith(file, { chown: () => Effect.void, rename: () => permissionDenied("rename") })
    expect(failed).toMatchObject({ failure: { message: `${file} cannot be changed: EPERM: not permitted.` } })
    expect([yield* textOf(file), yield* filesNextTo(file)]).toEqual([before, ["keys.json"]])
  })
)

live("a link stays a link, and its target is changed", () =>
  Effect.gen(function* () {
    const file = yield* writeKeyFile({ a: {} })
    const place = yield* temporaryFolder("links")
    const [link, dangling] = [join(place, "keys.json"), join(place, "nothing.json")]
    yield* Effect.promise(() => Promise.all([symlink(file, link), symlink("missing.json", dangling)]))
    expect([(yield* create(link, "b")).exitCode, (yield* keys(link, "revoke", "a")).exitCode]).toEqual([0, 0])
    expect([yield* Effect.promise(() => readlink(link)), (yield* entriesOf(file)).length]).toEqual([file, 2])
    const { exitCode, stderr } = yield* create(dangling, "b")
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is a link to missing.json, which does not exist")])
    expect((yield* Effect.promise(() => lstat(dangling))).isSymbolicLink()).toBe(true)
    expect(yield* filesNextTo(link)).toEqual(["keys.json", "nothing.json"])
  })
)

live("errors in a file are reported with its name, and with the id of the entry", () =>
  Effect.gen(function* () {
    const entry = { id: "one", name: "One", sha256: "0".repeat(64), scopes: [] }
    const entries = (...keys: ReadonlyArray<unknown>) => JSON.stringify({ keys })
    const texts = [
      ["", "is empty"],
      [" \n", "is empty"],
      ['{"keys":[{"id":"o', "is not valid JSON"],
      ["[]", "is not a valid key file:\n  Expected object"],
      [entries({ ...entry, device: {} }), "key one: device: Expected no excess property"],
      [entries({ ...entry, scopes: ["devices:write"] }), "key one: scopes.0: Expected one of devices:read, "],
      [entries({ ...entry, expires_at: "2027-02-30T00:00:00Z" }), "key one: expires_at: Expected a time"],
      [entries({ ...entry, name: " " }), "key one: name: Expected a name that is not blank"],
      [entries({ ...entry, id: "default" }), "key default: id: Expected another id"],
      [entries({ ...entry, id: "-\u001b" }), "key -\\u001b: id: Expected 1 to 64"],
      [entries({ name: "One" }, null), "key number 1: id: Missing"],
      [entries(null), "key number 1: Expected object"],
      [entries(entry, entry), "Expected a unique id for every key; duplicate: one"]
    ] as const
    for (const [text, expected] of texts) {
      const { message } = yield* Effect.flip(parseKeys("/etc/keys.json", text))
      expect([text, message]).toEqual([text, expect.stringMatching(/^\/etc\/keys\.json is /)])
      expect([text, message]).toEqual([text, expect.stringContaining(expected)])
    }
  })
)

live("only `keys create` creates a file, and only in an existing folder", () =>
  Effect.gen(function* () {
    const path = yield* temporaryFolder("none")
    const file = join(path, "keys.json")
    for (const args of [["list"], ["revoke", "a"], ["verify", "--key", "none"]]) {
      const { exitCode, stderr, stdout } = yield* keys(file, ...args)
      expect([exitCode, stdout]).toEqual([1, ""])
      expect(stderr).toContain(`${file} does not exist. Only`)
    }
    const nowhere = join(path, "none", "keys.json")
    expect((yield* create(nowhere, "a")).stderr).toContain(`${nowhere} cannot be created: the folder ${dirname(nowhere)} does not exist`)
    expect((yield* create(path, "a")).stderr).toContain(`${path} cannot be read: EISDIR`)
    expect(yield* filesNextTo(file)).toEqual([])
  })
)
