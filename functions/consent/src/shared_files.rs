//! Which files a client shares with others: what a participant of a couple or a group begins with.

use access::Permissions;
use crypto::{Label, name};
use model::{Action, ClientId, ClinicId, DataClass};
use schemars::JsonSchema;
use serde::Serialize;
use store::StoreError;
use web::listing::{Listing, Page, Wanted};
use web::{Exchange, Problem, Reply};

use crate::file::{ClientFile, Files};

const SHARED_FILES: Label = Label::new("confide 2026-11 shared files name");
const SHARED_FILE: Label = Label::new("confide 2026-11 shared files entry id");

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SharedFiles")]
pub(crate) struct SharedFilesAnswer {
    shared_files: Vec<SharedFileAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SharedFile")]
struct SharedFileAnswer {
    /// Of the file.
    client_id: ClientId,
    /// Whose it is.
    participants: Vec<ClientId>,
}

fn log<'f>(files: &'f Files<'_>, clinic: ClinicId, participant: ClientId) -> Listing<'f> {
    let name = name(files.index, SHARED_FILES, &[clinic.as_bytes(), participant.as_bytes()]);
    files.consent.log(Some(clinic), "shared files", &name, files.seal)
}

/// Lists a shared file as one of a participant's, before it is there: whom a list misses would never come to know of it, and what is
/// listed and not there is not answered.
pub(crate) fn enter(file: &ClientFile<'_>, participant: ClientId) -> Result<(), Problem> {
    Ok(file.list_in(&log(&file.files, file.clinic, participant), SHARED_FILE)?)
}

/// What holds now in all files that a client shares.
pub(crate) fn of(own: &ClientFile<'_>) -> Result<Vec<Permissions>, Problem> {
    let log = log(&own.files, own.clinic, own.client);
    let ids: Result<_, StoreError> = log.newest_first(None).map(|entry| Ok(entry?.value.id())).collect();
    let mut shared = own.files.listed(own.clinic, ids?)?;
    shared.retain(|file| file.participants.contains(&own.client));
    Ok(shared)
}

/// `GET /v1/consent/clients/{client}/shared-files`: the files of couples and groups that the client is a participant of, those first that
/// were opened last.
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let caller = exchange.caller()?;
    let (own, recorded, _) = ClientFile::enter(exchange, &caller, Action::List, DataClass::ClientFile, None)?;
    let Page { ids, next } = wanted.page(&log(&own.files, own.clinic, own.client))?;
    let listed = own.files.listed(own.clinic, ids)?.into_iter();
    let shared = listed.filter(|file| file.participants.contains(&own.client));
    let answer = SharedFilesAnswer {
        shared_files: shared
            .map(|file| SharedFileAnswer {
                client_id: file.client,
                participants: file.participants,
            })
            .collect(),
        next,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}
