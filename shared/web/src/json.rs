//! Strict JSON: bounded depth, known fields only, errors that name the field and never repeat its value.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::Problem;

/// How deep arrays and objects may nest.
const DEPTH: usize = 32;

fn is_too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            return true;
        }
    }
    false
}

/// `a.b[2].c`, as the tracking deserialisers say it, as a JSON pointer.
fn pointer(path: &str) -> String {
    path.split(['.', '['])
        .map(|step| step.trim_end_matches(']'))
        .filter(|step| !step.is_empty() && *step != "?")
        .fold(String::new(), |mut pointer, step| {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
            pointer
        })
}

/// What serde expected. Only that part of its message is fixed text of ours: the rest may quote the value.
fn expectation(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("lacks the field {field}");
    }
    match message.rsplit_once("expected ") {
        Some((_, expected)) => format!("must be {expected}"),
        None if message.starts_with("must ") => message.to_owned(),
        None => "does not have the form that the API describes".to_owned(),
    }
}

/// Parses a body.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if is_too_deep(bytes) {
        return Err(Problem::malformed(
            "",
            "depth",
            format!("JSON must not nest deeper than {DEPTH} levels"),
        ));
    }
    let mut unknown = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let parsed = serde_ignored::deserialize(tracked, |path| {
        unknown.push(pointer(&path.to_string()));
    });
    let value: T = parsed
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| match error.classify() {
            Category::Data => Problem::malformed(
                pointer(&track.path().to_string()),
                "type",
                expectation(&error.to_string()),
            ),
            Category::Syntax | Category::Eof | Category::Io => Problem::malformed(
                "",
                "json",
                format!("is not JSON at line {}, column {}", error.line(), error.column()),
            ),
        })?;
    match unknown.into_iter().next() {
        None => Ok(value),
        // Data minimisation: what the API does not ask for is not accepted, even to be ignored.
        Some(field) => Err(Problem::malformed(
            field,
            "unknown-field",
            "is not a field of this request",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Inner {
        count: u8,
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Fast,
        Slow,
    }

    #[test]
    fn errors_name_the_field_and_hide_the_value() {
        for (body, field, rule) in [
            (r#"{"inner":[{"count":"SECRET"}]}"#, "/inner/0/count", "type"),
            (r#"{"inner":[{"count":1,"mode":"SECRET"}]}"#, "/inner/0/mode", "type"),
            (
                r#"{"inner":[{"count":1,"SECRET~/":1}]}"#,
                "/inner/0/SECRET~0~1",
                "unknown-field",
            ),
            (r#"{"inner":[{}]}"#, "/inner/0", "type"),
            (r#"{"inner":[]} {}"#, "", "json"),
            (r#"{"inner":"#, "", "json"),
            ("", "", "json"),
        ] {
            let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
            let violation = &problem.violations[0];
            assert_eq!((violation.field.as_str(), violation.rule), (field, rule), "{body}");
            assert!(!violation.detail.contains("SECRET"), "{}", violation.detail);
        }
    }

    #[test]
    fn depth_is_bounded_before_parsing() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!is_too_deep(deep(DEPTH).as_bytes()));
        assert!(is_too_deep(deep(DEPTH + 1).as_bytes()));
        assert!(!is_too_deep(format!("\"\\\"{}\"", "[".repeat(99)).as_bytes()));
    }
}
