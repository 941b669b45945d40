//! The private routes of `exchange`: claims and explanations of benefit come in and go out with FHIR bundles. Whatever it asks, it asks in
//! the name of the user whose token it passes on, and she may no more than on any other route.

use access::Refusal;
use model::Action;
use web::import::{self, Handed, Import, Outcome, Refused, Step};
use web::{Check, Exchange, Problem, Reply};

use super::content::{Content, Kind};
use super::document::{DocumentId, Said};
use super::file::Known;
use crate::ledger::{Ledgers, asking};

/// Reads what each part says. What came of a meeting is not asked here: that would be a link to a health record.
fn read(exchange: &Exchange<'_>, import: &Import) -> Result<Result<Vec<Said>, Vec<Refused>>, Problem> {
    let key = exchange.keyring.key("index")?;
    import.read(|part: &Handed<DocumentId, Kind>| {
        let mut check = Check::new();
        check.that(part.id.kind() == part.kind, "/id", "id", "must be an id of this kind");
        part.check_no_encounter(&mut check);
        check.finish()?;
        let content = Content::read(part.kind, &part.content, "/content")?;
        Ok(Said {
            id: part.id,
            imported: part.imported(key, part.kind.name(), &content)?,
            content,
        })
    })
}

/// `POST /v1/billing/private/import/check`, private.
///
/// Order: record, answer. Nothing else is written.
pub(crate) fn check(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let import = Import::receive(exchange)?;
    let refused = read(exchange, &import)?.err().unwrap_or_default();
    let recorded = asking(exchange, import.client_id)?.admit(Action::Create, None)?;
    Ok(import::checked(refused)?.recorded(recorded.event()))
}

/// `POST /v1/billing/private/import`, private.
///
/// Order: everything is read, then of each part that it may be written is recorded, and it is written (see
/// [`crate::ledger::Ledger::file`] and [`crate::ledger::Ledger::refile`]). A crash leaves the parts before it whole, and the one that it
/// struck in the state that is described there; the same call again finds the former unchanged and finishes the rest. The answer names
/// the entry of the last part.
pub(crate) fn import(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let import = Import::receive(exchange)?;
    let parts = read(exchange, &import)?.map_err(import::invalid)?;
    let ledgers = Ledgers::new(exchange)?;
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
