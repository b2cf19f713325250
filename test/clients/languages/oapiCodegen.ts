import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Client } from "../Client.ts"
import { runDocumentedCommand } from "../documentedCommand.ts"
import { operationsById, resolve, toPascal } from "../Operation.ts"
import type { Json, Scenario } from "../scenarios.ts"

/** A value of a type of the client, read from JSON. */
const value = (type: string, json: Json) => `value[boardwalk.${type}](${JSON.stringify(JSON.stringify(json))})`

/** A path parameter. One without a schema of its own is a string. */
const pathValue = (name: string | undefined, json: Json) => (name === undefined ? JSON.stringify(json) : `*${value(name, json)}`)

const toCall = (call: Scenario): string => {
  const { body, id, parameters } = operationsById.get(call.operation)!
  const name = toPascal(id)
  const inPath = parameters.filter((parameter) => parameter.in === "path")
  const inQuery = parameters.filter((parameter) => parameter.in !== "path")
  const query = Object.fromEntries(
    inQuery
      .filter((parameter) => call.parameters[parameter.name] !== undefined)
      .map((parameter) => [parameter.name, call.parameters[parameter.name]!])
  )
  const args = [
    "context.Background()",
    ...inPath.map((parameter) => pathValue(resolve(parameter.schema).name, call.parameters[parameter.name]!)),
    ...(inQuery.length === 0 ? [] : [value(`${name}Params`, query)]),
    ...(body === undefined
      ? []
      : body.kind === "json"
        ? [`*${value(`${name}JSONRequestBody`, call.json!)}`]
        : [`"application/octet-stream"`, `strings.NewReader(${JSON.stringify(call.file)})`])
  ]
  const method = `${name}${body?.kind === "binary" ? "WithBody" : ""}WithResponse`
  return `\tcall("${call.operation}", "${call.outcome}", func() (interface{}, error) { return ${call.target}.${method}(${args.join(", ")}) })`
}

const binary = () => [...operationsById.values()].filter(({ response }) => response.kind === "binary").map(({ id }) => JSON.stringify(id))
const text = () => [...operationsById.values()].filter(({ response }) => response.kind === "text").map(({ id }) => JSON.stringify(id))

const render = (scenarios: ReadonlyArray<Scenario>) => ({
  "every-operation/main.go": `package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"

	"example/boardwalk"
)

func client(target string, key string) *boardwalk.ClientWithResponses {
	addKey := boardwalk.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
		request.Header.Set("X-API-Key", key)
		return nil
	})
	created, err := boardwalk.NewClientWithResponses(os.Getenv("BOARDWALK_"+target+"_URL"), addKey)
	if err != nil {
		panic(err)
	}
	return created
}

func value[T any](text string) *T {
	var read T
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		panic(err)
	}
	return &read
}

// The field of the response for its status, such as JSON200.
func decoded(response reflect.Value, status int) interface{} {
	for _, prefix := range []string{"JSON", "ApplicationproblemJSON"} {
		field := response.FieldByName(fmt.Sprintf("%s%d", prefix, status))
		if field.IsValid() && !field.IsNil() {
			return field.Interface()
		}
	}
	return nil
}

func call(operation string, outcome string, run func() (interface{}, error)) {
	kind := "result"
	returned, err := run()
	var result interface{}
	if err != nil {
		kind = "failure"
		result = err.Error()
	} else {
		response := reflect.ValueOf(returned).Elem()
		status := response.FieldByName("HTTPResponse").Interface().(*http.Response).StatusCode
		body := response.FieldByName("Body").Bytes()
		result = decoded(response, status)
		if status >= 400 {
			kind = "error"
			var problem map[string]interface{}
			text, _ := json.Marshal(result)
			json.Unmarshal(text, &problem)
			result = map[string]interface{}{"status": status, "error_code": problem["error_code"]}
		} else {
			switch operation {
			case ${binary().join(", ")}:
				result = map[string]interface{}{"base64": body}
			case ${text().join(", ")}:
				result = string(body)
			}
		}
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

export const oapiCodegenClient: Client = {
  name: "oapi-codegen",
  generator: "oapi-codegen 2.8.2",
  inCi: false,
  tools: ["go"],
  generate: async (folder) => {
    mkdirSync(join(folder, "boardwalk"), { recursive: true })
    await Bun.write(join(folder, "go.mod"), "module example\n\ngo 1.24\n")
    await runDocumentedCommand("oapi-codegen.md", folder)
  },
  render,
  firstProgram: { document: "oapi-codegen.md", fence: "go", path: "first/main.go" },
  compile: (folder) => [
    { command: ["go", "get", "github.com/oapi-codegen/runtime@v1.9.0"], cwd: folder },
    { command: ["go", "mod", "tidy"], cwd: folder },
    { command: ["go", "build", "-o", "bin/", "./every-operation", "./first"], cwd: folder }
  ],
  run: (folder) => ({ command: [join(folder, "bin", "every-operation")], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [join(folder, "bin", "first")], cwd: folder })
}
