//! Application variables: who may read what, and where values come from.
//!
//! A component sees only the variables of its own table, each a template over the application's variables. Values come, first hit
//! wins, from the embedder, the process environment (`SPIN_VARIABLE_NAME`), the home's `.env`, the manifest's default.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::manifest::Manifest;

/// A resolved value. It may be a secret whatever the manifest says, so it implements neither `Debug` nor `Display`.
#[derive(Clone)]
pub(crate) struct Value(String);

impl Value {
    #[must_use]
    pub(crate) fn new(value: String) -> Self {
        Self(value)
    }

    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Why a component's `variables.get` fails. Names only, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    InvalidName(String),
    Undefined(String),
    Provider(String),
}

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

    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
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

/// Where a value may come from, by the variable's name.
pub(crate) type Source<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// Every application variable, as its sources had it at one moment.
pub(crate) struct Resolved {
    /// `None`: required, and nobody provides it.
    values: HashMap<String, Option<Value>>,
}

impl Resolved {
    /// Looks every declared variable up, in `sources` order.
    #[must_use]
    pub(crate) fn new(manifest: &Manifest, sources: &[Source<'_>]) -> Self {
        let values = manifest
            .variables
            .iter()
            .map(|(name, declared)| {
                let value = sources
                    .iter()
                    .find_map(|source| source(name))
                    .or_else(|| declared.default.clone().map(Value::new));
                (name.clone(), value)
            })
            .collect();
        Self { values }
    }

    /// The required variables that nobody provides, sorted.
    #[must_use]
    pub(crate) fn missing(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .values
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// # Errors
    /// The first variable of the template that has no value.
    pub(crate) fn fill(&self, template: &Template) -> Result<Value, Failure> {
        let mut text = String::new();
        for part in &template.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable(name) => match self.values.get(name) {
                    Some(Some(value)) => text.push_str(value.expose()),
                    Some(None) => {
                        return Err(Failure::Provider(format!(
                            "no provider resolved required variable {name:?}"
                        )));
                    }
                    None => return Err(Failure::InvalidName(name.clone())),
                },
            }
        }
        Ok(Value(text))
    }

    /// The table one component sees.
    ///
    /// # Errors
    /// A template that does not parse (the manifest check has refused those already).
    pub(crate) fn component(&self, templates: &BTreeMap<String, String>) -> Result<ComponentVariables> {
        let mut values = HashMap::new();
        for (name, text) in templates {
            values.insert(name.clone(), self.fill(&Template::parse(text)?));
        }
        Ok(ComponentVariables { values })
    }
}

/// What one component may read.
#[derive(Default)]
pub(crate) struct ComponentVariables {
    values: HashMap<String, Result<Value, Failure>>,
}

impl ComponentVariables {
    /// One that can be read here and not among those that are to take their place.
    pub(crate) fn lost_in(&self, next: &Self) -> Option<&str> {
        let readable = self.values.iter().filter(|(_, value)| value.is_ok());
        let mut names = readable.map(|(name, _)| name.as_str());
        names.find(|name| next.get(name).is_err())
    }

    /// # Errors
    /// As Spin's `fermyon:spin/variables`: invalid name, undefined for this component, or not provided.
    pub(crate) fn get(&self, name: &str) -> Result<String, Failure> {
        validate_name(name).map_err(Failure::InvalidName)?;
        match self.values.get(name) {
            Some(Ok(value)) => Ok(value.expose().to_owned()),
            Some(Err(failure)) => Err(failure.clone()),
            None => Err(Failure::Undefined(format!("no variable {name:?}"))),
        }
    }
}

/// The variable's name in the environment and in `.env`.
#[must_use]
pub(crate) fn environment_name(name: &str) -> String {
    format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())
}

/// Reads a `.env` file; a missing one is empty.
///
/// # Errors
/// A line that is not `NAME=value`. The message has the line's number and never its text, which may be a secret.
pub(crate) fn read_dotenv(path: &Path) -> Result<HashMap<String, Value>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("{}: cannot be read; check its owner and mode", path.display()));
        }
    };
    let mut values = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) =
            dotenv_line(line).with_context(|| format!("{}: line {}", path.display(), index.saturating_add(1)))?;
        // The first of two lines wins in the process environment's reader; a second one is a mistake worth a stop.
        if values.insert(name.to_owned(), value).is_some() {
            bail!("{}: {name} is set twice; keep one line", path.display());
        }
    }
    Ok(values)
}

fn dotenv_line(line: &str) -> Result<(&str, Value)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, raw) = line.split_once('=').context("expected NAME=value")?;
    let name = name.trim_end();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        bail!("expected NAME=value, with a NAME of letters, digits and underscores");
    }
    let raw = raw.trim_start();
    if let Some(quoted) = raw.strip_prefix('\'') {
        let (value, after) = quoted.split_once('\'').context("unmatched '")?;
        only_comment(after)?;
        return Ok((name, Value(value.to_owned())));
    }
    // Spin's reader expands `$NAME` and backslashes outside single quotes. Doing neither silently would give another secret than
    // Spin reads from the same file, so both are refused.
    if raw.contains(['$', '\\']) {
        bail!("put a value with $ or \\ in single quotes");
    }
    if let Some(quoted) = raw.strip_prefix('"') {
        let (value, after) = quoted.split_once('"').context("unmatched \"")?;
        only_comment(after)?;
        return Ok((name, Value(value.to_owned())));
    }
    let value = raw.split(" #").next().unwrap_or_default().trim_end();
    if value.contains([' ', '\t', '\'', '"']) {
        bail!("put a value with spaces or quotes in single quotes");
    }
    Ok((name, Value(value.to_owned())))
}

fn only_comment(after: &str) -> Result<()> {
    let after = after.trim_start();
    if after.is_empty() || after.starts_with('#') {
        return Ok(());
    }
    bail!("text after the closing quote")
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

    fn manifest() -> Manifest {
        Manifest::parse(
            r#"
            spin_manifest_version = 2
            [application]
            name = "t"
            [variables]
            needed = { required = true, secret = true }
            given = { default = "d" }
            [component.c]
            source = "c.wasm"
            [component.c.variables]
            both = "{{ given }}/{{ needed }}"
            one = "{{ given }}"
            plain = "p"
            "#,
        )
        .unwrap()
    }

    fn component(sources: &[Source<'_>]) -> ComponentVariables {
        let manifest = manifest();
        let resolved = Resolved::new(&manifest, sources);
        resolved.component(&manifest.component["c"].variables).unwrap()
    }

    #[test]
    fn first_source_wins_and_the_default_is_last() {
        let first = |name: &str| (name == "needed").then(|| Value::new("1".into()));
        let second = |name: &str| (name == "needed").then(|| Value::new("2".into()));
        let variables = component(&[&first, &second]);
        assert_eq!(variables.get("both").unwrap(), "d/1");
        assert_eq!(variables.get("plain").unwrap(), "p");
        let variables = component(&[&|name| Some(Value::new(format!("env-{name}")))]);
        assert_eq!(variables.get("one").unwrap(), "env-given");
    }

    #[test]
    fn a_missing_variable_fails_only_where_it_is_read() {
        let variables = component(&[]);
        assert_eq!(variables.get("one").unwrap(), "d");
        assert!(matches!(variables.get("both"), Err(Failure::Provider(_))));
        assert!(matches!(variables.get("needed"), Err(Failure::Undefined(_))));
        assert!(matches!(variables.get("No"), Err(Failure::InvalidName(_))));
        let manifest = manifest();
        assert_eq!(Resolved::new(&manifest, &[]).missing(), ["needed"]);
    }

    #[test]
    fn what_would_be_lost_is_named() {
        let with = component(&[&|name| (name == "needed").then(|| Value::new("1".into()))]);
        let changed = component(&[&|name| (name == "needed").then(|| Value::new("2".into()))]);
        let without = component(&[]);
        assert_eq!(with.lost_in(&changed), None);
        assert_eq!(with.lost_in(&without), Some("both"));
        assert_eq!(without.lost_in(&with), None);
    }

    #[test]
    fn dotenv_lines() {
        for (line, name, value) in [
            ("A=b", "A", "b"),
            ("export A = b", "A", "b"),
            ("A=b # note", "A", "b"),
            ("A='b $c \\ \"d\"' # note", "A", "b $c \\ \"d\""),
            ("A=\"b c\"", "A", "b c"),
            ("A=", "A", ""),
            ("A=b#c=", "A", "b#c="),
        ] {
            let (found, read) = dotenv_line(line).unwrap();
            assert_eq!((found, read.expose()), (name, value), "{line}");
        }
        for line in ["A", "=b", "A B=c", "A=$b", "A=b c", "A='b", "A='b' c", "A=\"b\\n\""] {
            assert!(dotenv_line(line).is_err(), "{line}");
        }
    }
}
