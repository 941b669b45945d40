//! The same forms, which take nothing that they do not name.
//!
//! A document leaves its answers open, so that a field more breaks no client. A test wants to know of that field.

use serde_json::{Map, Value};

use crate::schemas::PREFIX;

/// A document whose objects hold only what they name, wherever one is looked at as a whole. The parts of what is put together of several
/// (`allOf`, `oneOf`, `anyOf`) stay open, each for the others' fields.
pub(crate) fn closed(document: &Value) -> Value {
    let mut closed = document.clone();
    let open = document.pointer("/components/schemas").and_then(Value::as_object);
    let open = open.expect("a document has schemas");
    for schema in closed["components"]["schemas"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        close_parts(schema, open);
    }
    close_content(&mut closed["paths"], open);
    close_content(&mut closed["components"]["responses"], open);
    closed
}

/// Closes the schemas of bodies and answers.
fn close_content(value: &mut Value, open: &Map<String, Value>) {
    let Value::Object(fields) = value else {
        return;
    };
    for (name, field) in fields {
        if name == "schema" {
            close(field, open);
        } else {
            close_content(field, open);
        }
    }
}

/// Closes a schema that all of a value is held against.
fn close(schema: &mut Value, open: &Map<String, Value>) {
    close_parts(schema, open);
    if says_which_fields(schema, open)
        && let Value::Object(fields) = schema
    {
        fields.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
}

/// Whether a schema names the fields of an object. One that does not takes any.
fn says_which_fields(schema: &Value, open: &Map<String, Value>) -> bool {
    let part = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
    let named = schema.get("$ref").and_then(Value::as_str);
    let named = named.and_then(|reference| open.get(reference.strip_prefix(PREFIX)?));
    schema.get("properties").is_some()
        || named.is_some_and(|named| says_which_fields(named, open))
        || ["allOf", "oneOf", "anyOf"]
            .into_iter()
            .any(|several| part(several).any(|part| says_which_fields(part, open)))
}

fn close_parts(schema: &mut Value, open: &Map<String, Value>) {
    let Value::Object(fields) = schema else {
        return;
    };
    for (name, part) in fields {
        match (name.as_str(), part) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(|field| close(field, open)),
            ("items" | "additionalProperties", part) => close(part, open),
            ("allOf" | "oneOf" | "anyOf" | "prefixItems", Value::Array(parts)) => {
                parts.iter_mut().for_each(|part| close_parts(part, open));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_holds_what_it_and_its_parts_name() {
        let document = json!({
            "components": { "schemas": {
                "Anything": {},
                "Part": { "properties": { "part": { "type": "integer" } } },
                "Whole": {
                    "allOf": [{ "$ref": format!("{PREFIX}Part") }],
                    "properties": { "whole": { "$ref": format!("{PREFIX}Part") }, "free": { "$ref": format!("{PREFIX}Anything") } },
                },
            } },
            "paths": { "/": { "get": { "responses": { "200": { "content": { "application/json": {
                "schema": { "type": "array", "items": { "$ref": format!("{PREFIX}Whole") } },
            } } } } } } },
        });
        let closed = closed(&document);
        let registry = jsonschema::Registry::new()
            .add("urn:closed", closed)
            .and_then(|registry| registry.prepare());
        let registry = registry.expect("it leads nowhere else");
        let schema = json!({ "$ref": "urn:closed#/paths/~1/get/responses/200/content/application~1json/schema" });
        let validator = jsonschema::draft202012::options()
            .with_registry(&registry)
            .build(&schema);
        let validator = validator.expect("it is a schema");
        for (value, is_valid) in [
            (
                json!([{ "part": 1, "whole": { "part": 2 }, "free": { "any": 3 } }]),
                true,
            ),
            (json!([{ "part": 1, "more": 2 }]), false),
            (json!([{ "whole": { "part": 2, "more": 3 } }]), false),
        ] {
            assert_eq!(validator.is_valid(&value), is_valid, "{value}");
        }
    }
}
