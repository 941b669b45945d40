//! Which clients a clinic has: for figures about all of them, which nobody can choose.

use access::Request;
use crypto::{Label, name};
use model::{Action, ClientId, ClinicId, DataClass, Purpose};
use serde::{Deserialize, Serialize};
use web::import::check_exchange_calls;
use web::listing::{Listing, Page, Wanted};
use web::{Exchange, Problem, Reply};

use crate::file::{ClientFile, Files};

const ROSTER: Label = Label::new("confide 2026-11 client roster name");
const CLIENT: Label = Label::new("confide 2026-11 client roster entry id");

/// How many clients are told at once: about 20 kB.
const PAGE: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RosterBody {
    cursor: Option<u64>,
}

#[derive(Serialize)]
struct RosterAnswer {
    clients: Vec<ClientId>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

fn log<'f>(files: &'f Files<'_>, clinic: ClinicId) -> Listing<'f> {
    let name = name(files.index, ROSTER, &[clinic.as_bytes()]);
    files.consent.log(Some(clinic), "client roster", &name, files.seal)
}

/// Lists a client as one of the clinic's, before her file is there: whoever were missing here would be missing from every figure, and
/// who is listed without a file is nobody's, about whom every other function refuses to tell anything. A request that died there, repeated
/// when others have opened theirs, may list her twice.
pub(crate) fn enter(file: &ClientFile<'_>) -> Result<(), Problem> {
    Ok(file.list_in(&log(&file.files, file.clinic), CLIENT)?)
}

/// `POST /v1/consent/private/clients`, private: all clients of the clinic, newest first, some of them perhaps twice. Files of couples and groups
/// are none.
///
/// Order: record, read, answer. It changes nothing.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    check_exchange_calls(exchange)?;
    let RosterBody { cursor } = exchange.json()?;
    let caller = exchange.caller()?;
    // Whatever else she may have care teams for.
    exchange.check_purpose(Purpose::QualityImprovement)?;
    let request = Request::new(Action::Export, DataClass::CareTeam).purpose(Some(Purpose::QualityImprovement));
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let Page { ids, next } = Wanted::from(cursor, PAGE).page(&log(&Files::new(exchange)?, recorded.clinic()))?;
    let answer = RosterAnswer {
        clients: ids.into_iter().map(ClientId::from_bytes).collect(),
        next: next.and_then(|next| next.parse().ok()),
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}
