//! The Spin manifest (version 2), read unmodified.
//!
//! What this host does not implement is refused by name rather than ignored: a key that Spin would obey and this host would not is
//! a difference between development and production that nobody sees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use crate::allowed_hosts::AllowedHost;
use crate::routes::Router;
use crate::template::{Template, validate_name};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    #[serde(rename = "spin_manifest_version")]
    _version: toml::Value,
    pub application: Application,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub trigger: BTreeMap<String, Vec<toml::Value>>,
    #[serde(default)]
    pub component: BTreeMap<String, Component>,
    /// The HTTP triggers, once they have been read.
    #[serde(skip)]
    pub http: Vec<HttpTrigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    pub name: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub authors: Vec<String>,
    #[serde(default)]
    trigger: BTreeMap<String, toml::Value>,
    #[serde(default)]
    #[expect(dead_code, reason = "settings of other tools are allowed and mean nothing here")]
    tool: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    #[serde(default)]
    required: bool,
    pub default: Option<String>,
    #[serde(default)]
    pub secret: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "for people")]
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTrigger {
    route: RouteSetting,
    pub component: ComponentReference,
    #[serde(default)]
    executor: Option<Executor>,
    #[serde(default)]
    #[expect(dead_code, reason = "a name for people and other tools")]
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RouteSetting {
    Pattern(String),
    Private { private: bool },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ComponentReference {
    Id(String),
    Inline(toml::Table),
}

#[derive(Debug, Deserialize)]
struct Executor {
    r#type: String,
}

impl HttpTrigger {
    /// The public route; `None` if the component can only be reached by chaining.
    #[must_use]
    pub fn pattern(&self) -> Option<&str> {
        match &self.route {
            RouteSetting::Pattern(pattern) => Some(pattern),
            RouteSetting::Private { .. } => None,
        }
    }

    #[must_use]
    pub fn component_id(&self) -> &str {
        match &self.component {
            ComponentReference::Id(id) => id,
            ComponentReference::Inline(_) => "",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    pub source: Source,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub build: Option<Build>,
    #[serde(default)]
    files: Vec<toml::Value>,
    #[serde(default)]
    sqlite_databases: Vec<String>,
    #[serde(default)]
    ai_models: Vec<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
    #[serde(default)]
    allowed_http_hosts: Vec<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "only says which files not to pack")]
    exclude_files: Vec<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "settings of other tools are allowed and mean nothing here")]
    tool: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Source {
    Path(PathBuf),
    Remote(toml::Table),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    command: Commands,
    #[serde(default)]
    pub workdir: Option<PathBuf>,
    #[serde(default)]
    #[expect(dead_code, reason = "for `spin watch`")]
    watch: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Commands {
    One(String),
    Several(Vec<String>),
}

impl Build {
    #[must_use]
    pub fn commands(&self) -> &[String] {
        match &self.command {
            Commands::One(command) => std::slice::from_ref(command),
            Commands::Several(commands) => commands,
        }
    }
}

impl Manifest {
    /// Reads and checks a manifest file.
    ///
    /// # Errors
    /// The file, the key and what to do about it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "{}: cannot be read; run from the folder of spin.toml, or name it with --manifest",
                path.display()
            )
        })?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads and checks a manifest's text.
    ///
    /// # Errors
    /// The key and what to do about it.
    pub fn parse(text: &str) -> Result<Self> {
        // The version first: a version 1 manifest has other keys, and complaining about those would help nobody.
        let table: toml::Table = toml::from_str(text)?;
        match table.get("spin_manifest_version") {
            Some(version) if version.as_integer() == Some(2) || version.as_str() == Some("2") => {}
            Some(other) => bail!(
                "spin_manifest_version: this host reads version 2, this file says {other}; `spin doctor` can upgrade it"
            ),
            None => bail!("spin_manifest_version: missing; write `spin_manifest_version = 2` at the top"),
        }
        let mut manifest: Self = toml::from_str(text)?;
        manifest.read_triggers()?;
        manifest.check()?;
        Ok(manifest)
    }

    fn read_triggers(&mut self) -> Result<()> {
        for (kind, triggers) in std::mem::take(&mut self.trigger) {
            if kind != "http" {
                bail!("trigger.{kind}: this host has HTTP triggers only; run it with `spin up`");
            }
            for (index, trigger) in triggers.into_iter().enumerate() {
                let trigger = HttpTrigger::deserialize(trigger).map_err(|error| {
                    anyhow!(
                        "trigger.http, entry {}: {}; a trigger has `route` (a path, or {{ private = true }}) and `component` (an id)",
                        index.saturating_add(1),
                        error.message()
                    )
                })?;
                self.http.push(trigger);
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if let Some(base) = self.application.trigger.get("http").and_then(|http| http.get("base"))
            && base.as_str() != Some("/")
        {
            bail!("application.trigger.http.base: remove it; Spin does not serve below a base any more");
        }
        for (name, variable) in &self.variables {
            validate_name(name).map_err(|reason| anyhow!("variables.{reason}"))?;
            match (variable.required, &variable.default) {
                (true, Some(_)) => {
                    bail!("variables.{name}: both required and with a default; keep one of the two")
                }
                (false, None) => bail!(
                    "variables.{name}: neither required nor with a default; write `required = true` or `default = \"…\"`"
                ),
                (true, None) | (false, Some(_)) => {}
            }
        }
        for (index, trigger) in self.http.iter().enumerate() {
            trigger
                .check(&self.component)
                .with_context(|| format!("trigger.http, entry {}", index.saturating_add(1)))?;
        }
        for (id, component) in &self.component {
            check_component_id(id)?;
            component
                .check(&self.variables)
                .with_context(|| format!("component.{id}"))?;
        }
        self.router().context("trigger.http")?;
        Ok(())
    }

    /// The public routes.
    ///
    /// # Errors
    /// A route this host cannot serve; never after [`Manifest::parse`] has succeeded.
    pub(crate) fn router(&self) -> Result<Router> {
        Router::new(
            self.http
                .iter()
                .filter_map(|trigger| Some((trigger.pattern()?, trigger.component_id()))),
        )
    }

    /// Components with a trigger, public or private: the others are never called, and Spin does not load them either.
    #[must_use]
    pub fn triggered(&self) -> Vec<(&str, &Component)> {
        self.component
            .iter()
            .filter(|(id, _)| self.http.iter().any(|trigger| trigger.component_id() == id.as_str()))
            .map(|(id, component)| (id.as_str(), component))
            .collect()
    }

    /// Every store label that some component is granted, sorted.
    #[must_use]
    pub fn store_labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = self
            .component
            .values()
            .flat_map(|component| component.key_value_stores.iter().map(String::as_str))
            .collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }
}

impl HttpTrigger {
    fn check(&self, components: &BTreeMap<String, Component>) -> Result<()> {
        let ComponentReference::Id(id) = &self.component else {
            bail!("component: inline components are not read by this host; give it an id and a [component.ID] table");
        };
        if !components.contains_key(id) {
            bail!("component: no [component.{id}] in this file");
        }
        if let RouteSetting::Private { private: false } = self.route {
            bail!("route: a path, or {{ private = true }}");
        }
        if let Some(executor) = &self.executor
            && executor.r#type != "http"
        {
            bail!("executor.type: this host has \"http\" only, not {:?}", executor.r#type);
        }
        Ok(())
    }
}

impl Component {
    fn check(&self, declared: &BTreeMap<String, Variable>) -> Result<()> {
        if let Source::Remote(_) = self.source {
            bail!("source: this host loads local files only; download the component and name its path");
        }
        for (key, used) in [
            ("files", !self.files.is_empty()),
            ("sqlite_databases", !self.sqlite_databases.is_empty()),
            ("ai_models", !self.ai_models.is_empty()),
            ("dependencies", !self.dependencies.is_empty()),
        ] {
            if used {
                bail!("{key}: not provided by this host; run the application with `spin up`");
            }
        }
        if !self.allowed_http_hosts.is_empty() {
            bail!("allowed_http_hosts: write it as allowed_outbound_hosts, with scheme and host");
        }
        for label in &self.key_value_stores {
            check_label(label).context("key_value_stores")?;
        }
        for host in &self.allowed_outbound_hosts {
            let template = Template::parse(host).context("allowed_outbound_hosts")?;
            check_template(&template, declared).context("allowed_outbound_hosts")?;
            if template.variables().next().is_none() {
                AllowedHost::parse(host).context("allowed_outbound_hosts")?;
            }
        }
        for (name, text) in &self.variables {
            validate_name(name).map_err(|reason| anyhow!("variables.{reason}"))?;
            let template = Template::parse(text).with_context(|| format!("variables.{name}"))?;
            check_template(&template, declared).with_context(|| format!("variables.{name}"))?;
        }
        Ok(())
    }
}

fn check_template(template: &Template, declared: &BTreeMap<String, Variable>) -> Result<()> {
    for name in template.variables() {
        if !declared.contains_key(name) {
            bail!("unknown variable {name:?}: declare it in [variables]");
        }
    }
    Ok(())
}

fn check_component_id(id: &str) -> Result<()> {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if id.split('-').all(word) {
        return Ok(());
    }
    bail!("component.{id}: an id is words of letters and digits joined by '-', each starting with a letter")
}

/// A label becomes a file name, so it may hold nothing that a path gives meaning to.
fn check_label(label: &str) -> Result<()> {
    let fits = !label.is_empty()
        && label.len() <= 64
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits {
        return Ok(());
    }
    bail!("{label:?}: a label is 1 to 64 letters, digits, '-' and '_'")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"t\"\n";

    fn refusal(body: &str) -> String {
        format!("{:#}", Manifest::parse(&format!("{HEAD}{body}")).unwrap_err())
    }

    #[test]
    fn refusals_name_the_key() {
        for (body, expected) in [
            ("[variables]\na = { }", "variables.a: neither required"),
            (
                "[variables]\na = { required = true, default = \"x\" }",
                "variables.a: both",
            ),
            (
                "[variables]\nA = { required = true }",
                "variables.\"A\": invalid character",
            ),
            ("[[trigger.redis]]\nchannel = \"c\"", "trigger.redis"),
            (
                "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"x\"",
                "entry 1: component: no [component.x]",
            ),
            ("[[trigger.http]]\nroute = \"/a\"", "entry 1: missing field `component`"),
            (
                "[component.x]\nsource = \"x.wasm\"\n[[trigger.http]]\nroute = { private = false }\ncomponent = \"x\"",
                "entry 1: route",
            ),
            (
                "[component.x]\nsource = \"x.wasm\"\n[[trigger.http]]\nroute = \"/:a\"\ncomponent = \"x\"",
                "named segments",
            ),
            (
                "[component.x]\nsource = { url = \"u\", digest = \"d\" }",
                "component.x: source: this host loads local",
            ),
            (
                "[component.x]\nsource = \"x.wasm\"\nfiles = [\"a\"]",
                "component.x: files",
            ),
            (
                "[component.x]\nsource = \"x.wasm\"\nsqlite_databases = [\"a\"]",
                "component.x: sqlite_databases",
            ),
            (
                "[component.x]\nsource = \"x.wasm\"\nkey_value_stores = [\"../a\"]",
                "component.x: key_value_stores: \"../a\"",
            ),
            (
                "[component.x]\nsource = \"x.wasm\"\nallowed_outbound_hosts = [\"example.com\"]",
                "component.x: allowed_outbound_hosts",
            ),
            (
                "[component.x]\nsource = \"x.wasm\"\n[component.x.variables]\na = \"{{ b }}\"",
                "component.x: variables.a: unknown variable \"b\"",
            ),
            (
                "[component.x]\nsource = \"x.wasm\"\n[component.x.variables]\na = \"{{ b\"",
                "unmatched",
            ),
            (
                "[component.x]\nsource = \"x.wasm\"\nsurprise = 1",
                "unknown field `surprise`",
            ),
            ("[component.x_y]\nsource = \"x.wasm\"", "component.x_y: an id"),
        ] {
            let message = refusal(body);
            assert!(message.contains(expected), "{body}\n→ {message}");
        }
    }

    #[test]
    fn other_versions_are_named() {
        for (text, expected) in [
            ("spin_manifest_version = 1", "this file says 1"),
            ("spin_version = \"1\"", "missing"),
        ] {
            let message = format!("{:#}", Manifest::parse(text).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn private_routes_are_triggered_but_not_routed() {
        let manifest = Manifest::parse(&format!(
            "{HEAD}
            [[trigger.http]]
            route = {{ private = true }}
            component = \"inner\"
            [component.inner]
            source = \"i.wasm\"
            key_value_stores = [\"b\", \"a\"]
            [component.unused]
            source = \"u.wasm\"
            key_value_stores = [\"b\"]"
        ))
        .unwrap();
        assert_eq!(manifest.router().unwrap().iter().count(), 0);
        let triggered: Vec<_> = manifest.triggered().iter().map(|(id, _)| *id).collect();
        assert_eq!(triggered, ["inner"]);
        assert_eq!(manifest.store_labels(), ["a", "b"]);
    }
}
