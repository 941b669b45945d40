//! The form in which `exchange` hands parts of a client's file to their owners, and takes them from them.
//!
//! It asks in the name of a person ([`Exchange::call_in_name_of`](crate::Exchange::call_in_name_of)), and the owner decides about her as on
//! every route. A part that is imported again is recognised by the id that it is handed over with, which `exchange` makes of where
//! the part is from, and by what is kept of that beside it: [`Imported`].

use crypto::{Label, Secret, mac};
use model::{ClientId, Confidential, Function, RecordId};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Check, Exchange, Part, Problem, Reply, Violation, json};

const FINGERPRINT: Label = Label::new("confide 2026-11 imported part fingerprint");

/// How many parts are handed over at once.
pub const PARTS: usize = 100;

/// How many bytes a page of an export has at most, unless its only part alone has more. The answer of a private call has at most 1 MiB.
pub const PAGE: usize = 700 * 1024;

/// The longest text of a source, in characters.
const SOURCE: usize = 500;

/// Where a part is from: a system and what it calls the part (FHIR R4, `Identifier`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The system, as a URI. It may name who else treats somebody.
    pub system: Confidential<String>,
    /// The id there.
    pub id: Confidential<String>,
}

/// What an owner keeps beside what it imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// Where it is from.
    pub source: Source,
    /// Recognises what was imported: see [`Handed::imported`].
    pub fingerprint: [u8; 16],
    /// The version that the import wrote. As long as it is the current one, nobody has changed it here.
    pub version: u64,
}

/// What stands where a part is to be written.
#[derive(Debug, Clone, Copy)]
pub struct There<'t> {
    /// Where it is from, if it was imported.
    pub imported: Option<&'t Imported>,
    /// Its current version.
    pub version: u64,
    /// Whether it says what the part says.
    pub says_the_same: bool,
}

/// What an import does about what is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is to be done.
    Leave(Outcome),
    /// A new version is to be written, where the caller may; else it is [`Outcome::Kept`].
    Update,
}

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ImportOutcome")]
pub enum Outcome {
    /// It is here now.
    Created,
    /// The same was imported from its source before, whatever was done to it here since; or what is here says the same.
    Unchanged,
    /// Its source says something else now, and so does what is here.
    Updated,
    /// Its source says something else, and what is here stays: it was changed here since, is somebody else's, or is not from there.
    Kept,
}

impl Imported {
    /// What is to be done to import this over what is there. Whoever imports does not undo what was done here: what she did not see can't be what
    /// she means to change.
    #[must_use]
    pub fn over(&self, there: There<'_>) -> Step {
        let before = there.imported.filter(|imported| imported.source == self.source);
        match before {
            _ if there.says_the_same => Step::Leave(Outcome::Unchanged),
            Some(before) if before.fingerprint == self.fingerprint => Step::Leave(Outcome::Unchanged),
            Some(before) if before.version == there.version => Step::Update,
            _ => Step::Leave(Outcome::Kept),
        }
    }
}

/// That a private route of an owner's is asked by `exchange`, and by no other function.
///
/// # Errors
/// 404 of a path that does not exist, as [`Exchange::calling_function`].
pub fn check_exchange_calls(exchange: &Exchange<'_>) -> Result<(), Problem> {
    match exchange.calling_function()?.function() {
        Function::Exchange => Ok(()),
        _ => Err(Problem::no_such_route()),
    }
}

/// A part as its owner reads it: its id and kind are of the owner's types.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handed<I, K> {
    /// What it is called here.
    pub id: I,
    /// Where it is from.
    pub source: Source,
    /// What it is.
    pub kind: K,
    /// The record of the meeting that it came of.
    pub encounter: Option<RecordId>,
    /// What it says, of a type that the kind tells.
    pub content: Part,
}

impl<I, K> Handed<I, K> {
    /// What is kept beside the part where it is written for the first time. Its fingerprint recognises the part when it comes again, and confirms
    /// no guess of what it says. `content` is what the owner keeps of it, so that what is written in another way and means the same is the same.
    ///
    /// # Errors
    /// A [`Problem`] where the content does not serialise: a defect.
    pub fn imported<C: Serialize>(&self, key: &Secret, kind: &str, content: &C) -> Result<Imported, Problem> {
        let content =
            serde_json::to_vec(content).map_err(|_| Problem::defect("the content of a part does not serialise"))?;
        let encounter: &[u8] = self.encounter.as_ref().map_or(&[], |encounter| encounter.as_bytes());
        Ok(Imported {
            source: self.source.clone(),
            fingerprint: mac(key, FINGERPRINT, &[kind.as_bytes(), encounter, &content]).truncated(),
            version: 1,
        })
    }

    /// Notes where it is said to come of a meeting: a record does, and what other owners keep has no link to one.
    pub fn check_no_encounter(&self, check: &mut Check) {
        check.that(self.encounter.is_none(), "/encounter", "encounter", "is for records");
    }

    fn check_source(&self) -> Result<(), Problem> {
        let mut check = Check::new();
        check.text(self.source.system.expose(), "/source/system", 1, SOURCE);
        check.text(self.source.id.expose(), "/source/id", 1, SOURCE);
        check.finish()
    }
}

/// A part that can't be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its position among those that were handed over, from 0.
    pub part: usize,
    /// What is wrong with it. Pointers begin at the part.
    pub errors: Vec<Violation>,
}

/// Parts of one client's that are handed over together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Whose they are.
    pub client_id: ClientId,
    parts: Vec<Part>,
}

impl Import {
    /// Takes what `exchange` hands over.
    ///
    /// # Errors
    /// 404 for every other caller, 400 for what has not this form.
    pub fn receive(exchange: &Exchange<'_>) -> Result<Self, Problem> {
        check_exchange_calls(exchange)?;
        exchange.check_media_type("application/json")?;
        let import: Self = json::parse_in_parts(exchange.body())?;
        if (1..=PARTS).contains(&import.parts.len()) {
            return Ok(import);
        }
        Err(Problem::malformed(
            "/parts",
            "count",
            format!("must have 1 to {PARTS} parts"),
        ))
    }

    /// Reads each part and then lets the owner `read` what it says; its pointers begin at the part. All of them come back, or those that
    /// can't be imported: a part that could not even be read is one of them, and so is one with something of a payment card in it.
    ///
    /// # Errors
    /// A [`Problem`] that is not about a part.
    pub fn read<I, K, T>(
        &self,
        read: impl Fn(&Handed<I, K>) -> Result<T, Problem>,
    ) -> Result<Result<Vec<T>, Vec<Refused>>, Problem>
    where
        I: DeserializeOwned + PartialEq,
        K: DeserializeOwned,
    {
        let mut ids = Vec::with_capacity(self.parts.len());
        let mut all = Vec::with_capacity(self.parts.len());
        let mut refused = Vec::new();
        for (position, part) in self.parts.iter().enumerate() {
            let one = || {
                part.search("")?;
                let handed: Handed<I, K> = part.read("")?;
                handed.check_source()?;
                let mut check = Check::new();
                check.that(!ids.contains(&handed.id), "/id", "unique", "must not be there twice");
                check.finish()?;
                Ok((read(&handed)?, handed.id))
            };
            match one() {
                Ok((one, id)) => {
                    all.push(one);
                    ids.push(id);
                }
                Err(Problem { violations, .. }) if !violations.is_empty() => refused.push(Refused {
                    part: position,
                    errors: violations,
                }),
                Err(problem) => return Err(problem),
            }
        }
        Ok(if refused.is_empty() { Ok(all) } else { Err(refused) })
    }
}

/// 422 for parts that can't be imported, all in one.
#[must_use]
pub fn invalid(refused: Vec<Refused>) -> Problem {
    let mut check = Check::new();
    for Refused { part, errors } in refused {
        for Violation { field, rule, detail } in errors {
            check.that(false, format!("/parts/{part}{field}"), rule, detail);
        }
    }
    check
        .finish()
        .err()
        .unwrap_or_else(|| Problem::defect("parts are refused for nothing"))
}

#[derive(Serialize)]
struct CheckAnswer {
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct ImportAnswer {
    outcomes: Vec<Outcome>,
}

/// What is answered when parts were only looked at.
///
/// # Errors
/// A [`Problem`] where the answer does not serialise: a defect.
pub fn checked(refused: Vec<Refused>) -> Result<Reply, Problem> {
    Reply::ok(&CheckAnswer { refused })
}

/// What is answered when parts were imported: what became of each, in their order.
///
/// # Errors
/// A [`Problem`] where the answer does not serialise: a defect.
pub fn imported(outcomes: Vec<Outcome>) -> Result<Reply, Problem> {
    Reply::ok(&ImportAnswer { outcomes })
}

/// What an export asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Whose parts.
    pub client_id: ClientId,
    /// Where the page begins: the `next` of the one before.
    pub cursor: Option<String>,
    kinds: Option<Vec<String>>,
}

impl Export {
    /// What `exchange` asks for.
    ///
    /// # Errors
    /// 404 for every other caller, 400 for what has not this form.
    pub fn receive(exchange: &Exchange<'_>) -> Result<Self, Problem> {
        check_exchange_calls(exchange)?;
        exchange.json()
    }

    /// Whether parts of this kind are asked for: all are, where nothing is said of it.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        let kinds = self.kinds.as_ref();
        kinds.is_none_or(|kinds| kinds.iter().any(|wanted| wanted == kind))
    }
}

/// A part on its way out.
#[derive(Serialize)]
pub struct Exported<'p, I, C> {
    /// What it is called here.
    pub id: I,
    /// What it is.
    pub kind: &'static str,
    /// The record of the meeting that it came of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encounter: Option<RecordId>,
    /// What it says.
    pub content: &'p C,
    /// What the owner computes of it, which is no part of what is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'p C>,
    /// Whose entry is looked at in the place of this one: they are one person's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<ClientId>,
    /// In the place of whose entries this one is looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<ClientId>,
    /// The record that it was added to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appends: Option<RecordId>,
}

impl<'p, I, C> Exported<'p, I, C> {
    /// A part that stands alone.
    #[must_use]
    pub fn new(id: I, kind: &'static str, content: &'p C) -> Self {
        Self {
            id,
            kind,
            encounter: None,
            content,
            result: None,
            replaced_by: None,
            replaces: Vec::new(),
            appends: None,
        }
    }
}

/// A page of an export in the making. Each part is serialised once, to be counted and to be sent.
#[derive(Default)]
pub struct ExportPage {
    parts: Vec<u8>,
    count: usize,
}

impl ExportPage {
    /// Adds a part, unless there is no room: then the page ends before it. There is always room for one.
    ///
    /// # Errors
    /// A [`Problem`] where the part does not serialise: a defect.
    pub fn push<I: Serialize, C: Serialize>(&mut self, part: &Exported<'_, I, C>) -> Result<bool, Problem> {
        let part = serde_json::to_vec(part).map_err(|_| Problem::defect("a part of an export does not serialise"))?;
        if self.count > 0 {
            if self.count >= PARTS || self.parts.len().saturating_add(part.len()) > PAGE {
                return Ok(false);
            }
            self.parts.push(b',');
        }
        self.parts.extend_from_slice(&part);
        self.count = self.count.saturating_add(1);
        Ok(true)
    }

    /// The page, and where the next one begins.
    ///
    /// # Errors
    /// A [`Problem`] where the cursor does not serialise: a defect.
    pub fn finish(self, next: Option<&str>) -> Result<Reply, Problem> {
        let next = next
            .map(serde_json::to_vec)
            .transpose()
            .map_err(|_| Problem::defect("a cursor does not serialise"))?;
        let next = next.map(|next| [b",\"next\":", next.as_slice()].concat());
        let body = [
            b"{\"parts\":[",
            self.parts.as_slice(),
            b"]",
            next.as_deref().unwrap_or_default(),
            b"}",
        ];
        Ok(Reply::ok_json(body.concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn imported(source: &str, fingerprint: u8, version: u64) -> Imported {
        Imported {
            source: Source {
                system: Confidential::new("https://practice.example/Condition".to_owned()),
                id: Confidential::new(source.to_owned()),
            },
            fingerprint: [fingerprint; 16],
            version,
        }
    }

    #[test]
    fn an_import_changes_only_what_nobody_changed_here() {
        let part = imported("a", 1, 1);
        let unchanged = Step::Leave(Outcome::Unchanged);
        let kept = Step::Leave(Outcome::Kept);
        for (before, version, says_the_same, step) in [
            // The same from the same source, changed here since or not.
            (Some(imported("a", 1, 1)), 1, true, unchanged),
            (Some(imported("a", 1, 1)), 1, false, unchanged),
            (Some(imported("a", 1, 1)), 4, false, unchanged),
            // Something else from the same source.
            (Some(imported("a", 2, 1)), 1, false, Step::Update),
            (Some(imported("a", 2, 3)), 3, false, Step::Update),
            (Some(imported("a", 2, 1)), 2, false, kept),
            (Some(imported("a", 2, 1)), 2, true, unchanged),
            // From elsewhere, or from nowhere.
            (Some(imported("b", 1, 1)), 1, false, kept),
            (Some(imported("b", 1, 1)), 1, true, unchanged),
            (None, 1, false, kept),
            (None, 1, true, unchanged),
        ] {
            let there = There {
                imported: before.as_ref(),
                version,
                says_the_same,
            };
            assert_eq!(part.over(there), step, "{before:?} {version} {says_the_same}");
        }
    }

    fn part(id: u8, content: &serde_json::Value) -> serde_json::Value {
        json!({"id": RecordId::from_bytes([id; 16]), "source": {"system": "s", "id": "i"}, "kind": "note", "content": content})
    }

    fn import(parts: &[serde_json::Value]) -> Import {
        let body = json!({"client_id": ClientId::from_bytes([1; 16]), "parts": parts}).to_string();
        json::parse_in_parts(body.as_bytes()).unwrap()
    }

    fn read(import: &Import) -> Result<Vec<String>, Vec<Refused>> {
        import
            .read(|part: &Handed<RecordId, String>| part.content.read("/content"))
            .unwrap()
    }

    /// Whatever is wrong with one part is said of that part, and the others are looked at all the same.
    #[test]
    fn each_part_is_refused_for_itself() {
        let good = part(1, &json!("slept better"));
        assert_eq!(read(&import(std::slice::from_ref(&good))).unwrap(), ["slept better"]);
        let with = |field: &str, value: serde_json::Value| {
            let mut part = part(2, &json!("x"));
            *part.pointer_mut(field).unwrap() = value;
            part
        };
        let mut unknown = part(2, &json!("x"));
        unknown["mood"] = json!("SECRET");
        let bad = [
            (with("/content", json!(["SECRET"])), "/content", "type"),
            (
                with("/content", json!("4111 1111 1111 1111")),
                "/content",
                "payment-card",
            ),
            (with("/id", json!("SECRET")), "/id", "type"),
            (with("/kind", json!(1)), "/kind", "type"),
            (with("/source/id", json!("x".repeat(501))), "/source/id", "length"),
            (with("/source/system", json!("")), "/source/system", "length"),
            (unknown, "/mood", "unknown-field"),
            (good.clone(), "/id", "unique"),
            (json!("SECRET"), "", "type"),
        ];
        let mut parts = vec![good];
        parts.extend(bad.iter().map(|(part, ..)| part.clone()));
        parts.push(part(3, &json!("y")));
        let refused = read(&import(&parts)).unwrap_err();
        let found: Vec<_> = refused
            .iter()
            .flat_map(|refused| {
                refused
                    .errors
                    .iter()
                    .map(move |error| (refused.part, error.field.as_str(), error.rule))
            })
            .collect();
        let wanted: Vec<_> = bad
            .iter()
            .enumerate()
            .map(|(position, (_, field, rule))| (position + 1, *field, *rule))
            .collect();
        assert_eq!(found, wanted);
        let problem = invalid(refused);
        assert_eq!((problem.status.as_u16(), problem.kind), (422, "invalid-content"));
        assert_eq!(problem.violations[0].field, "/parts/1/content");
        assert!(!format!("{problem:?}").contains("SECRET"));
    }

    #[test]
    fn a_fingerprint_is_of_all_that_a_part_says() {
        let key = Secret::from_bytes([7; 32]);
        let fingerprint = |encounter: Option<u8>, kind: &str, content: &str| {
            let mut part = part(1, &json!(content));
            part["encounter"] = json!(encounter.map(|id| RecordId::from_bytes([id; 16])));
            let handed: Handed<RecordId, String> = serde_json::from_value(part).unwrap();
            let imported = handed.imported(&key, kind, &content).unwrap();
            assert_eq!((&imported.source, imported.version), (&handed.source, 1));
            imported.fingerprint
        };
        let first = fingerprint(None, "note", "a");
        assert_eq!(first, fingerprint(None, "note", "a"));
        for other in [
            fingerprint(Some(1), "note", "a"),
            fingerprint(None, "diagnosis", "a"),
            fingerprint(None, "note", "b"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn only_a_record_comes_of_a_meeting() {
        for (encounter, refused) in [(None, false), (Some(RecordId::from_bytes([9; 16])), true)] {
            let mut part = part(1, &json!("x"));
            part["encounter"] = json!(encounter);
            let read = import(&[part]).read(|part: &Handed<RecordId, String>| {
                let mut check = Check::new();
                part.check_no_encounter(&mut check);
                check.finish()
            });
            let refusals = read.unwrap().err().unwrap_or_default();
            let found: Vec<_> = refusals
                .iter()
                .flat_map(|refusal| &refusal.errors)
                .map(|error| (error.field.as_str(), error.rule))
                .collect();
            let wanted: &[_] = if refused { &[("/encounter", "encounter")] } else { &[] };
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn kinds_that_are_not_asked_for_are_not_wanted() {
        for (kinds, diagnosis, note) in [
            (json!(null), true, true),
            (json!([]), false, false),
            (json!(["diagnosis"]), true, false),
            (json!(["note", "diagnosis"]), true, true),
            (json!(["Diagnosis", ""]), false, false),
        ] {
            let body = json!({"client_id": ClientId::from_bytes([1; 16]), "kinds": kinds});
            let export: Export = serde_json::from_value(body).unwrap();
            assert_eq!(
                (export.wants("diagnosis"), export.wants("note")),
                (diagnosis, note),
                "{kinds}"
            );
        }
    }

    #[test]
    fn a_page_ends_before_it_is_too_large() {
        let fill = |size: usize| {
            let (mut page, content) = (ExportPage::default(), "x".repeat(size));
            let part = Exported::new("rec_1", "note", &content);
            let mut count = 0;
            while page.push(&part).unwrap() {
                count += 1;
            }
            let body = page
                .finish(Some("next \"page\""))
                .unwrap()
                .into_response()
                .unwrap()
                .into_body();
            let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(answer["parts"].as_array().unwrap().len(), count);
            assert_eq!(answer["next"], "next \"page\"");
            assert_eq!(
                answer["parts"][0],
                json!({"id": "rec_1", "kind": "note", "content": content})
            );
            (count, body.len())
        };
        assert_eq!(fill(1).0, PARTS);
        let (count, size) = fill(100_000);
        assert_eq!(count, 7);
        assert!(size < PAGE + 100);
        // What is larger than a page is a page of its own.
        assert_eq!(fill(PAGE).0, 1);
        let empty = ExportPage::default().finish(None).unwrap().into_response().unwrap();
        assert_eq!(empty.into_body(), b"{\"parts\":[]}");
    }
}
