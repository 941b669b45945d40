//! Texts over application variables, and how variables may be called.

use anyhow::{Context as _, Result};

/// A string with `{{ name }}` holes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

impl Template {
    /// # Errors
    /// A `{{` without its `}}`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some((literal, after)) = rest.split_once("{{") else {
                parts.push(Part::Literal(rest.to_owned()));
                break;
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let (name, after) = after
                .split_once("}}")
                .context("unmatched \"{{\": close it with \"}}\"")?;
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        Ok(Self(parts))
    }

    /// The names in its holes.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// The text with what `value` says in its holes.
    ///
    /// # Errors
    /// Of the first hole for which it says nothing.
    pub(crate) fn fill<'v, E>(&self, value: impl Fn(&str) -> Result<&'v str, E>) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.0 {
            text.push_str(match part {
                Part::Literal(literal) => literal,
                Part::Variable(name) => value(name)?,
            });
        }
        Ok(text)
    }
}

/// Spin's rule for names, which makes every name an environment variable too.
///
/// # Errors
/// The reason, in Spin's words.
pub(crate) fn validate_name(name: &str) -> Result<(), String> {
    let reason = if name.is_empty() {
        "must not be empty".to_owned()
    } else if let Some(invalid) = name
        .chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_'))
    {
        format!(
            "invalid character {invalid:?}. Variable names may contain only lower-case letters, numbers, and underscores."
        )
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "must start with a lowercase ASCII letter".to_owned()
    } else if name.ends_with('_') {
        "must end with a lowercase ASCII letter or digit".to_owned()
    } else if name.contains("__") {
        "must not contain multiple consecutive underscores".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("{name:?}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        Template::parse(text)
            .unwrap()
            .0
            .into_iter()
            .map(|part| match part {
                Part::Literal(literal) => literal,
                Part::Variable(name) => format!("<{name}>"),
            })
            .collect()
    }

    #[test]
    fn templates() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("{{ x }}", vec!["<x>"]),
            ("a-{{x}}-b", vec!["a-", "<x>", "-b"]),
            ("{{ x }}{{ y }}", vec!["<x>", "<y>"]),
            ("}} {", vec!["}} {"]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
        assert!(Template::parse("{{ x }} {{ y").is_err());
    }

    #[test]
    fn names() {
        for name in ["a", "abc", "a1b2c3", "a_1", "a_1_b_3"] {
            assert_eq!(validate_name(name), Ok(()), "{name}");
        }
        for name in ["", "aX", "1bc", "_x", "x.y", "x_", "a__b", "x-y"] {
            assert!(validate_name(name).is_err(), "{name}");
        }
    }
}
