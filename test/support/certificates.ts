/** Certificates for tests, made with `openssl` and deleted when the scope closes. */
import { Effect } from "effect"
import { join } from "node:path"
import { temporaryFolder } from "./temporaryFolder.ts"

const runOpenssl = async (folder: string, ...args: ReadonlyArray<string>) => {
  const child = Bun.spawn(["openssl", ...args], { cwd: folder, stdout: "ignore", stderr: "pipe" })
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text())
}

const newKeyArguments = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"] as const

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A new certificate authority, in a temporary folder. */
export const certificateAuthority = Effect.fnUntraced(function* ({
  name = "Test authority",
  newKey
}: { readonly name?: string; readonly newKey?: string } = {}) {
  const path = yield* temporaryFolder("tls")
  const keyArguments = newKey === undefined ? newKeyArguments : ["-newkey", newKey, "-nodes"]
  const read = (name: string) => Bun.file(join(path, name)).text()
  yield* Effect.promise(() =>
    runOpenssl(path, "req", "-x509", ...keyArguments, "-keyout", "ca.key", "-out", "ca.pem", "-subj", `/CN=${name}`, "-days", "2")
  )
  return {
    folder: path,
    /** The path of a file in that folder. */
    path: (name: string) => join(path, name),
    certificate: yield* Effect.promise(() => read("ca.pem")),
    /** Writes the file `<list>.pem` with the revocation list of this authority, which contains the certificates of these names. */
    revoke: (list: string, names: ReadonlyArray<string>, valid: ReadonlyArray<string> = ["-crldays", "2"]) =>
      Effect.promise(async () => {
        await Bun.write(join(path, "revoked"), "")
        await Bun.write(join(path, "revoked.attr"), "unique_subject = no\n")
        await Bun.write(join(path, "list-number"), "01\n")
        await Bun.write(
          join(path, "list.cnf"),
          "[ca]\ndefault_ca=lists\n[lists]\ndatabase=revoked\ncrlnumber=list-number\ndefault_md=sha256\n"
        )
        const authority = ["ca", "-config", "list.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"]
        for (const name of names) await runOpenssl(path, ...authority, "-revoke", `${name}.pem`)
        await runOpenssl(path, ...authority, "-gencrl", ...valid, "-out", `${list}.pem`)
        return read(`${list}.pem`)
      }),
    /** Issues a certificate for localhost and 127.0.0.1, in the files `<name>.pem` and `<name>.key`. */
    issue: (name: string, extensions: ReadonlyArray<string> = [], days = "2") =>
      Effect.promise(async (): Promise<Certificate> => {
        await runOpenssl(path, "req", ...newKeyArguments, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`)
        await Bun.write(join(path, "names"), ["subjectAltName=DNS:localhost,IP:127.0.0.1", ...extensions, ""].join("\n"))
        const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", days]
        await runOpenssl(path, "x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, ...signing)
        return { cert: await read(`${name}.pem`), key: await read(`${name}.key`) }
      })
  }
})
