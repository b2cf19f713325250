import { join } from "node:path"
import type { Client } from "../Client.ts"
import { cache, generateAsDocumented, version } from "../openApiGenerator.ts"
import { type Argument, argumentsOf, operationsById, resolve, type Schema, toSnake } from "../Operation.ts"
import type { Json, Scenario } from "../scenarios.ts"

const toValue = (value: Json, given: Schema): string => {
  const { name, schema } = resolve(given)
  return Array.isArray(value) || (schema.enum !== undefined && name !== undefined)
    ? `json(${JSON.stringify(JSON.stringify(value))})`
    : JSON.stringify(value)
}

const toArgument = ({ kind, name, required, schema }: Argument, call: Scenario): string => {
  if (kind === "body")
    return call.file === undefined ? `json(${JSON.stringify(JSON.stringify(call.json))})` : `file(${JSON.stringify(call.file)})`
  const value = call.parameters[name]
  if (value === undefined) return "None"
  return required ? toValue(value, schema) : `Some(${toValue(value, schema)})`
}

const toCall = (call: Scenario): string => {
  const operation = operationsById.get(call.operation)!
  const args = argumentsOf(operation).map((argument) => toArgument(argument, call))
  const request = `${toSnake(operation.tag)}_api::${toSnake(operation.id)}(${[`&${toSnake(call.target)}`, ...args].join(", ")}).await`
  const result =
    operation.response.kind === "binary"
      ? `match ${request} { Ok(response) => Ok(encode(&response.bytes().await.unwrap())), Err(error) => Err(error) }`
      : request
  return `    report("${call.operation}", "${call.outcome}", ${result});`
}

const render = (scenarios: ReadonlyArray<Scenario>) => ({
  "Cargo.toml": `[package]
name = "example"
version = "0.1.0"
edition = "2021"

[dependencies]
boardwalk-client = { path = "client" }
base64 = "0.22"
serde = "1"
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }

[[bin]]
name = "every-operation"
path = "every_operation.rs"

[[bin]]
name = "first"
path = "first.rs"

[profile.dev]
debug = false
`,
  "every_operation.rs": `use base64::Engine;
use boardwalk_client::apis::{assets_api, attributes_api, devices_api, graph_api, system_api, telemetry_api};
use boardwalk_client::apis::{configuration::{ApiKey, Configuration}, Error};

fn client(target: &str, key: &str) -> Configuration {
    Configuration {
        base_path: std::env::var(format!("BOARDWALK_{target}_URL")).unwrap(),
        api_key: Some(ApiKey { prefix: None, key: key.to_string() }),
        ..Configuration::default()
    }
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

fn file(text: &str) -> std::path::PathBuf {
    static COUNTER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let path = std::path::PathBuf::from(format!("rows-{}", COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
    std::fs::write(&path, text).unwrap();
    path
}

fn print(operation: &str, outcome: &str, kind: &str, result: String) {
    println!("@@\\t{operation}\\t{outcome}\\t{kind}\\t{result}");
}

fn report<T: serde::Serialize, E: std::fmt::Debug>(operation: &str, outcome: &str, result: Result<T, Error<E>>) {
    match result {
        Ok(value) => print(operation, outcome, "result", serde_json::to_string(&value).unwrap()),
        Err(Error::ResponseError(response)) => {
            let code = serde_json::from_str::<boardwalk_client::models::Problem>(&response.content).ok().map(|problem| problem.error_code);
            let error = serde_json::json!({ "status": response.status.as_u16(), "error_code": code });
            print(operation, outcome, "error", error.to_string());
        }
        Err(error) => print(operation, outcome, "failure", serde_json::to_string(&format!("{error:?}")).unwrap()),
    }
}

fn encode(bytes: &[u8]) -> serde_json::Value {
    serde_json::json!({ "base64": base64::engine::general_purpose::STANDARD.encode(bytes) })
}

#[tokio::main]
async fn main() {
    let key = std::env::var("BOARDWALK_API_KEY").unwrap();
    let demo = client("DEMO", &key);
    let wrong_key = client("DEMO", "wrong");
    let long_path = client("LONG_PATH", &key);
    let unavailable = client("UNAVAILABLE", &key);
${scenarios.map(toCall).join("\n")}
}
`
})

const target = join(cache, "rust-target")

export const rustClient: Client = {
  name: "rust",
  generator: `openapi-generator ${version}`,
  inCi: false,
  tools: ["cargo"],
  generate: (folder) => generateAsDocumented("rust.md", join(folder, "client")),
  render,
  firstProgram: { document: "rust.md", fence: "rust", path: "first.rs" },
  compile: (folder) => [{ command: ["cargo", "build", "--quiet"], cwd: folder, env: { CARGO_TARGET_DIR: target } }],
  run: (folder) => ({ command: [join(target, "debug", "every-operation")], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [join(target, "debug", "first")], cwd: folder })
}
