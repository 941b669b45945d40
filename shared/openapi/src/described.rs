//! Whether a request and its answer are what the documents say.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use http::{HeaderMap, Request, Response, header};
use jsonschema::{Registry, Validator};
use serde_json::{Map, Value, json};

use crate::closed::closed;
use crate::document::folder;

static DESCRIBED: LazyLock<Vec<Described>> = LazyLock::new(|| {
    let files = fs::read_dir(folder()).expect("docs/openapi is there");
    let files = files.map(|file| file.expect("the folder can be read").path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    files
        .map(|file| Described::new(&fs::read_to_string(file).expect("a document can be read")))
        .collect()
});

/// What documents are called among the schemas that name them.
const URI: &str = "urn:confide:openapi";

/// A document, and the validators that were made of it so far, by the JSON pointer of their schema.
struct Described {
    document: Value,
    registry: Registry<'static>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One operation, found by a request.
struct Found<'d> {
    described: &'d Described,
    pattern: &'d str,
    method: String,
    operation: &'d Value,
}

impl Described {
    fn new(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).expect("a document is JSON");
        let registry = Registry::new()
            .add(URI, closed(&document))
            .and_then(|registry| registry.prepare());
        Self {
            document,
            registry: registry.expect("a document leads nowhere else"),
            validators: Mutex::default(),
        }
    }

    /// The operation that a request asks for. Where several paths take it, the one with the fewest parameters is meant.
    fn find<'d>(&'d self, request: &Request<Vec<u8>>) -> Option<Found<'d>> {
        let segments: Vec<&str> = request.uri().path().split('/').collect();
        let fits = |pattern: &str| {
            let pattern: Vec<&str> = pattern.split('/').collect();
            let mut pairs = pattern.iter().zip(&segments);
            pattern.len() == segments.len()
                && pairs
                    .all(|(pattern, segment)| pattern == segment || (pattern.starts_with('{') && !segment.is_empty()))
        };
        let paths = self.document.get("paths")?.as_object()?;
        let (pattern, operations) = paths
            .iter()
            .filter(|(pattern, _)| fits(pattern))
            .min_by_key(|(pattern, _)| pattern.matches('{').count())?;
        let method = request.method().as_str().to_lowercase();
        Some(Found {
            described: self,
            pattern,
            operation: operations.get(&method)?,
            method,
        })
    }

    /// The validator of the schema at a JSON pointer into the document; `None` where nothing is there.
    fn validator(&self, pointer: &str) -> Option<Arc<Validator>> {
        self.document.pointer(pointer)?;
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = validators.get(pointer) {
            return Some(Arc::clone(made));
        }
        let schema = json!({ "$ref": format!("{URI}#{}", pointer.replace('{', "%7B").replace('}', "%7D")) });
        let made = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .with_registry(&self.registry)
            .build(&schema);
        let made = Arc::new(made.unwrap_or_else(|error| panic!("{pointer} is no schema: {error}")));
        validators.insert(pointer.to_owned(), Arc::clone(&made));
        Some(made)
    }
}

impl Found<'_> {
    /// Holds a body against what is described at a place of the operation, under the media type that it has.
    fn assert_body(&self, place: &str, headers: &HeaderMap, body: &[u8]) {
        let media_type = headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let content = self
            .operation
            .pointer(&format!("{place}/content"))
            .and_then(Value::as_object);
        let Some(content) = content else {
            assert!(body.is_empty(), "{self} has a body at {place}, which is not described");
            return;
        };
        let described = [media_type, "*/*"].into_iter().find(|name| content.contains_key(*name));
        let described =
            described.unwrap_or_else(|| panic!("{self} has {media_type:?} at {place}, which is not described"));
        let [path, media_type] = [self.pattern, described].map(|name| name.replace('/', "~1"));
        let pointer = format!("/paths/{path}/{}{place}/content/{media_type}/schema", self.method);
        let Some(validator) = self.described.validator(&pointer) else {
            return;
        };
        let mut value: Value = serde_json::from_slice(body).unwrap_or_else(|_| panic!("{self} has no JSON at {place}"));
        if place == BODY && !validator.is_valid(&value) {
            leave_out_nulls(&mut value);
        }
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("at {}: {error}", error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{self} is not as described at {place}: {errors:#?}\n{value:#}"
        );
    }

    fn assert_request(&self, request: &Request<Vec<u8>>) {
        let (body, described) = (request.body().as_slice(), self.operation.get("requestBody"));
        match (body, described) {
            // An empty object says nothing. Schedulers send one with every job.
            (b"" | b"{}", None) => {}
            (b"", Some(described)) => {
                // What is no JSON may be of no length.
                let is_needed = described["required"] == true && described.pointer(JSON).is_some();
                assert!(!is_needed, "{self} was carried out without a body");
            }
            _ => self.assert_body(BODY, request.headers(), body),
        }
        let has_session = [header::AUTHORIZATION, header::COOKIE]
            .iter()
            .any(|name| request.headers().contains_key(name));
        let is_open = self
            .operation
            .get("security")
            .is_some_and(|security| *security == json!([]));
        assert!(has_session || is_open, "{self} was carried out without a session");
        self.assert_parameters(request);
    }

    fn assert_parameters(&self, request: &Request<Vec<u8>>) {
        let sent: Vec<(String, String)> =
            serde_urlencoded::from_str(request.uri().query().unwrap_or_default()).expect("a query is one");
        let parameters = self.operation.get("parameters").and_then(Value::as_array);
        let parameters = parameters.map(Vec::as_slice).unwrap_or_default();
        for (name, text) in &sent {
            let place = parameters
                .iter()
                .position(|parameter| parameter["in"] == "query" && parameter["name"] == name.as_str());
            let place = place.unwrap_or_else(|| panic!("{self} takes the parameter `{name}`, which is not described"));
            let path = self.pattern.replace('/', "~1");
            let pointer = format!("/paths/{path}/{}/parameters/{place}/schema", self.method);
            let validator = self.described.validator(&pointer).expect("a parameter has a form");
            // All that a query holds is text, of numbers too.
            let read = serde_json::from_str::<Value>(text).ok();
            let is_valid = validator.is_valid(&json!(text)) || read.is_some_and(|read| validator.is_valid(&read));
            assert!(is_valid, "{self} takes {name}={text}, which is not described");
        }
        for parameter in parameters.iter().filter(|parameter| parameter["required"] == true) {
            let name = parameter["name"].as_str().unwrap_or_default();
            let is_there = match parameter["in"].as_str() {
                Some("header") => request.headers().contains_key(name),
                Some("query") => sent.iter().any(|(sent, _)| sent == name),
                _ => true,
            };
            assert!(is_there, "{self} was carried out without {name}");
        }
    }

    fn assert_headers(&self, described: Option<&Map<String, Value>>, there: &HeaderMap) {
        for (name, header) in described.into_iter().flatten() {
            let is_there = header["required"] != true || there.contains_key(name.as_str());
            assert!(is_there, "{self} answers without {name}");
        }
        for name in TELLING {
            let is_described =
                described.is_some_and(|described| described.keys().any(|other| other.eq_ignore_ascii_case(name)));
            assert!(
                is_described || !there.contains_key(*name),
                "{self} answers with {name}, which is not described"
            );
        }
    }
}

/// Headers of answers that a client has to know of.
const TELLING: &[&str] = &["etag", "location", "ratelimit", "set-cookie", "content-disposition"];

/// In a request `null` says what leaving the field out says.
fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(leave_out_nulls),
        _ => {}
    }
}

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.pattern)
    }
}

/// That a request that was carried out, and the answer to any, are what the document of its function says. Of private routes, and of a
/// function that has no document, nothing is said.
///
/// # Panics
/// Where they are not.
pub fn assert_described(request: &Request<Vec<u8>>, response: &Response<Vec<u8>>) {
    let Some(found) = DESCRIBED.iter().find_map(|described| described.find(request)) else {
        return;
    };
    let status = response.status();
    if !status.is_success() {
        let validator = found.described.validator(PROBLEM).expect("the form of problems");
        let problem: Value =
            serde_json::from_slice(response.body()).unwrap_or_else(|_| panic!("{found} answers no problem"));
        assert!(
            validator.is_valid(&problem),
            "{found} answers a problem of another form: {problem:#}"
        );
        return;
    }
    let place = format!("/responses/{}", status.as_u16());
    let answer = found.operation.pointer(&place);
    let answer = answer.unwrap_or_else(|| panic!("{found} answers {status}, which is not described"));
    found.assert_headers(answer.get("headers").and_then(Value::as_object), response.headers());
    found.assert_body(&place, response.headers(), response.body());
    found.assert_request(request);
}

const BODY: &str = "/requestBody";

const JSON: &str = "/content/application~1json/schema";

const PROBLEM: &str = "/components/responses/Problem/content/application~1problem+json/schema";

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/v1/audit/keys";

    fn check(path: &str, status: u16, media_type: &str, answer: &Value) -> Result<(), String> {
        let checked = std::panic::catch_unwind(|| {
            let request = Request::get(path).body(Vec::new()).expect("a request");
            let response = Response::builder().status(status).header("content-type", media_type);
            let response = response.body(answer.to_string().into_bytes());
            assert_described(&request, &response.expect("an answer"));
        });
        checked.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
    }

    #[test]
    fn what_is_not_described_is_told() {
        let keys = json!({ "algorithm": "Ed25519", "public_key": "AA==" });
        let problem =
            json!({ "type": "urn:problem-type:confide:stale", "title": "Conflict", "status": 409, "detail": "It is." });
        let (json, other) = ("application/json", "application/problem+json");
        assert_eq!(check(PATH, 200, json, &keys), Ok(()));
        assert_eq!(check(PATH, 409, other, &problem), Ok(()));
        for (path, status, media_type, answer, what) in [
            (PATH, 200, json, json!({ "algorithm": "Ed25519" }), "required"),
            (
                PATH,
                200,
                json,
                json!({ "algorithm": "Ed25519", "public_key": 7 }),
                "string",
            ),
            (
                PATH,
                200,
                json,
                json!({ "algorithm": "Ed25519", "public_key": "AA==", "more": 7 }),
                "more",
            ),
            (PATH, 200, "text/plain", keys.clone(), "text/plain"),
            (PATH, 201, json, keys.clone(), "201"),
            (
                PATH,
                409,
                other,
                json!({ "title": "Conflict" }),
                "a problem of another form",
            ),
            (
                PATH,
                409,
                other,
                json!({ "type": problem["type"], "title": "Conflict", "status": 409, "detail": "It is.", "more": 7 }),
                "a problem of another form",
            ),
            ("/v1/audit/keys?limit=7", 200, json, keys.clone(), "`limit`"),
        ] {
            let told = check(path, status, media_type, &answer).expect_err("it is not as described");
            assert!(told.contains(what), "{told}");
        }
    }

    #[test]
    fn only_headers_that_are_always_there_have_to_be() {
        let log_out = |headers: &'static [&'static str]| {
            let checked = std::panic::catch_unwind(|| {
                let request = Request::delete("/v1/auth/sessions/current")
                    .header("cookie", "")
                    .body(Vec::new());
                let response = headers.iter().fold(Response::builder().status(204), |response, name| {
                    response.header(*name, "")
                });
                let response = response.body(Vec::new());
                assert_described(&request.expect("a request"), &response.expect("an answer"));
            });
            checked.is_ok()
        };
        assert!(log_out(&["set-cookie"]));
        assert!(!log_out(&[]));
        let request = Request::post("/v1/auth/sessions/current/step-up")
            .header("authorization", "")
            .header("content-type", "application/json")
            .body(json!({ "totp": "123456" }).to_string().into_bytes());
        let response = Response::builder()
            .header("content-type", "application/json")
            .header("ratelimit", "")
            .header("ratelimit-policy", "");
        let proven = json!({
            "assurance": "multi_factor", "proven_at": "2026-12-01T08:00:00Z", "fresh_until": "2026-12-01T08:05:00Z",
        });
        let response = response.body(proven.to_string().into_bytes());
        assert_described(&request.expect("a request"), &response.expect("an answer"));
    }

    #[test]
    fn nothing_is_said_of_what_has_no_document() {
        assert_eq!(check("/v1/elsewhere", 200, "text/plain", &json!("")), Ok(()));
    }
}
