import { join } from "node:path"
import type { Client } from "../Client.ts"
import { generateAsDocumented, version } from "../openApiGenerator.ts"
import { type Argument, argumentsOf, operationsById, resolve, type Schema, toCamel, toPascal } from "../Operation.ts"
import type { Json, Scenario } from "../scenarios.ts"

/** The type that the generator gives to a body. */
const toType = (given: Schema): string => {
  const { name, schema } = resolve(given)
  if (name !== undefined && (schema.properties !== undefined || schema.enum !== undefined)) return `boardwalk.${name}`
  if (schema.type === "array") return `[]${toType(schema.items!)}`
  if (schema.type === "object")
    return `map[string]${toType(typeof schema.additionalProperties === "object" ? schema.additionalProperties : {})}`
  return schema.type === "string" ? "string" : "interface{}"
}

const toValue = (value: Json, given: Schema): string => {
  const { name, schema } = resolve(given)
  if (Array.isArray(value)) return `[]${toType(schema.items!)}{${value.map((item) => toValue(item, schema.items!)).join(", ")}}`
  return schema.enum !== undefined && name !== undefined ? `boardwalk.${name}(${JSON.stringify(value)})` : JSON.stringify(value)
}

const toArgument = ({ kind, schema, name }: Argument, call: Scenario): string => {
  if (kind !== "body") return toValue(call.parameters[name]!, schema)
  return call.file === undefined
    ? `body[${toType(schema)}](${JSON.stringify(JSON.stringify(call.json))})`
    : `file(${JSON.stringify(call.file)})`
}

const toCall = (call: Scenario): string => {
  const operation = operationsById.get(call.operation)!
  const passed = argumentsOf(operation).filter(({ kind, name }) => kind === "body" || call.parameters[name] !== undefined)
  const inPath = passed.filter(({ kind }) => kind === "path").map((argument) => toArgument(argument, call))
  const setters = passed
    .filter(({ kind }) => kind !== "path")
    .map((argument) => `.${toPascal(toCamel(argument.name))}(${toArgument(argument, call)})`)
    .join("")
  const request = `${call.target}.${operation.tag}API.${toPascal(operation.id)}(${["context.Background()", ...inPath].join(", ")})${setters}`
  return `\tcall("${call.operation}", "${call.outcome}", func() (interface{}, *http.Response, error) { return ${request}.Execute() })`
}

const render = (scenarios: ReadonlyArray<Scenario>) => ({
  "go.mod": "module example\n\ngo 1.19\n",
  "every-operation/main.go": `package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"example/boardwalk"
)

func client(target string, key string) *boardwalk.APIClient {
	configuration := boardwalk.NewConfiguration()
	configuration.Servers = boardwalk.ServerConfigurations{{URL: os.Getenv("BOARDWALK_" + target + "_URL")}}
	configuration.AddDefaultHeader("X-API-Key", key)
	return boardwalk.NewAPIClient(configuration)
}

func body[T any](text string) T {
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		panic(err)
	}
	return value
}

func file(text string) *os.File {
	created, err := os.CreateTemp("", "rows")
	if err != nil {
		panic(err)
	}
	created.WriteString(text)
	created.Seek(0, io.SeekStart)
	return created
}

func call(operation string, outcome string, run func() (interface{}, *http.Response, error)) {
	kind := "result"
	result, response, err := run()
	if failed, ok := err.(*boardwalk.GenericOpenAPIError); ok && response != nil && response.StatusCode >= 400 {
		kind = "error"
		var code interface{}
		if problem, ok := failed.Model().(boardwalk.Problem); ok {
			code = problem.ErrorCode
		}
		result = map[string]interface{}{"status": response.StatusCode, "error_code": code}
	} else if err != nil {
		kind = "failure"
		result = err.Error()
	} else if downloaded, ok := result.(*os.File); ok {
		bytes, err := io.ReadAll(downloaded)
		if err != nil {
			panic(err)
		}
		result = map[string]interface{}{"base64": bytes}
	}
	text, err := json.Marshal(result)
	if err != nil {
		kind = "failure"
		text, _ = json.Marshal(err.Error())
	}
	fmt.Printf("@@\\t%s\\t%s\\t%s\\t%s\\n", operation, outcome, kind, text)
}

func main() {
	key := os.Getenv("BOARDWALK_API_KEY")
	demo, wrongKey, longPath, unavailable := client("DEMO", key), client("DEMO", "wrong"), client("LONG_PATH", key), client("UNAVAILABLE", key)
${scenarios.map(toCall).join("\n")}
}
`
})

export const goClient: Client = {
  name: "go",
  generator: `openapi-generator ${version}`,
  inCi: true,
  tools: ["go"],
  generate: (folder) => generateAsDocumented("go.md", join(folder, "boardwalk")),
  render,
  firstProgram: { document: "go.md", fence: "go", path: "first/main.go" },
  compile: (folder) => [{ command: ["go", "build", "-o", "bin/", "./every-operation", "./first"], cwd: folder }],
  run: (folder) => ({ command: [join(folder, "bin", "every-operation")], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [join(folder, "bin", "first")], cwd: folder })
}
