//! The query, strictly parsed: an error names the parameter, and never repeats its value.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Problem;
use crate::json::expectation;

/// What is in a query that nothing is read from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

/// Refuses whatever parameters there are.
pub(crate) fn refuse(query: &str) -> Result<(), Problem> {
    let NoParameters {} = parse(query)?;
    Ok(())
}

pub(crate) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let read = |query: &str| serde_urlencoded::from_str(query).map_err(|error| error.to_string());
    read(query).map_err(|error| problem(query, &error, &|parameter| read(parameter).err()))
}

/// Whether a name could be a parameter's. What else is sent in a name's place may be about somebody, and is not repeated.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    matches!(name.len(), 1..=40) && name.bytes().all(is_plain)
}

/// Which parameter is wrong, found by reading each `alone`, so that nobody pays for it whose query is right.
fn problem(query: &str, error: &str, alone: &dyn Fn(&str) -> Option<String>) -> Problem {
    const MISSING: &str = "missing field `";
    let wrong = query.split('&').find_map(|parameter| {
        let error = alone(parameter).filter(|error| !error.starts_with(MISSING))?;
        let name = parameter.split('=').next().filter(|name| is_plain(name));
        Some(match (error.starts_with("unknown field "), name) {
            (true, Some(name)) => Problem::malformed(name, "unknown-field", "is not a parameter of this request"),
            (true, None) => Problem::malformed(
                "query",
                "unknown-field",
                "has a parameter that is not one of this request",
            ),
            (false, name) => Problem::malformed(name.unwrap_or("query"), "type", expectation(&error)),
        })
    });
    let known = |prefix| error.strip_prefix(prefix)?.strip_suffix('`');
    wrong.unwrap_or_else(|| match (known(MISSING), known("duplicate field `")) {
        (Some(name), _) => Problem::malformed(name, "required", "is needed"),
        (_, Some(name)) => Problem::malformed(name, "once", "must be sent once"),
        _ => Problem::malformed("query", "query", "does not have the form that the API describes"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Query {
        from: Timestamp,
        until: Option<Timestamp>,
        limit: Option<usize>,
        sort: Option<Sort>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Sort {
        Up,
        Down,
    }

    #[test]
    fn errors_name_the_parameter_and_hide_its_value() {
        const FROM: &str = "from=2026-11-30T10:00:00Z";
        assert!(parse::<Query>(&format!("{FROM}&limit=5&until=2026-11-30T10%3A00%3A00Z&sort=down")).is_ok());
        for (query, field, rule, detail) in [
            (String::new(), "from", "required", "is needed"),
            ("limit=5".to_owned(), "from", "required", "is needed"),
            (format!("{FROM}&limit=5&limit=5"), "limit", "once", "must be sent once"),
            (format!("{FROM}&{FROM}"), "from", "once", "must be sent once"),
            (
                format!("{FROM}&to=SECRET"),
                "to",
                "unknown-field",
                "is not a parameter of this request",
            ),
            (
                "Jane%20SECRET=1".to_owned(),
                "query",
                "unknown-field",
                "has a parameter that is not one of this request",
            ),
            (
                "to&limit=5".to_owned(),
                "to",
                "unknown-field",
                "is not a parameter of this request",
            ),
            (
                format!("limit=SECRET&{FROM}"),
                "limit",
                "type",
                "does not have the form that the API describes",
            ),
            (
                format!("{FROM}&limit"),
                "limit",
                "type",
                "does not have the form that the API describes",
            ),
            (
                "from=2026SECRET".to_owned(),
                "from",
                "type",
                "does not have the form that the API describes",
            ),
            (
                format!("{FROM}&until=2026-11-30T10:00:00ZSECRET"),
                "until",
                "type",
                "does not have the form that the API describes",
            ),
            (format!("{FROM}&sort=SECRET"), "sort", "type", "must be `up` or `down`"),
        ] {
            let violation = parse::<Query>(&query).unwrap_err().violations.remove(0);
            assert_eq!(
                (violation.field.as_str(), violation.rule, violation.detail.as_str()),
                (field, rule, detail),
                "{query}"
            );
        }
    }
}
