//! Whose note the tour is about: a synthetic patient, or a sample that is built in. Nobody of them exists.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Where the synthetic patients lie, seen from the manifest's folder.
const PATIENTS: &str = "../shared/data/fhir-r4";

/// What the tour needs to know of a patient.
pub(crate) struct Patient {
    pub(crate) given: String,
    pub(crate) family: String,
    pub(crate) birth_date: String,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) language: String,
    pub(crate) note: String,
}

impl Patient {
    /// The patient of this name; without a name the first that there is, else the built-in sample.
    pub(crate) fn find(manifest: &Path, name: Option<&str>) -> Result<Self> {
        let folder = manifest.parent().unwrap_or(Path::new(".")).join(PATIENTS);
        let Some(name) = name else {
            return Ok(Self::read(&folder.join("Liz.json")).unwrap_or_else(|_| Self::sample()));
        };
        if !name.chars().all(char::is_alphanumeric) {
            bail!("a patient's name is a plain word");
        }
        let file = folder.join(format!("{name}.json"));
        if !file.exists() {
            bail!(
                "there is no {}; without a name the tour takes whom it finds",
                file.display()
            );
        }
        Self::read(&file)
    }

    fn sample() -> Self {
        Self {
            given: "Amara".to_owned(),
            family: "Lindqvist-Okoye".to_owned(),
            birth_date: "1991-04-17".to_owned(),
            phone: "+14165550137".to_owned(),
            email: "amara.lindqvist@example.org".to_owned(),
            language: "en".to_owned(),
            note: note("generalised anxiety"),
        }
    }

    /// Reads a FHIR R4 bundle as Synthea makes them.
    fn read(file: &Path) -> Result<Self> {
        let bundle: Value = serde_json::from_slice(&std::fs::read(file)?)
            .with_context(|| format!("{} is not a FHIR bundle", file.display()))?;
        let resources: Vec<&Value> = bundle
            .pointer("/entry")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("resource"))
            .collect();
        let of_type = |kind: &str| {
            resources
                .iter()
                .find(|resource| resource.get("resourceType").and_then(Value::as_str) == Some(kind))
        };
        let patient = of_type("Patient").with_context(|| format!("{} holds no patient", file.display()))?;
        let text = |pointer: &str| {
            patient
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (given, family) = (text("/name/0/given/0"), text("/name/0/family"));
        let digits: String = text("/telecom/0/value").chars().filter(char::is_ascii_digit).collect();
        let condition = of_type("Condition")
            .and_then(|condition| condition.pointer("/code/text"))
            .and_then(Value::as_str)
            .unwrap_or("low mood");
        Ok(Self {
            // Synthea's patients have no e-mail address; one is made up in a domain that nobody can own (RFC 2606).
            email: format!("{given}.{family}@example.org").to_lowercase(),
            given,
            family,
            birth_date: text("/birthDate"),
            phone: format!("+1{digits}"),
            language: text("/communication/0/language/coding/0/code"),
            note: note(condition),
        })
    }

    /// The body of a registration.
    pub(crate) fn registration(&self, client: &str) -> Value {
        json!({
            "client_id": client,
            "client": {
                "name": {"given": [self.given], "family": self.family},
                "birth_date": self.birth_date,
                "telecoms": [{"system": "email", "value": self.email}, {"system": "phone", "value": self.phone}],
                "preferences": {"language": self.language, "channels": ["email"], "pet_at_session": true},
            },
        })
    }
}

fn note(condition: &str) -> String {
    format!(
        "We spoke about {condition} and about the night before her father's funeral, which she has told nobody about. \
         Breathing exercise practised; she will write down three moments of calm until next week."
    )
}
