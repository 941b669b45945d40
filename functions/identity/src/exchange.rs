//! What `exchange` hands over and takes, in the name of whoever asks it: a client's details, as one part that has her own id.
//!
//! The id says into whose entry an import goes, and whoever asks may have picked the wrong one. So it has to be about somebody who was born on
//! the same day as who is registered there: two people's birth dates are rarely the same. Whom the entry was imported from need not know what was
//! corrected here since, nor that she is looked at in another entry by now: what comes from there again is hers, and changes nothing.

use std::convert::Infallible;

use http::StatusCode;
use model::{Action, ClientId, Confidential};
use serde::Deserialize;
use store::Versioned;
use web::import::{self, Export, ExportPage, Exported, Handed, Import, Imported, Outcome, Refused, Step, There};
use web::{Check, Exchange, Problem, Reply};

use crate::details::Details;
use crate::handlers::admit;
use crate::register::{Client, Register};

/// Why there is a new version where the source says something else now.
const REASON: &str = "imported again";

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Client,
}

impl Kind {
    const NAME: &str = "client";
}

/// A client's details as they are handed over.
struct ImportedClient {
    details: Details,
    imported: Imported,
}

fn read(exchange: &Exchange<'_>, import: &Import) -> Result<Result<Vec<ImportedClient>, Vec<Refused>>, Problem> {
    let now = exchange.platform.clock.now();
    let key = exchange.keyring.key("index")?;
    import.read(|part: &Handed<ClientId, Kind>| {
        let mut check = Check::new();
        // So there is one part: no id is there twice.
        check.that(
            part.id == import.client_id,
            "/id",
            "client",
            "must be the id of the client whom the request is about",
        );
        part.check_no_encounter(&mut check);
        check.finish()?;
        let details: Details = part.content.read("/content")?;
        let details = details.normalised("/content", now)?;
        Ok(ImportedClient {
            imported: part.imported(key, Kind::NAME, &details)?,
            details,
        })
    })
}

impl ImportedClient {
    /// What is to be done where this is there.
    fn over(&self, there: &Versioned<Client>) -> Step {
        let step = self.imported.over(There {
            imported: there.value.imported.as_ref(),
            version: there.version,
            says_the_same: there.value.details == self.details,
        });
        match step {
            Step::Update if there.value.replaced_by.is_some() => Step::Leave(Outcome::Kept),
            step => step,
        }
    }

    /// Why it can't go into an entry. It tells nothing of what is in there.
    fn refused_by(&self, there: &Versioned<Client>) -> Option<Refused> {
        let client = &there.value;
        let source = client.imported.as_ref().map(|imported| &imported.source);
        if source == Some(&self.imported.source) && matches!(self.over(there), Step::Leave(_)) {
            return None;
        }
        let mut check = Check::new();
        check.that(
            client.replaced_by.is_none(),
            "/id",
            "replaced",
            "was merged into another entry: import into that one, or undo the merge",
        );
        check.that(
            client.details.birth_date == self.details.birth_date,
            "/content/birth_date",
            "same-person",
            "must be that of the client who is registered: this is somebody else",
        );
        let errors = check.finish().err()?.violations;
        Some(Refused { part: 0, errors })
    }
}

/// `POST /v1/identity/private/import/check`, private.
///
/// Order: record, read, answer. Nothing else is written.
pub(crate) fn check(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let import = Import::receive(exchange)?;
    let read = read(exchange, &import)?;
    let recorded = admit(exchange, Action::Create, import.client_id)?;
    let register = Register::new(exchange)?;
    let there = match register.open(&recorded)? {
        Some(entry) => entry.read_if_there()?,
        None => None,
    };
    let refused = match (read, there) {
        (Err(refused), _) => refused,
        (Ok(_), None) => Vec::new(),
        (Ok(parts), Some(there)) => parts.iter().filter_map(|part| part.refused_by(&there)).collect(),
    };
    Ok(import::checked(refused)?.recorded(recorded.event()))
}

/// `POST /v1/identity/private/import`, private.
///
/// Order: record, then as [`Entry::create`] where she is not registered, and as [`Entry::correct`], once that is recorded too, where her
/// source says something else now. A crash leaves what it leaves there; the repeated request is recognised by its fingerprint, and
/// lets her be found by what she has.
///
/// [`Entry::create`]: crate::register::Entry::create
/// [`Entry::correct`]: crate::register::Entry::correct
pub(crate) fn import(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let import = Import::receive(exchange)?;
    let parts = read(exchange, &import)?.map_err(import::invalid)?;
    let recorded = admit(exchange, Action::Create, import.client_id)?;
    let register = Register::new(exchange)?;
    let entry = register.open_or_begin(&recorded)?;
    let now = exchange.platform.clock.now();
    let mut outcomes = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(there) = entry.read_if_there()? else {
            entry.create(Client {
                registered_at: now,
                registered_by: recorded.account(),
                written_at: now,
                written_by: recorded.account(),
                reason: None,
                details: part.details,
                replaced_by: None,
                replaces: Vec::new(),
                fingerprint: part.imported.fingerprint,
                imported: Some(part.imported),
            })?;
            outcomes.push(Outcome::Created);
            continue;
        };
        if let Some(refused) = part.refused_by(&there) {
            return Err(import::invalid(vec![refused]).recorded(recorded.event()));
        }
        outcomes.push(match part.over(&there) {
            Step::Leave(Outcome::Unchanged) if there.value.replaced_by.is_none() => {
                let (Ok(_) | Err(_)) = entry.rewrite(|_| Ok::<_, Infallible>(None))?;
                Outcome::Unchanged
            }
            Step::Leave(outcome) => outcome,
            Step::Update => import_again(exchange, &register, import.client_id, &there, &part)?,
        });
    }
    Ok(import::imported(outcomes)?.recorded(recorded.event()))
}

/// Corrects what nobody has corrected here since it was imported, where the caller may.
fn import_again(
    exchange: &Exchange<'_>,
    register: &Register<'_>,
    client_id: ClientId,
    there: &Versioned<Client>,
    part: &ImportedClient,
) -> Result<Outcome, Problem> {
    let recorded = match admit(exchange, Action::Amend, client_id) {
        Ok(recorded) => recorded,
        Err(denied) if denied.status == StatusCode::FORBIDDEN => return Ok(Outcome::Kept),
        Err(problem) => return Err(problem),
    };
    let entry = register
        .open(&recorded)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    let now = exchange.platform.clock.now();
    let corrected = entry.correct(there.version, |client| Client {
        written_at: now,
        written_by: recorded.account(),
        reason: Some(Confidential::new(REASON.to_owned())),
        details: part.details.clone(),
        imported: Some(Imported {
            version: there.version.saturating_add(1),
            ..part.imported.clone()
        }),
        ..client.clone()
    });
    match corrected {
        Ok(_) => Ok(Outcome::Updated),
        // Somebody has corrected it here meanwhile.
        Err(stale) if stale.status == StatusCode::PRECONDITION_FAILED => Ok(Outcome::Kept),
        Err(problem) => Err(problem),
    }
}

/// `POST /v1/identity/private/export`, private.
///
/// Order: record, read, answer. It changes nothing.
pub(crate) fn export(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Export::receive(exchange)?;
    let client_id = wanted.client_id;
    if wanted.cursor.is_some() {
        return Err(Problem::malformed("/cursor", "cursor", "a client is one page"));
    }
    let recorded = admit(exchange, Action::Export, client_id)?;
    let register = Register::new(exchange)?;
    let mut page = ExportPage::default();
    if wanted.wants(Kind::NAME)
        && let Some(entry) = register.open(&recorded)?
        && let Some(client) = entry.read_if_there()?
    {
        page.push(&Exported {
            replaced_by: client.value.replaced_by.map(|link| link.client_id),
            replaces: client.value.replaces.iter().map(|link| link.client_id).collect(),
            ..Exported::new(client_id, Kind::NAME, &client.value.details)
        })?;
    }
    Ok(page.finish(None)?.recorded(recorded.event()))
}
