/** The two Java clients: `native` reads JSON with Jackson, `okhttp-gson` with Gson. */
import { join } from "node:path"
import type { Client } from "../Client.ts"
import { generateAsDocumented, version } from "../openApiGenerator.ts"
import { type Argument, argumentsOf, operationsById, resolve, type Schema, toCamel } from "../Operation.ts"
import type { Json, Scenario } from "../scenarios.ts"

/** The type that the generator gives to a body. */
const toType = (given: Schema): string => {
  const { name, schema } = resolve(given)
  if (name !== undefined && schema.properties !== undefined) return name
  if (schema.type === "array") return `java.util.List<${toType(schema.items!)}>`
  if (schema.type === "object")
    return `java.util.Map<String, ${toType(typeof schema.additionalProperties === "object" ? schema.additionalProperties : {})}>`
  return schema.type === "string" ? "String" : "Object"
}

const toValue = (value: Json, given: Schema): string => {
  const { name, schema } = resolve(given)
  if (Array.isArray(value)) return `java.util.List.of(${value.map((item) => toValue(item, schema.items!)).join(", ")})`
  if (schema.format === "uuid") return `java.util.UUID.fromString(${JSON.stringify(value)})`
  if (schema.enum !== undefined && name !== undefined) return `${name}.fromValue(${JSON.stringify(value)})`
  return schema.format === "int64" ? `${String(value)}L` : JSON.stringify(value)
}

const toArgument = (typeClass: string, { kind, name, schema }: Argument, call: Scenario): string => {
  if (kind !== "body") return call.parameters[name] === undefined ? "null" : toValue(call.parameters[name], schema)
  return call.file === undefined
    ? `body(${JSON.stringify(JSON.stringify(call.json))}, new ${typeClass}<${toType(schema)}>() {})`
    : `file(${JSON.stringify(call.file)})`
}

const toCall =
  (typeClass: string) =>
  (call: Scenario): string => {
    const operation = operationsById.get(call.operation)!
    const args = argumentsOf(operation).map((argument) => toArgument(typeClass, argument, call))
    return `    call("${call.operation}", "${call.outcome}", () -> new ${operation.tag}Api(${call.target}).${toCamel(operation.id)}(${args.join(", ")}));`
  }

interface Dialect {
  /** What keeps the type of a body at runtime. */
  readonly typeClass: string
  readonly imports: string
  readonly members: string
}

const native: Dialect = {
  typeClass: "TypeReference",
  imports: `import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;`,
  members: `  static final ObjectMapper json = BoardwalkClients.mapper();
  static <T> T body(String text, TypeReference<T> type) throws Exception { return json.readValue(text, type); }
  static String write(Object value) throws Exception { return json.writeValueAsString(value); }
  static String readErrorCode(String body) throws Exception { return json.readValue(body, Problem.class).getErrorCode(); }
  static ApiClient client(String target, String key) { return BoardwalkClients.create(System.getenv("BOARDWALK_" + target + "_URL"), key); }`
}

const okhttp: Dialect = {
  typeClass: "TypeToken",
  imports: `import com.google.gson.reflect.TypeToken;`,
  members: `  static <T> T body(String text, TypeToken<T> type) { return JSON.deserialize(text, type.getType()); }
  static String write(Object value) { return JSON.serialize(value); }
  static String readErrorCode(String body) { return JSON.<Problem>deserialize(body, Problem.class).getErrorCode(); }
  static ApiClient client(String target, String key) {
    var client = new ApiClient();
    client.setBasePath(System.getenv("BOARDWALK_" + target + "_URL"));
    client.setApiKey(key);
    return client;
  }`
}

const render =
  ({ imports, members, typeClass }: Dialect) =>
  (scenarios: ReadonlyArray<Scenario>) => ({
    "client/src/main/java/EveryOperation.java": `import java.io.File;
import java.nio.file.Files;
import java.util.Base64;
import java.util.concurrent.Callable;
${imports}
import boardwalk.client.*;
import boardwalk.client.api.*;
import boardwalk.client.model.*;

public class EveryOperation {
  static final String key = System.getenv("BOARDWALK_API_KEY");
  static final ApiClient demo = client("DEMO", key);
  static final ApiClient wrongKey = client("DEMO", "wrong");
  static final ApiClient longPath = client("LONG_PATH", key);
  static final ApiClient unavailable = client("UNAVAILABLE", key);
${members}

  /** Null if the body is not a problem. */
  static String errorCode(String body) {
    try {
      return readErrorCode(body);
    } catch (Exception error) {
      return null;
    }
  }

  static File file(String text) throws Exception {
    var file = File.createTempFile("rows", ".csv");
    file.deleteOnExit();
    Files.writeString(file.toPath(), text);
    return file;
  }

  static void call(String operation, String outcome, Callable<?> run) throws Exception {
    String kind = "result";
    String result;
    try {
      var value = run.call();
      result = value instanceof File
        ? "{\\"base64\\":\\"" + Base64.getEncoder().encodeToString(Files.readAllBytes(((File) value).toPath())) + "\\"}"
        : write(value);
    } catch (ApiException error) {
      if (error.getResponseBody() != null) {
        kind = "error";
        var code = errorCode(error.getResponseBody());
        result = "{\\"status\\":" + error.getCode() + ",\\"error_code\\":" + (code == null ? "null" : "\\"" + code + "\\"") + "}";
      } else {
        kind = "failure";
        result = write(String.valueOf(error));
      }
    } catch (Exception error) {
      kind = "failure";
      result = write(String.valueOf(error));
    }
    System.out.println(String.join("\\t", "@@", operation, outcome, kind, result));
  }

  public static void main(String[] args) throws Exception {
${scenarios.map(toCall(typeClass)).join("\n")}
    System.exit(0);
  }
}
`
  })

const pom = (folder: string) => join(folder, "client", "pom.xml")
const classPath = (folder: string) =>
  `${join(folder, "client", "target", "classes")}:${join(folder, "client", "target", "dependency", "*")}`

const toClient = (name: string, dialect: Dialect, others: Pick<Client, "inCi" | "notes">): Client => ({
  name: name,
  generator: `openapi-generator ${version}`,
  tools: ["javac", "mvn"],
  generate: (folder) => generateAsDocumented(`${name}.md`, join(folder, "client")),
  render: render(dialect),
  firstProgram: { document: `${name}.md`, fence: "java", path: "client/src/main/java/First.java" },
  compile: (folder) => [
    {
      command: [
        "mvn",
        "--batch-mode",
        "--quiet",
        "-f",
        pom(folder),
        "-Djava.version=17",
        "compile",
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        "-DoutputDirectory=target/dependency"
      ]
    }
  ],
  run: (folder) => ({ command: ["java", "-cp", classPath(folder), "EveryOperation"], cwd: folder }),
  runFirstProgram: (folder) => ({ command: ["java", "-cp", classPath(folder), "First"], cwd: folder }),
  ...others
})

export const javaNativeClient = toClient("java-native", native, { inCi: true })
export const javaOkhttpClient = toClient("java-okhttp", okhttp, { inCi: false })
