//! From what the owners keep to a bundle.

use std::collections::BTreeMap;

use model::fhir_id;

use crate::assessment::write_assessment;
use crate::mapping::{Around, Kind, Target, write};
use crate::node::Node;
use crate::report::{Reason, Report, Why};
use crate::{clinical, finances, person};

/// What an owner hands over of one thing that it keeps.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The owner's id.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// The id of the record of the session that it belongs to.
    pub encounter: Option<String>,
    /// The owner's JSON.
    pub content: Node,
    /// The owner's id of the record that it was added to.
    pub appends: Option<String>,
}

/// A bundle, and what is not in it.
#[derive(Debug, Clone)]
pub struct Export {
    /// A `collection` of R4.
    pub bundle: Node,
    /// The owners' ids of what has no form in FHIR.
    pub not_exported: Vec<String>,
    /// All values that are not carried over.
    pub report: Report,
}

/// What the resources of a bundle refer to.
struct References {
    client: String,
    by_id: BTreeMap<String, String>,
}

impl Around for References {
    fn target(&self, _: &str) -> Option<Target> {
        None
    }

    fn is_withheld(&self, _: &str) -> bool {
        false
    }

    fn client(&self) -> String {
        self.client.clone()
    }

    fn reference(&self, id: &str) -> Option<String> {
        self.by_id.get(id).cloned()
    }

    fn calling_code(&self) -> Option<&str> {
        None
    }
}

/// The type of the resource that something becomes.
fn resource_type(part: &Exported) -> &'static str {
    match part.kind {
        Kind::Client => "Patient",
        Kind::Diagnosis => "Condition",
        Kind::Medication if part.content.at("intent").is_none() => "MedicationStatement",
        Kind::Medication => "MedicationRequest",
        Kind::Encounter => "Encounter",
        Kind::Observation | Kind::Assessment => "Observation",
        Kind::Procedure => "Procedure",
        Kind::Immunization => "Immunization",
        Kind::DiagnosticReport => "DiagnosticReport",
        Kind::TreatmentPlan => "CarePlan",
        Kind::ProgressNote => "DocumentReference",
        Kind::Claim => "Claim",
        Kind::ExplanationOfBenefit => "ExplanationOfBenefit",
    }
}

/// A bundle that grows.
struct Growing {
    /// Without a slash at its end.
    base: String,
    entries: Vec<Node>,
}

impl Growing {
    fn add(&mut self, resource_type: &str, id: &str, resource: Node) {
        let mut whole = Node::object();
        whole.put("resourceType", Node::from_text(resource_type));
        whole.put("id", Node::from_text(id));
        if let (Node::Object(whole), Node::Object(members)) = (&mut whole, resource) {
            whole.extend(members);
        }
        let mut entry = Node::object();
        let url = format!("{}/{resource_type}/{id}", self.base);
        entry.put("fullUrl", Node::Text(url));
        entry.put("resource", whole);
        self.entries.push(entry);
    }
}

/// Why something is not in a bundle, in a code of FHIR R4's value set `issue-type`.
fn issue(code: &str, diagnostics: String) -> Node {
    let mut issue = Node::object();
    issue.put("severity", Node::from_text("information"));
    issue.put("code", Node::from_text(code));
    issue.put("diagnostics", Node::Text(diagnostics));
    issue
}

impl Export {
    /// A bundle of a client's details and what else is kept of her. `base` is the URL below which the resources are named, such as
    /// `https://practice.example/fhir`. What refers to something that is not among the parts says so in the report.
    #[must_use]
    pub fn of(client: Exported, parts: Vec<Exported>, base: &str) -> Self {
        let url = |part: &Exported| format!("{}/{}", resource_type(part), fhir_id(&part.id));
        let references = References {
            client: url(&client),
            by_id: parts.iter().map(|part| (part.id.clone(), url(part))).collect(),
        };
        let mut growing = Growing {
            base: base.trim_end_matches('/').to_owned(),
            entries: Vec::new(),
        };
        let mut export = Self {
            bundle: Node::object(),
            not_exported: Vec::new(),
            report: Report::default(),
        };
        for part in std::iter::once(client).chain(parts) {
            export.add(part, &references, &mut growing);
        }
        export.bundle.put("resourceType", Node::from_text("Bundle"));
        export.bundle.put("type", Node::from_text("collection"));
        export.bundle.put("entry", Node::List(growing.entries));
        export
    }

    /// Says that the client is looked at in another entry: her Patient is not in use any more, and names the one that is (FHIR R4, Patient.link).
    pub fn replaced_by(&mut self, patient: &str) {
        let entries = match self.bundle.at_mut("entry") {
            Some(Node::List(entries)) => entries.as_mut_slice(),
            _ => &mut [],
        };
        let mut resources = entries.iter_mut().filter_map(|entry| entry.at_mut("resource"));
        if let Some(client) = resources.find(|resource| resource.text_at("resourceType") == Some("Patient")) {
            let mut link = Node::object();
            link.put("other.reference", Node::from_text(patient));
            link.put("type", Node::from_text("replaced-by"));
            client.put("active", Node::Boolean(false));
            client.put("link", Node::List(vec![link]));
        }
    }

    /// The resources alone.
    pub fn into_resources(mut self) -> impl Iterator<Item = Node> {
        let entries = match self.bundle.at_mut("entry").map(Node::take) {
            Some(Node::List(entries)) => entries,
            _ => Vec::new(),
        };
        entries
            .into_iter()
            .filter_map(|mut entry| Some(entry.at_mut("resource")?.take()))
    }

    /// The bundle, and as its last entry, where anything is not in it, an OperationOutcome that says what: what the caller says of whole parts
    /// that were `withheld`, and the lines of the report. `url` names that entry.
    #[must_use]
    pub fn into_bundle(mut self, withheld: &[String], url: String) -> Node {
        let lines = self.report.lines().map(|line| {
            let place = if line.path.is_empty() {
                &line.of
            } else {
                &format!("{}.{}", line.of, line.path)
            };
            issue(
                "not-supported",
                format!("{place}: has no form in FHIR here ({} times)", line.count),
            )
        });
        let withheld = withheld.iter().map(|what| issue("suppressed", what.clone()));
        let issues: Vec<Node> = withheld.chain(lines).collect();
        if let Some(Node::List(entries)) = self.bundle.at_mut("entry").filter(|_| !issues.is_empty()) {
            let mut outcome = Node::object();
            outcome.put("resourceType", Node::from_text("OperationOutcome"));
            outcome.put("issue", Node::List(issues));
            let mut entry = Node::object();
            entry.put("fullUrl", Node::Text(url));
            entry.put("resource", outcome);
            entries.push(entry);
        }
        self.bundle
    }

    fn add(&mut self, part: Exported, references: &References, growing: &mut Growing) {
        let (kind, id) = (part.kind, fhir_id(&part.id));
        let resource_type = resource_type(&part);
        let mut rest = Node::object();
        rest.put("content", part.content);
        if let Some(encounter) = part.encounter {
            rest.put("encounter", Node::Text(encounter));
        }
        let values = rest.values();
        let mut beside = Vec::new();
        for (field, resource_type, table, word) in [
            ("content.guardians", "RelatedPerson", person::GUARDIAN, "guardian"),
            ("content.goals", "Goal", clinical::GOAL, "goal"),
        ] {
            let Some(Node::List(list)) = rest.at_mut(field) else {
                continue;
            };
            for (number, one) in (1_usize..).zip(list.iter_mut()) {
                if let Some(resource) = write(table, one, references) {
                    beside.push((resource_type, format!("{id}-{word}-{number}"), resource));
                }
            }
        }
        let table = match kind {
            Kind::Client => person::CLIENT,
            Kind::Diagnosis => clinical::DIAGNOSIS,
            Kind::Medication if resource_type == "MedicationRequest" => clinical::MEDICATION_REQUEST,
            Kind::Medication => clinical::MEDICATION_STATEMENT,
            Kind::Encounter => clinical::ENCOUNTER,
            Kind::Observation => clinical::OBSERVATION,
            Kind::Assessment => &[],
            Kind::Procedure => clinical::PROCEDURE,
            Kind::Immunization => clinical::IMMUNIZATION,
            Kind::DiagnosticReport => clinical::DIAGNOSTIC_REPORT,
            Kind::TreatmentPlan => clinical::TREATMENT_PLAN,
            Kind::ProgressNote => clinical::PROGRESS_NOTE,
            Kind::Claim => finances::CLAIM,
            Kind::ExplanationOfBenefit => finances::EXPLANATION_OF_BENEFIT,
        };
        let written = match kind {
            Kind::Assessment => write_assessment(&mut rest, references),
            _ => write(table, &mut rest, references),
        };
        let Some(mut resource) = written else {
            self.report.add(kind.name(), "", Reason::ResourceNotImportable, values);
            self.not_exported.push(part.id);
            return;
        };
        for (_, id, _) in beside.iter().filter(|(resource_type, _, _)| *resource_type == "Goal") {
            let mut reference = Node::object();
            reference.put("reference", Node::Text(format!("Goal/{id}")));
            resource.put("goal", Node::List(vec![reference]));
        }
        // What is added to may be of any type, and `relatesTo` names documents alone.
        if let Some(record) = part.appends.and_then(|record| references.reference(&record)) {
            let mut related = Node::object();
            related.put("reference", Node::Text(record));
            resource.put("context.related", Node::List(vec![related]));
        }
        rest.prune();
        self.report
            .add_rest(kind.name(), &rest, &|_, _| Why::Each(Reason::NoHome));
        growing.add(resource_type, &id, resource);
        for (resource_type, id, resource) in beside {
            growing.add(resource_type, &id, resource);
        }
    }
}
