//! Application variables: who may read what, and where values come from.
//!
//! A component sees only the variables of its own table, each a template over the application's variables. Values come, first hit
//! wins, from the embedder, the process environment (`SPIN_VARIABLE_NAME`), the home's `.env`, the manifest's default.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

use crate::manifest::Manifest;
use crate::template::{Template, validate_name};

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
        let text = template.fill(|name| match self.values.get(name) {
            Some(Some(value)) => Ok(value.expose()),
            Some(None) => Err(Failure::Provider(format!(
                "no provider resolved required variable {name:?}"
            ))),
            None => Err(Failure::InvalidName(name.to_owned())),
        })?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
