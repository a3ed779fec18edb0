//! The OpenAPI document, made from the table of routes and the types: nothing in it is written twice.

use std::{collections::BTreeMap, sync::LazyLock};

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    codes::{self, Code},
    routes::{self, Answer, Route},
};

static DOCUMENT: LazyLock<Value> = LazyLock::new(build);

/// The document, OpenAPI 3.1.
pub fn document() -> Value {
    DOCUMENT.clone()
}

fn build() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    let problem = routes::problem_schema(&mut generator);
    for route in routes::all() {
        let operation = operation(route, &problem, &mut generator);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Xiezhi hub",
            "version": "1.0",
            "summary": "Demands for assistance in enforcement (协执) from courts to real-estate registries",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    })
}

fn operation(route: &Route, problem: &Schema, generator: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "responses": responses(route, problem, generator),
    });
    if route.need.is_some() {
        operation["security"] = json!([{"bearer": []}]);
    }
    let parameters = parameters(route, generator);
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if !route.body.is_empty() {
        let content: Map<String, Value> = route
            .body
            .iter()
            .map(|(media_type, schema)| ((*media_type).to_owned(), content(*schema, generator)))
            .collect();
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

fn content(schema: Option<routes::SchemaOf>, generator: &mut SchemaGenerator) -> Value {
    schema.map_or_else(|| json!({}), |schema| json!({"schema": schema(generator)}))
}

fn parameters(route: &Route, generator: &mut SchemaGenerator) -> Vec<Value> {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|step| step.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    let Some(query) = route.query else { return parameters };
    // A query's type is spelled out here and not kept among the components.
    let mut alone = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator();
    let mut object = query(&mut alone).to_value();
    let names = object.get_mut("properties").and_then(Value::as_object_mut).map(std::mem::take);
    for (name, mut schema) in names.unwrap_or_default() {
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter = json!({"name": name, "in": "query", "required": false, "schema": schema});
        if let Some(text) = description {
            parameter["description"] = text;
        }
        parameters.push(parameter);
    }
    let _unused = generator;
    parameters
}

fn responses(route: &Route, problem: &Schema, generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut responses = Map::new();
    for Answer { status, meaning, media_type, schema } in route.answers {
        let mut response = json!({"description": meaning});
        if !media_type.is_empty() {
            response["content"] = json!({ *media_type: content(*schema, generator) });
        }
        responses.insert(status.to_string(), response);
    }
    let guarded = if route.need.is_some() { routes::GUARDED } else { &[] };
    // What is neither read only nor may be repeated without a look may be left unclear.
    let unclear: &[Code] = if route.method == "post" { &[codes::UNKNOWN_OUTCOME] } else { &[] };
    let mut refusals: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in routes::COMMON.iter().chain(guarded).chain(route.problems).chain(unclear) {
        let of_status = refusals.entry(code.status).or_default();
        if !of_status.contains(code) {
            of_status.push(*code);
        }
    }
    for (status, codes) in refusals {
        let lines: Vec<String> = codes.iter().map(|c| format!("{}: {}", c.code, c.title)).collect();
        let response = json!({
            "description": lines.join("\n"),
            "content": {"application/problem+json": {"schema": problem}},
        });
        responses.entry(status.to_string()).or_insert(response);
    }
    responses
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn every_route_is_in_the_document_once() {
        let document = document();
        let mut operations = BTreeSet::new();
        for route in routes::all() {
            let operation = &document["paths"][route.path][route.method];
            assert_eq!(operation["operationId"], route.operation, "{} {}", route.method, route.path);
            assert!(operations.insert(route.operation), "{} is there twice", route.operation);
            assert!(!route.summary.is_empty() && !route.answers.is_empty(), "{}", route.operation);
        }
        let listed: usize =
            document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(listed, operations.len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(value: &Value, document: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(target)) = map.get("$ref") {
                        let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target}"));
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    map.values().for_each(|value| check(value, document));
                }
                Value::Array(list) => list.iter().for_each(|value| check(value, document)),
                _ => {}
            }
        }
        let document = document();
        check(&document, &document);
    }

    /// Run with `XIEZHI_BLESS=1` after a change of the API that is meant.
    #[test]
    fn the_file_is_this_document() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/json/openapi.json");
        let text = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
        if std::env::var_os("XIEZHI_BLESS").is_some() {
            fs::write(path, &text).unwrap();
        }
        let file = fs::read_to_string(path).unwrap_or_default();
        assert!(
            file == text,
            "schemas/json/openapi.json differs from the routes; bless it with XIEZHI_BLESS=1"
        );
    }
}
