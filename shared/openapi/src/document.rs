use std::path::PathBuf;

use serde_json::{Map, Value, json};
use web::{ProblemDetails, Route};

use crate::Operation;
use crate::schemas::Schemas;

const FRAME: &str = include_str!("frame.json");

fn document(function: &str, operations: &[Operation]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = operation.document(&mut schemas);
    }
    // What the frame refers to.
    let _ = schemas.answered.subschema_for::<ProblemDetails<'_>>();
    let mut requests = Vec::new();
    for operation in paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut)
    {
        let fields = operation.as_object_mut().into_iter().flatten();
        requests.extend(
            fields.filter_map(|(name, value)| (name == "requestBody" || name == "parameters").then_some(value)),
        );
    }
    let named = schemas.into_named(requests);
    let numbered = named
        .keys()
        .find(|name| name.ends_with(|last: char| last.is_ascii_digit()));
    assert_eq!(
        numbered, None,
        "two types have one name: say another with #[schemars(rename = …)]"
    );
    let mut document: Value = serde_json::from_str(FRAME).expect("the frame is JSON");
    document["info"]["title"] = Value::String(format!("Confide: {function}"));
    document["components"]["schemas"] = Value::Object(named);
    document["paths"] = Value::Object(paths);
    in_words(&mut document);
    document
}

/// Descriptions are comments of the code, in which names of types are links.
fn in_words(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(description)) = fields.get_mut("description") {
                *description = description.replace("[`", "`").replace("`]", "`").replace('\n', " ");
                assert!(
                    !description.contains("::"),
                    "a description that only who reads the code understands: {description}"
                );
            }
            fields.values_mut().for_each(in_words);
        }
        Value::Array(values) => values.iter_mut().for_each(in_words),
        _ => {}
    }
}

/// Where the documents lie.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi")
}

/// That every public route is described, nothing else is, and the document says what the descriptions say. `function` is the crate's name.
///
/// # Panics
/// Where it does not. With `CONFIDE_WRITE_DOCS=1` in the environment the document is written instead.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs a test says by it that documents are to be written"
)]
pub fn assert_current(function: &str, routes: &[Route], operations: &[Operation]) {
    let mut routed: Vec<String> = routes
        .iter()
        .filter(|route| !route.is_private())
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let mut described: Vec<String> = operations
        .iter()
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    routed.sort();
    described.sort();
    assert_eq!(described, routed, "the operations that are described, and the routes");
    for operation in operations {
        let route = routes
            .iter()
            .find(|route| (&route.method, route.path) == (&operation.method, operation.path));
        let is_read = route.is_some_and(Route::takes_query);
        assert_eq!(
            operation.takes_query(),
            is_read,
            "whether {} takes a query",
            operation.id()
        );
    }
    let mut ids: Vec<String> = operations.iter().map(Operation::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), operations.len(), "two operations have one id: {ids:?}");
    let text = format!("{:#}\n", document(function, operations));
    let file = folder().join(format!("{function}.json"));
    if std::env::var("CONFIDE_WRITE_DOCS").is_ok_and(|write| write == "1") {
        std::fs::create_dir_all(folder()).expect("the folder can be made");
        // Other tests read meanwhile.
        let written = file.with_extension("new");
        std::fs::write(&written, text).expect("the document can be written");
        std::fs::rename(&written, &file).expect("the document can be replaced");
        return;
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == text,
        "docs/openapi/{function}.json is stale: CONFIDE_WRITE_DOCS=1 cargo test -p {function} openapi"
    );
}
