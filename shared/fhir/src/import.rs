//! From a bundle to what its owners keep, and what they don't.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use datatype::person::GUARDIANS;
use datatype::says_diagnosis;
use model::is_language_tag;
use schemars::JsonSchema;
use serde::Serialize;

use crate::assessment::read_assessment;
use crate::bundle::{Bundle, Entry, Problem, Source};
use crate::mapping::{Around, Field, Kind, LANGUAGE_TAGS, Target, full_name, has_field, is_same, read};
use crate::node::Node;
use crate::report::{Reason, Report, Why};
use crate::{clinical, finances, person};

/// What an import needs to know of the practice.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The digits of the country that telephone numbers without a country code belong to, such as `1` or `49`; without it, such
    /// numbers are not taken.
    pub calling_code: Option<String>,
    /// The language of a client of whom the bundle says none (BCP 47).
    pub language: String,
}

/// What becomes of a bundle of which one resource can't be imported at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// Nothing of it is imported.
    Strict,
    /// The others are.
    Lenient,
}

/// What one owner keeps of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Which resource it was made of.
    pub source: Source,
    /// The id that the owner gives it.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// The id of the record of the session that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encounter: Option<String>,
    /// The owner's JSON: a client's details, a record's content, a claim, an explanation of benefit.
    pub content: Node,
}

/// A resource of which nothing is imported, though resources of its type are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotImported {
    /// Which it is.
    pub source: Source,
    /// Its type.
    pub resource_type: String,
    /// What it lacks, with pointers into the bundle.
    pub problems: Vec<Problem>,
}

/// Why nothing of a bundle is imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resources can't be imported")]
pub struct Refused {
    /// The resources that can't be.
    pub resources: Vec<NotImported>,
}

/// What the owners keep of a bundle, and what nobody does.
#[derive(Debug, Clone)]
pub struct Import {
    /// The client's details, of `identity`.
    pub client: Part,
    /// The others, in the order of the bundle.
    pub parts: Vec<Part>,
    /// Resources that can't be imported.
    pub not_imported: Vec<NotImported>,
    /// All values that are not carried over.
    pub report: Report,
}

/// How a resource is read, once it is known what others become.
enum Read {
    Part(Part),
    /// Part of the client's details.
    Guardian(Node),
    /// Part of others: of plans, or of requests and statements.
    Beside,
    /// Somebody for whom the client's details have no form.
    Unfit,
}

/// What is beside the resources that it becomes part of.
struct Beside {
    /// Goals that can be part of a plan, by their positions. A plan takes those that it names.
    goals: BTreeMap<usize, Node>,
    /// What medications that can be referred to are called, and how many bytes that is, by their positions.
    medications: BTreeMap<usize, (Node, usize)>,
    /// Those that something that is imported refers to.
    taken: BTreeSet<usize>,
}

struct Reading<'b> {
    bundle: &'b Bundle,
    settings: &'b Settings,
    refused: &'b BTreeMap<Source, Vec<String>>,
    ids: &'b dyn Fn(&Source, Kind) -> String,
    /// What may be named elsewhere, by its position.
    names: BTreeMap<usize, String>,
    /// How many bytes of them, and of what medications are called, may still be repeated.
    room: Cell<usize>,
    /// Positions of resources that bind whoever gets them to what nobody here knows: nothing names them.
    bound: BTreeSet<usize>,
    /// Positions of resources that can't be imported: nothing refers to them.
    lost: BTreeSet<usize>,
    /// Codes that stand for diagnoses in this bundle, whatever else they may be.
    diagnoses: BTreeSet<(String, String)>,
}

/// What is around one resource.
struct Place<'r, 'b> {
    reading: &'r Reading<'b>,
    entry: &'r Entry,
    /// The ids of what is contained in it and must not be named either.
    bound_within: BTreeSet<&'r str>,
}

impl<'r, 'b> Place<'r, 'b> {
    fn new(reading: &'r Reading<'b>, entry: &'r Entry) -> Self {
        let contained = entry.resource.at("contained").map(Node::as_list).unwrap_or_default();
        let bound = contained.iter().filter(|one| bound_by(one).is_some());
        Self {
            reading,
            entry,
            bound_within: bound.filter_map(|one| one.text_at("id")).collect(),
        }
    }
}

impl Around for Place<'_, '_> {
    fn target(&self, reference: &str) -> Option<Target> {
        let entry = self.reading.bundle.resolve(self.entry, reference)?;
        let kind = kind_of(entry).filter(|_| !self.reading.lost.contains(&entry.position));
        Some(Target {
            is_patient: entry.resource_type == "Patient",
            id: kind.map(|kind| (self.reading.ids)(&entry.source, kind)),
            kind,
            name: self.reading.name(entry),
        })
    }

    fn is_withheld(&self, reference: &str) -> bool {
        if let Some(id) = reference.strip_prefix('#') {
            return self.bound_within.contains(id);
        }
        // What is said of one version binds whoever gets the others.
        let reference = reference.split("/_history/").next().unwrap_or(reference);
        let named = self.reading.bundle.resolve(self.entry, reference);
        named.is_some_and(|named| self.reading.bound.contains(&named.position))
    }

    fn client(&self) -> String {
        String::new()
    }

    fn reference(&self, _: &str) -> Option<String> {
        None
    }

    fn calling_code(&self) -> Option<&str> {
        self.reading.settings.calling_code.as_deref()
    }
}

fn is_goal(entry: &Entry) -> bool {
    entry.resource_type == "Goal"
}

fn is_medication(entry: &Entry) -> bool {
    entry.resource_type == "Medication"
}

/// The element by which whoever gets a resource is bound to what nobody here knows: rules that say how to understand all of it (FHIR R4,
/// Resource.implicitRules, a modifier), or a security label. What is labelled as a record of substance use disorder treatment or as a
/// psychotherapy note must not become one of those that more people read and that go out without a notice (42 CFR 2.12(d), 2.32;
/// 45 CFR 164.508(a)(2)).
pub(crate) fn bound_by(resource: &Node) -> Option<&'static str> {
    if resource.at("implicitRules").is_some() {
        return Some("implicitRules");
    }
    let is_labelled = match resource.at("meta") {
        None => false,
        Some(meta @ Node::Object(_)) => match meta.at("security") {
            None => false,
            Some(Node::List(labels)) => !labels.iter().all(is_ordinary),
            Some(_) => true,
        },
        Some(_) => true,
    };
    is_labelled.then_some(SECURITY)
}

/// Where in a bundle resources are that bind whoever gets them.
fn bound(bundle: &Bundle) -> BTreeSet<usize> {
    let bound = bundle
        .entries
        .iter()
        .filter(|entry| bound_by(&entry.resource).is_some());
    bound.map(|entry| entry.position).collect()
}

/// Where a resource's security labels are.
const SECURITY: &str = "meta.security";

/// Whether a label says nothing that is not so of every health record here (HL7 v3 `Confidentiality`: unrestricted, low, moderate and normal).
fn is_ordinary(label: &Node) -> bool {
    label.text_at("system") == Some("http://terminology.hl7.org/CodeSystem/v3-Confidentiality")
        && matches!(label.text_at("code"), Some("U" | "L" | "M" | "N"))
}

/// What must be the case of an element that keeps a resource out.
pub(crate) fn detail(element: &str) -> &'static str {
    match element {
        "implicitRules" | "modifierExtension" => "must not be there: nobody here knows what it changes",
        SECURITY => {
            "must have no label but U, L, M or N of v3-Confidentiality: what another asks for nobody here can promise"
        }
        "active" | "link" => "must not say that it has ended, or is to",
        "name" => "must be there and not say that it has ended, in a form that its owner takes",
        _ => "must be there, in a form that its owner takes",
    }
}

/// What is made of an entry, if anything. An observation may be an assessment; both are records of the same id.
fn kind_of(entry: &Entry) -> Option<Kind> {
    Some(match entry.resource_type.as_str() {
        "Patient" => Kind::Client,
        "Condition" => Kind::Diagnosis,
        "MedicationRequest" | "MedicationStatement" => Kind::Medication,
        "Encounter" => Kind::Encounter,
        "Observation" => Kind::Observation,
        "Procedure" => Kind::Procedure,
        "Immunization" => Kind::Immunization,
        "DiagnosticReport" => Kind::DiagnosticReport,
        "CarePlan" => Kind::TreatmentPlan,
        "DocumentReference" => Kind::ProgressNote,
        "Claim" => Kind::Claim,
        "ExplanationOfBenefit" => Kind::ExplanationOfBenefit,
        _ => return None,
    })
}

fn table(resource_type: &str) -> &'static [Field] {
    match resource_type {
        "Patient" => person::CLIENT,
        "RelatedPerson" => person::GUARDIAN,
        "Condition" => clinical::DIAGNOSIS,
        "MedicationRequest" => clinical::MEDICATION_REQUEST,
        "MedicationStatement" => clinical::MEDICATION_STATEMENT,
        "Medication" => clinical::MEDICATION,
        "Encounter" => clinical::ENCOUNTER,
        "Observation" => clinical::OBSERVATION,
        "Procedure" => clinical::PROCEDURE,
        "Immunization" => clinical::IMMUNIZATION,
        "DiagnosticReport" => clinical::DIAGNOSTIC_REPORT,
        "CarePlan" => clinical::TREATMENT_PLAN,
        "Goal" => clinical::GOAL,
        "DocumentReference" => clinical::PROGRESS_NOTE,
        "Claim" => finances::CLAIM,
        "ExplanationOfBenefit" => finances::EXPLANATION_OF_BENEFIT,
        _ => &[],
    }
}

/// The longest name, in bytes. It is repeated wherever it is referred to, so a long one would be many times the bundle.
const NAME: usize = 500;

/// The most bytes that all names, and all codes of medications, are repeated with: the largest bundle becomes twice as large by them, and
/// not fifteen times.
const NAMES: usize = 8 * 1024 * 1024;

fn names(bundle: &Bundle) -> BTreeMap<usize, String> {
    let named = bundle
        .entries
        .iter()
        .filter_map(|entry| Some((entry.position, name_of(entry)?)));
    named.filter(|(_, name)| name.len() <= NAME).collect()
}

fn name_of(entry: &Entry) -> Option<String> {
    let resource = Some(&entry.resource).filter(|resource| bound_by(resource).is_none())?;
    match entry.resource_type.as_str() {
        "Organization" => resource.text_at("name").map(str::to_owned),
        "Practitioner" => resource
            .text_at("name[0].text")
            .map(str::to_owned)
            .or_else(|| full_name(resource.at("name[0]")?)),
        "Condition" => {
            let said = resource.text_at("code.text");
            said.or_else(|| resource.text_at("code.coding[0].display"))
                .map(str::to_owned)
        }
        _ => None,
    }
}

impl Import {
    /// What the owners keep of a bundle. `refused` are the sources of which an owner has said already that it does not take what is made of
    /// them, and why, in words that repeat nothing. `ids` gives what is made of a source its id, the same whenever it comes; an observation asks
    /// for the id of an observation, be it an assessment or not.
    ///
    /// # Errors
    /// The Patient can't be imported, or, where handling is strict, any resource of a type that is.
    pub fn of(
        bundle: &Bundle,
        settings: &Settings,
        handling: Handling,
        refused: &BTreeMap<Source, Vec<String>>,
        ids: &dyn Fn(&Source, Kind) -> String,
    ) -> Result<Self, Refused> {
        let mut reading = Reading {
            bundle,
            settings,
            refused,
            ids,
            names: names(bundle),
            room: Cell::new(NAMES),
            bound: bound(bundle),
            lost: BTreeSet::new(),
            diagnoses: diagnoses(bundle),
        };
        // Whatever refers to a resource that can't be imported may lack what it needs then, and so on. Each round loses one at least.
        loop {
            let import = reading.read();
            if import.not_imported.keys().all(|lost| reading.lost.contains(lost)) {
                let not_imported: Vec<NotImported> = import.not_imported.into_values().collect();
                let is_refused = handling == Handling::Strict && !not_imported.is_empty();
                return match import.client {
                    Some(client) if !is_refused => Ok(Self {
                        client,
                        parts: import.parts,
                        not_imported,
                        report: import.report,
                    }),
                    _ => Err(Refused {
                        resources: not_imported,
                    }),
                };
            }
            reading.lost.extend(import.not_imported.into_keys());
        }
    }
}

#[derive(Default)]
struct Found {
    client: Option<Part>,
    parts: Vec<Part>,
    /// By their positions.
    not_imported: BTreeMap<usize, NotImported>,
    report: Report,
}

impl Reading<'_> {
    /// One round.
    fn read(&self) -> Found {
        self.room.set(NAMES);
        let mut found = Found::default();
        let mut guardians = Vec::new();
        let mut beside = self.beside();
        found
            .report
            .add_rest("Bundle", &self.bundle.around, &|_, _| Why::Each(Reason::Transport));
        // Goals and medications come last: then it is known which of them are part of something.
        let (last, first): (Vec<&Entry>, Vec<&Entry>) = self
            .bundle
            .entries
            .iter()
            .partition(|entry| is_goal(entry) || is_medication(entry));
        for entry in first.into_iter().chain(last) {
            let resource_type = entry.resource_type.as_str();
            let is_unnamed = is_medication(entry) && !beside.taken.contains(&entry.position);
            if table(resource_type).is_empty() || is_unnamed {
                found
                    .report
                    .add(resource_type, "", Reason::ResourceNotTaken, entry.resource.values());
                continue;
            }
            let mut rest = entry.resource.clone();
            let before = rest.values();
            let read = match self.refused.get(&entry.source) {
                Some(details) => Err(details.iter().map(|detail| problem(entry, "", detail)).collect()),
                None => self
                    .read_entry(entry, &mut rest, &mut beside, &mut found.report)
                    .map_err(|lacking| {
                        let problems = lacking.iter();
                        problems
                            .map(|element| problem(entry, element, detail(element)))
                            .collect()
                    }),
            };
            match read {
                Ok(read) => {
                    match read {
                        Read::Part(part) if part.kind == Kind::Client => found.client = Some(part),
                        Read::Part(part) => found.parts.push(part),
                        Read::Guardian(guardian) => {
                            let is_there = |other: &Node| is_same(other, &guardian, person::SAME_GUARDIAN);
                            if guardians.len() >= GUARDIANS || guardians.iter().any(is_there) {
                                found.report.add(resource_type, "", Reason::Unrepresentable, before);
                                continue;
                            }
                            guardians.push(guardian);
                        }
                        Read::Unfit => {
                            found.report.add(resource_type, "", Reason::Unrepresentable, before);
                            continue;
                        }
                        Read::Beside => {}
                    }
                    found
                        .report
                        .add_rest(resource_type, &rest, &|path, node| why(resource_type, path, node));
                }
                Err(problems) => {
                    found
                        .report
                        .add(resource_type, "", Reason::ResourceNotImportable, before);
                    let not_imported = NotImported {
                        source: entry.source.clone(),
                        resource_type: resource_type.to_owned(),
                        problems,
                    };
                    found.not_imported.insert(entry.position, not_imported);
                }
            }
        }
        if let Some(client) = found.client.as_mut().filter(|_| !guardians.is_empty()) {
            client.content.put("guardians", Node::List(guardians));
        }
        found
    }

    /// What may be named elsewhere, as long as there is room for it.
    fn name(&self, entry: &Entry) -> Option<String> {
        let name = self.names.get(&entry.position)?;
        self.room.set(self.room.get().checked_sub(name.len())?);
        Some(name.clone())
    }

    /// What is made of an entry; what is not stays in `rest`.
    fn read_entry(
        &self,
        entry: &Entry,
        rest: &mut Node,
        beside: &mut Beside,
        report: &mut Report,
    ) -> Result<Read, Vec<&'static str>> {
        let place = Place::new(self, entry);
        let resource_type = entry.resource_type.as_str();
        if let Some(element) = bound_by(rest) {
            return Err(vec![element]);
        }
        rest.at_mut("resourceType").map(Node::take);
        // The id is in the source, where it is the one by which the sender knows the resource.
        let is_in_source = |id: &str| entry.source.id.rsplit(['/', ':']).next() == Some(id);
        if let Some(id) = rest.at_mut("id").filter(|id| id.as_text().is_some_and(is_in_source)) {
            id.take();
        }
        let made = match resource_type {
            "Goal" => {
                // It is a goal of a plan, which has it by now, or nobody's.
                read(clinical::GOAL, rest, &place)?;
                return if beside.goals.contains_key(&entry.position) {
                    Err(vec!["id"])
                } else {
                    Ok(Read::Beside)
                };
            }
            "Medication" => {
                read(clinical::MEDICATION, rest, &place)?;
                return Ok(Read::Beside);
            }
            "MedicationRequest" | "MedicationStatement" => {
                let referred = self.refer_to_medication(entry, rest, beside, &place)?;
                let made = read(table(resource_type), rest, &place)?;
                beside.taken.extend(referred);
                made
            }
            "RelatedPerson" => {
                let guardian = match read(person::GUARDIAN, rest, &place) {
                    Ok(guardian) => guardian,
                    // As with all else of her details, one that does not fit keeps nothing else out. A modifier that nobody here knows, or
                    // somebody else's relative, says that the bundle is not understood.
                    Err(lacking) if lacking.iter().all(|element| person::UNFIT_GUARDIAN.contains(element)) => {
                        return Ok(Read::Unfit);
                    }
                    Err(lacking) => return Err(lacking),
                };
                let is_known = person::SAME_GUARDIAN.iter().any(|field| guardian.at(field).is_some());
                return Ok(if is_known {
                    Read::Guardian(guardian)
                } else {
                    Read::Unfit
                });
            }
            "Patient" => self.read_client(rest, &place)?,
            "CarePlan" => self.read_plan(entry, rest, beside, &place)?,
            "Claim" | "ExplanationOfBenefit" => {
                let withheld = self.withhold_diagnoses(rest);
                let made = read(table(resource_type), rest, &place)?;
                for (position, values) in withheld {
                    report.add(resource_type, "item.productOrService", Reason::Withheld, values);
                    // Of an item that is not kept it is left over, and the sender did not say it.
                    rest.at_mut(&format!("item[{position}].productOrService"))
                        .map(Node::take);
                }
                made
            }
            "Observation" => match read_assessment(rest, &place) {
                Some(assessment) => return Ok(Read::Part(self.part(entry, Kind::Assessment, assessment))),
                None => read(clinical::OBSERVATION, rest, &place)?,
            },
            _ => read(table(resource_type), rest, &place)?,
        };
        let kind = kind_of(entry).ok_or_else(Vec::new)?;
        Ok(Read::Part(self.part(entry, kind, made)))
    }

    fn part(&self, entry: &Entry, kind: Kind, mut made: Node) -> Part {
        let id_kind = if kind == Kind::Assessment {
            Kind::Observation
        } else {
            kind
        };
        Part {
            source: entry.source.clone(),
            id: (self.ids)(&entry.source, id_kind),
            kind,
            encounter: made.text_at("encounter").map(str::to_owned),
            content: made.at_mut("content").map_or_else(Node::object, Node::take),
        }
    }

    fn read_client(&self, rest: &mut Node, place: &Place<'_, '_>) -> Result<Node, Vec<&'static str>> {
        if let Some(Node::List(names)) = rest.at_mut("name") {
            let has_ended = |name: &Node| name.at("period.end").is_some();
            let is_former = |name: &Node| matches!(name.text_at("use"), Some("maiden" | "old"));
            // What she is called comes before what she was. Names that she had are kept in their order, and some of them have an end.
            names.sort_by_key(|name| has_ended(name) && !is_former(name));
            // Of names of which none is said to be the official one, it is the first that is not said to be another. Where all have an end, and some
            // systems write one in the year 9999, she is still called by one of them.
            let is_official = |name: &Node| name.text_at("use") == Some("official");
            let is_of_no_use = |name: &Node| name.at("use").is_none();
            let holds = |name: &Node| !has_ended(name);
            let chosen = if names.iter().any(|name| is_official(name) && holds(name)) {
                None
            } else {
                let current = names.iter().position(|name| is_of_no_use(name) && holds(name));
                let has_official = names.iter().any(is_official);
                current.or_else(|| names.iter().position(is_of_no_use).filter(|_| !has_official))
            };
            if let Some(name) = chosen.and_then(|chosen| names.get_mut(chosen)) {
                name.put("use", Node::from_text("official"));
            }
        }
        let doubled = take_doubled_languages(rest);
        let mut made = read(person::CLIENT, rest, place)?;
        if !doubled.is_empty() {
            rest.put("communication", Node::List(doubled));
        }
        if made.at("content.preferences.language").is_none() {
            made.put(
                "content.preferences.language",
                Node::from_text(&*self.settings.language),
            );
        }
        // How somebody may be reached she has to say herself.
        made.put("content.preferences.channels", Node::List(Vec::new()));
        Ok(made)
    }

    fn read_plan(
        &self,
        entry: &Entry,
        rest: &mut Node,
        beside: &mut Beside,
        place: &Place<'_, '_>,
    ) -> Result<Node, Vec<&'static str>> {
        // A problem is described, by FHIR's display or by the diagnosis itself.
        if let Some(Node::List(problems)) = rest.at_mut("addresses") {
            for problem in problems.iter_mut().filter(|problem| problem.at("display").is_none()) {
                let target = problem
                    .text_at("reference")
                    .and_then(|reference| place.target(reference));
                let diagnosis = target.filter(|target| target.kind == Some(Kind::Diagnosis));
                if let Some(name) = diagnosis.and_then(|diagnosis| diagnosis.name) {
                    problem.put("display", Node::Text(name));
                }
            }
        }
        let mut made = read(clinical::TREATMENT_PLAN, rest, place)?;
        // A goal is that of the first plan that is imported and names it: many plans of one large goal would be many times the bundle. So
        // goals are taken last, when nothing but their lack can keep the plan out.
        let mut pursued = Vec::new();
        if let Some(Node::List(list)) = rest.at_mut("goal") {
            for goal in list {
                let named = goal
                    .text_at("reference")
                    .and_then(|name| self.bundle.resolve(entry, name));
                if let Some(made) = named.and_then(|named| beside.goals.remove(&named.position)) {
                    pursued.push(made);
                    goal.at_mut("reference").map(Node::take);
                }
            }
        }
        if !pursued.is_empty() {
            made.put("content.goals", Node::List(pursued));
        } else if made.at("content.activities").is_none() {
            return Err(vec!["activity"]);
        }
        Ok(made)
    }

    /// What can be part of other resources.
    fn beside(&self) -> Beside {
        let made_of = |entry: &Entry, table: &[Field]| {
            let place = Place::new(self, entry);
            let is_free = !self.bound.contains(&entry.position);
            is_free.then(|| read(table, &mut entry.resource.clone(), &place).ok())?
        };
        let mut beside = Beside {
            goals: BTreeMap::new(),
            medications: BTreeMap::new(),
            taken: BTreeSet::new(),
        };
        for entry in &self.bundle.entries {
            if is_goal(entry)
                && let Some(goal) = made_of(entry, clinical::GOAL)
            {
                beside.goals.insert(entry.position, goal);
            } else if is_medication(entry)
                && let Some(called) = made_of(entry, clinical::MEDICATION)
            {
                let size = called.size();
                beside.medications.insert(entry.position, (called, size));
            }
        }
        beside
    }

    /// Puts what a medication is called where the request or statement that refers to it would say it itself. The position of the
    /// medication in the bundle, where it is not contained.
    fn refer_to_medication(
        &self,
        entry: &Entry,
        rest: &mut Node,
        beside: &Beside,
        place: &Place<'_, '_>,
    ) -> Result<Option<usize>, Vec<&'static str>> {
        const REFERENCE: &str = "medicationReference.reference";
        if rest.at("medicationCodeableConcept").is_some() {
            return Ok(None);
        }
        let Some(reference) = rest.text_at(REFERENCE).map(str::to_owned) else {
            return Ok(None);
        };
        let (position, called) = match reference.strip_prefix('#') {
            Some(id) => (None, contained_medication(rest, id, place)),
            None => {
                let named = self.bundle.resolve(entry, &reference).map(|named| named.position);
                let called = named.and_then(|position| beside.medications.get(&position));
                // As with names: however many refer to it, they don't become many times the bundle.
                let has_room = |(_, size): &&(Node, usize)| match self.room.get().checked_sub(*size) {
                    Some(room) => {
                        self.room.set(room);
                        true
                    }
                    None => false,
                };
                (named, called.filter(has_room).map(|(called, _)| called.clone()))
            }
        };
        let mut called = called.ok_or_else(|| vec![REFERENCE])?;
        rest.at_mut(REFERENCE).map(Node::take);
        let code = called.at_mut("code").map_or(Node::Nothing, Node::take);
        rest.put("medicationCodeableConcept", code);
        Ok(position)
    }

    /// Puts "masked" where an item of a claim says by its service what somebody has: billers of a practice have no use for it. The
    /// positions of these items, and how many values each said it with.
    fn withhold_diagnoses(&self, rest: &mut Node) -> Vec<(usize, usize)> {
        let mut withheld = Vec::new();
        let Some(Node::List(items)) = rest.at_mut("item") else {
            return withheld;
        };
        for (position, item) in items.iter_mut().enumerate() {
            let Some(service) = item.at_mut("productOrService") else {
                continue;
            };
            let codings = service.at("coding").map(Node::as_list).unwrap_or_default();
            if !codings.iter().any(|coding| self.is_diagnosis(coding)) {
                continue;
            }
            withheld.push((position, service.values()));
            *service = Node::object();
            service.put("coding[0].system", Node::from_text(DATA_ABSENT_REASON));
            service.put("coding[0].code", Node::from_text("masked"));
        }
        withheld
    }

    /// Whether a code says what somebody has: that of a diagnosis in the bundle, one of a classification of diseases, or one that
    /// SNOMED CT's display says to be of a disorder or a finding.
    fn is_diagnosis(&self, coding: &Node) -> bool {
        let text = |name: &str| coding.text_at(name).unwrap_or_default().to_owned();
        let (system, display) = (text("system"), text("display"));
        says_diagnosis(&system, Some(&display)) || self.diagnoses.contains(&(system, text("code")))
    }
}

/// What says a language again, which is taken out: it is spoken once. What is preferred comes first then, and what names no language
/// last. Case means nothing (RFC 5646, section 2.1.1).
fn take_doubled_languages(rest: &mut Node) -> Vec<Node> {
    let Some(Node::List(list)) = rest.at_mut("communication") else {
        return Vec::new();
    };
    let mut said: BTreeSet<String> = BTreeSet::new();
    let tags = |one: &Node| -> Vec<String> {
        let codings = one.at("language.coding").map(Node::as_list).unwrap_or_default().iter();
        let codes = codings.filter(|coding| coding.text_at("system") == Some(LANGUAGE_TAGS));
        let tags = codes.filter_map(|coding| coding.text_at("code").filter(|tag| is_language_tag(tag)));
        tags.map(str::to_ascii_lowercase).collect()
    };
    list.sort_by_key(|one| {
        let is_preferred = one.at("preferred") == Some(&Node::Boolean(true));
        (tags(one).is_empty(), !is_preferred)
    });
    let (first, doubled) = std::mem::take(list).into_iter().partition(|one| {
        let tags = tags(one);
        let is_new = !tags.iter().any(|tag| said.contains(tag));
        said.extend(tags);
        is_new
    });
    *list = first;
    doubled
}

/// What a contained medication is called, which is taken out of it.
fn contained_medication(rest: &mut Node, id: &str, place: &Place<'_, '_>) -> Option<Node> {
    let Node::List(contained) = rest.at_mut("contained")? else {
        return None;
    };
    let is_it = |one: &&mut Node| one.text_at("resourceType") == Some("Medication") && one.text_at("id") == Some(id);
    let medication = contained.iter_mut().find(is_it)?;
    if bound_by(medication).is_some() {
        return None;
    }
    read(clinical::MEDICATION, medication, place).ok()
}

/// FHIR R4, code system `data-absent-reason`: the value is there and is not shown.
const DATA_ABSENT_REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

fn diagnoses(bundle: &Bundle) -> BTreeSet<(String, String)> {
    let conditions = bundle.entries.iter().filter(|entry| entry.resource_type == "Condition");
    conditions
        .flat_map(|condition| {
            condition
                .resource
                .at("code.coding")
                .map(Node::as_list)
                .unwrap_or_default()
        })
        .filter_map(|coding| Some((coding.text_at("system")?.to_owned(), coding.text_at("code")?.to_owned())))
        .collect()
}

/// What is wrong with an element of an entry's resource.
fn problem(entry: &Entry, element: &str, detail: &str) -> Problem {
    let steps = element.split(['.', '[']).filter(|step| !step.is_empty());
    let element: String = steps.map(|step| format!("/{}", step.trim_end_matches(']'))).collect();
    Problem {
        field: format!("/entry/{}/resource{element}", entry.position),
        detail: detail.to_owned(),
    }
}

/// Why what is left of a resource was not carried over.
fn why(resource_type: &str, path: &str, node: &Node) -> Why {
    let is_financial = matches!(resource_type, "Claim" | "ExplanationOfBenefit");
    match path {
        "" | "extension" => Why::Each(Reason::NoHome),
        "meta" | "id" => Why::Whole(Reason::Transport),
        "text" | "contained" => Why::Whole(Reason::NoHome),
        "extension[us-core-race]"
        | "extension[us-core-ethnicity]"
        | "extension[patient-religion]"
        | "extension[patient-birthPlace]"
        | "extension[patient-mothersMaidenName]"
        | "photo"
            if resource_type == "Patient" =>
        {
            Why::Whole(Reason::NotKept)
        }
        // Of a type that is not kept, or of none; what is left of one that is kept is another matter.
        "identifier" if resource_type == "Patient" => {
            let is_whole = |identifier: &Node| identifier.at("value").is_some();
            match node {
                Node::List(_) => Why::Each(Reason::NoHome),
                identifier if is_whole(identifier) && !person::is_kept(identifier) => Why::Whole(Reason::NotKept),
                _ => Why::Each(Reason::NoHome),
            }
        }
        "diagnosis"
        | "procedure"
        | "supportingInfo"
        | "prescription"
        | "referral"
        | "item.encounter"
        | "item.diagnosisSequence"
        | "item.procedureSequence"
        | "item.informationSequence"
            if is_financial =>
        {
            Why::Whole(Reason::Withheld)
        }
        path if path.ends_with(']') => Why::Whole(Reason::NoHome),
        path if has_field(table(resource_type), path) && node.values() > 0 && is_single(node) => {
            Why::Each(Reason::Unrepresentable)
        }
        _ => Why::Each(Reason::NoHome),
    }
}

fn is_single(node: &Node) -> bool {
    !matches!(node, Node::List(list) if !list.is_empty())
        && !matches!(node, Node::Object(members) if !members.is_empty())
}
