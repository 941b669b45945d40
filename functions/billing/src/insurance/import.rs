//! The private routes of `exchange`: claims and explanations of benefit come in and go out with FHIR bundles. Whatever it asks, it asks in
//! the name of the user whose token it passes on, and she may no more than on any other route.

use access::Refusal;
use model::{Action, ClientId};
use serde::Deserialize;
use store::idempotency;
use web::import::{self, Imported, Outcome, PARTS, Refused, Source, Step, check_exchange_calls};
use web::{Check, Exchange, Part, Problem, Reply, Violation};

use super::content::{Content, Kind};
use super::document::{DocumentId, Said};
use super::file::Known;
use crate::ledger::{Ledgers, asking};

/// The longest part of a source, in characters: URLs in bundles are no longer.
const SOURCE: usize = 255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Import {
    client_id: ClientId,
    parts: Vec<SentPart>,
}

/// What was made of a resource. There is no `encounter`: a link to a health record is not taken here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentPart {
    id: String,
    source: Source,
    kind: Kind,
    content: Part,
}

impl Import {
    fn of(exchange: &Exchange<'_>) -> Result<Self, Problem> {
        let import: Self = exchange.json()?;
        let mut check = Check::new();
        check.that(
            (1..=PARTS).contains(&import.parts.len()),
            "/parts",
            "count",
            format!("must have 1 to {PARTS} parts"),
        );
        check.finish()?;
        Ok(import)
    }
}

impl SentPart {
    /// What the part says, or a problem with every rule that it breaks; it stands `at` this place.
    fn checked(&self, ledgers: &Ledgers<'_>, at: &str) -> Result<Said, Problem> {
        let id = DocumentId::parse(self.kind, &self.id)
            .ok_or_else(|| Problem::malformed(format!("{at}/id"), "id", "must be an id of this kind"))?;
        let mut check = Check::new();
        for (name, text) in [("system", &self.source.system), ("id", &self.source.id)] {
            check.text(text.expose(), &format!("{at}/source/{name}"), 1, SOURCE);
        }
        check.finish()?;
        let content = Content::read(self.kind, &self.content, &format!("{at}/content"))?;
        let content_of_its_kind = [self.kind.name().as_bytes(), b"\n", &content.json()?].concat();
        Ok(Said {
            id,
            imported: Imported {
                source: self.source.clone(),
                fingerprint: idempotency::fingerprint(ledgers.index, &content_of_its_kind),
                version: 1,
            },
            content,
        })
    }
}

/// What is wrong with a part; or the problem itself, where it is not the part's.
fn violations(problem: Problem) -> Result<Vec<Violation>, Problem> {
    if problem.violations.is_empty() {
        Err(problem)
    } else {
        Ok(problem.violations)
    }
}

/// `POST /v1/billing/private/import/check`. Writes nothing but that it was decided.
pub(crate) fn check(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    check_exchange_calls(exchange)?;
    let import = Import::of(exchange)?;
    let asking = asking(exchange, import.client_id)?;
    let recorded = asking.admit(Action::Create, None)?;
    let ledgers = Ledgers::new(exchange)?;
    let mut refused = Vec::new();
    for (part, sent) in import.parts.iter().enumerate() {
        if let Err(problem) = sent.checked(&ledgers, "") {
            refused.push(Refused {
                part,
                errors: violations(problem)?,
            });
        }
    }
    Ok(import::checked(refused)?.recorded(recorded.event()))
}

/// `POST /v1/billing/private/import`
///
/// Order: everything is checked, then of each part that it may be written is recorded, and it is written (see
/// [`crate::ledger::Ledger::file`] and [`crate::ledger::Ledger::refile`]). A crash leaves the parts before it whole, and the one that it
/// struck in the state that is described there; the same call again finds the former unchanged and finishes the rest. The answer names
/// the entry of the last part.
pub(crate) fn import(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    check_exchange_calls(exchange)?;
    let import = Import::of(exchange)?;
    let ledgers = Ledgers::new(exchange)?;
    let (mut parts, mut check) = (Vec::with_capacity(import.parts.len()), Check::new());
    for (part, sent) in import.parts.iter().enumerate() {
        match sent.checked(&ledgers, &format!("/parts/{part}")) {
            Ok(said) => parts.push(said),
            Err(problem) => check.also(violations(problem)?),
        }
    }
    check.finish()?;
    let asking = asking(exchange, import.client_id)?;
    let mut known = Known::default();
    let mut outcomes = Vec::with_capacity(parts.len());
    let mut event = None;
    for said in parts {
        let recorded = asking.admit(Action::Create, Some(&said.id))?;
        event = Some(recorded.event());
        let now = exchange.platform.clock.now();
        let ledger = ledgers.open_or_begin(&recorded)?;
        let outcome = match ledger.file(&said, recorded.account(), now, &mut known)? {
            None => Outcome::Created,
            Some(existing) => match existing.value.hear(&said) {
                Step::Leave(outcome) => outcome,
                Step::Update => match asking.admit(Action::Amend, Some(&said.id)) {
                    Ok(recorded) => {
                        ledgers
                            .open(&recorded)?
                            .refile(&existing, &said, recorded.account(), now)?;
                        Outcome::Updated
                    }
                    Err(Refusal::Denied { .. }) => Outcome::Kept,
                    Err(unrecorded) => return Err(unrecorded.into()),
                },
            },
        };
        outcomes.push(outcome);
    }
    let reply = import::imported(outcomes)?;
    Ok(match event {
        Some(event) => reply.recorded(event),
        None => reply,
    })
}
