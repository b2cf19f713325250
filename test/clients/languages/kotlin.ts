/** The generator writes a Gradle project. Maven compiles its sources here, since Gradle's distribution is in no package registry. */
import { join } from "node:path"
import type { Client } from "../Client.ts"
import { generateAsDocumented, version } from "../openApiGenerator.ts"
import { type Argument, argumentsOf, operationsById, resolve, type Schema, toCamel } from "../Operation.ts"
import type { Json, Scenario } from "../scenarios.ts"

/** Dollar signs in Kotlin's strings are templates. */
const text = (value: Json) => JSON.stringify(value).replaceAll("$", "\\$")

const toType = (given: Schema): string => {
  const { name, schema } = resolve(given)
  if (name !== undefined && schema.properties !== undefined) return name
  if (schema.type === "array") return `List<${toType(schema.items!)}>`
  if (schema.type === "object")
    return `Map<String, ${toType(typeof schema.additionalProperties === "object" ? schema.additionalProperties : {})}>`
  return schema.type === "string" ? "String" : "Any"
}

const toValue = (value: Json, given: Schema): string => {
  const { name, schema } = resolve(given)
  if (Array.isArray(value)) return `listOf(${value.map((item) => toValue(item, schema.items!)).join(", ")})`
  if (schema.format === "uuid") return `java.util.UUID.fromString(${text(value)})`
  if (schema.enum !== undefined && name !== undefined) return `${name}.decode(${text(value)})!!`
  return schema.format === "int64" ? `${String(value)}L` : text(value)
}

const toArgument = ({ kind, name, schema }: Argument, call: Scenario): ReadonlyArray<string> => {
  const parameter = toCamel(name)
  if (kind === "body")
    return [
      call.file === undefined
        ? `${parameter} = body<${toType(schema)}>(${text(JSON.stringify(call.json))})`
        : `${parameter} = file(${text(call.file)})`
    ]
  return call.parameters[name] === undefined ? [] : [`${parameter} = ${toValue(call.parameters[name], schema)}`]
}

const toCall = (call: Scenario): string => {
  const operation = operationsById.get(call.operation)!
  const args = argumentsOf(operation).flatMap((argument) => toArgument(argument, call))
  return `  call("${call.operation}", "${call.outcome}") { ${operation.tag}Api(${call.target}.url, ${call.target}.client).${toCamel(operation.id)}(${args.join(", ")}) }`
}

const render = (scenarios: ReadonlyArray<Scenario>) => ({
  "client/src/main/kotlin/EveryOperation.kt": `import boardwalk.client.apis.*
import boardwalk.client.infrastructure.*
import boardwalk.client.models.*
import com.squareup.moshi.adapter
import java.io.File
import java.util.Base64
import okhttp3.OkHttpClient

class Target(name: String, key: String) {
  val url: String = System.getenv("BOARDWALK_" + name + "_URL")
  val client = OkHttpClient.Builder().addInterceptor { it.proceed(it.request().newBuilder().header("X-API-Key", key).build()) }.build()
}

@OptIn(ExperimentalStdlibApi::class)
inline fun <reified T> body(text: String): T = Serializer.moshi.adapter<T>().fromJson(text)!!

@OptIn(ExperimentalStdlibApi::class)
inline fun <reified T> write(value: T): String = Serializer.moshi.adapter<T>().toJson(value)

fun file(text: String): File = File.createTempFile("rows", ".csv").apply { writeText(text); deleteOnExit() }

fun error(status: Int, response: Response?): String {
  val text = when (response) {
    is ClientError<*> -> response.body as String
    is ServerError<*> -> response.body as String
    else -> "{}"
  }
  val problem = runCatching { body<Problem>(text) }.getOrNull()
  return write<Map<String, Any?>>(mapOf("status" to status, "error_code" to problem?.errorCode))
}

inline fun <reified T> call(operation: String, outcome: String, run: () -> T) {
  val (kind, result) = try {
    val value = run()
    "result" to (if (value is File) write(mapOf("base64" to Base64.getEncoder().encodeToString(value.readBytes()))) else write<T>(value))
  } catch (error: ClientException) {
    "error" to error(error.statusCode, error.response)
  } catch (error: ServerException) {
    "error" to error(error.statusCode, error.response)
  } catch (error: Exception) {
    "failure" to write(error.toString())
  }
  println(listOf("@@", operation, outcome, kind, result).joinToString("\\t"))
}

fun main() {
  val key = System.getenv("BOARDWALK_API_KEY")
  val demo = Target("DEMO", key)
  val wrongKey = Target("DEMO", "wrong")
  val longPath = Target("LONG_PATH", key)
  val unavailable = Target("UNAVAILABLE", key)
${scenarios.map(toCall).join("\n")}
  System.exit(0)
}
`,
  "client/pom.xml": `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>client</artifactId>
  <version>1</version>
  <properties>
    <kotlin.version>2.4.0</kotlin.version>
    <!-- A daemon would go on running. -->
    <kotlin.compiler.daemon>false</kotlin.compiler.daemon>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency><groupId>org.jetbrains.kotlin</groupId><artifactId>kotlin-stdlib</artifactId><version>\${kotlin.version}</version></dependency>
    <dependency><groupId>org.jetbrains.kotlin</groupId><artifactId>kotlin-reflect</artifactId><version>\${kotlin.version}</version></dependency>
    <dependency><groupId>com.squareup.moshi</groupId><artifactId>moshi-kotlin</artifactId><version>1.15.2</version></dependency>
    <dependency><groupId>com.squareup.moshi</groupId><artifactId>moshi-adapters</artifactId><version>1.15.2</version></dependency>
    <dependency><groupId>com.squareup.okhttp3</groupId><artifactId>okhttp-jvm</artifactId><version>5.4.0</version></dependency>
  </dependencies>
  <build>
    <sourceDirectory>src/main/kotlin</sourceDirectory>
    <plugins>
      <plugin>
        <groupId>org.jetbrains.kotlin</groupId>
        <artifactId>kotlin-maven-plugin</artifactId>
        <version>\${kotlin.version}</version>
        <executions><execution><id>compile</id><phase>compile</phase><goals><goal>compile</goal></goals></execution></executions>
      </plugin>
    </plugins>
  </build>
</project>
`
})

const classPath = (folder: string) =>
  `${join(folder, "client", "target", "classes")}:${join(folder, "client", "target", "dependency", "*")}`

export const kotlinClient: Client = {
  name: "kotlin",
  generator: `openapi-generator ${version}`,
  inCi: false,
  tools: ["javac", "mvn"],
  generate: (folder) => generateAsDocumented("kotlin.md", join(folder, "client")),
  render,
  firstProgram: { document: "kotlin.md", fence: "kotlin", path: "client/src/main/kotlin/First.kt" },
  compile: (folder) => [
    {
      command: [
        "mvn",
        "--batch-mode",
        "--quiet",
        "-f",
        join(folder, "client", "pom.xml"),
        "compile",
        "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
        "-DincludeScope=runtime",
        "-DoutputDirectory=target/dependency"
      ]
    }
  ],
  run: (folder) => ({ command: ["java", "-cp", classPath(folder), "EveryOperationKt"], cwd: folder }),
  runFirstProgram: (folder) => ({ command: ["java", "-cp", classPath(folder), "FirstKt"], cwd: folder })
}
