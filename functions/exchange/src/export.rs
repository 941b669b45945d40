//! What is kept of a client goes out as one bundle.

use fhir::{Export, Exported, Node};
use http::StatusCode;
use model::{ClientId, RequestId, fhir_id};
use ports::EntropyExt;
use web::{Exchange, Problem, Reply};

use crate::download::download;
use crate::ids::Ids;
use crate::owners::{HandedOver, MOST, Owner, Owners, Stop};

/// `GET /v1/exchange/clients/{client}/export`: a `collection` of all that the caller may have a copy of.
///
/// It changes nothing. Each owner decides and records before it hands anything over; who is denied the client's details is denied all of it, and
/// what another owner denies is said to be withheld, in the bundle itself.
pub(crate) fn export(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    give(exchange).or_else(Stop::answer)
}

fn give(exchange: &Exchange<'_>) -> Result<Reply, Stop> {
    let client: ClientId = exchange.parameter("client")?;
    let caller = exchange.caller()?;
    let ids = Ids::new(exchange, caller.clinic(), client)?;
    let owners = Owners::to_show(exchange, &caller, client)?;
    let (mut room, mut no_look) = (MOST, |_: &str, _: &Node| Ok(()));
    let HandedOver {
        parts: mut details,
        replaced_by,
        replaces,
        ..
    } = owners.export(Owner::Identity, &mut room, &mut no_look)?;
    let Some(details) = details.pop() else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here.").into());
    };
    let mut parts: Vec<Exported> = Vec::new();
    let merged = replaced_by.iter().chain(&replaces);
    let mut withheld: Vec<String> = merged
        .map(|other| format!("all that is kept of {other}, the same person's other entry: is exported by itself"))
        .collect();
    for owner in [Owner::Records, Owner::Billing] {
        match owners.export(owner, &mut room, &mut no_look) {
            Ok(HandedOver {
                parts: theirs,
                formless,
                ..
            }) => {
                parts.extend(theirs);
                withheld.extend(
                    formless
                        .iter()
                        .map(|kind| format!("one {kind}: has no form in FHIR here")),
                );
            }
            Err(stop) if stop.is_denial() => {
                withheld.push(format!("all that {} keeps: not permitted", owner.function()))
            }
            Err(stop) => return Err(stop),
        }
    }
    let named: RequestId = exchange.platform.entropy.id();
    let mut bundle = Export::of(details, parts, ids.base());
    if let Some(other) = replaced_by {
        bundle.replaced_by(&Ids::new(exchange, caller.clinic(), other)?.patient());
    }
    let bundle = bundle.into_bundle(
        &withheld,
        format!("{}/OperationOutcome/{}", ids.base(), fhir_id(&named.to_string())),
    );
    let bundle = serde_json::to_vec(&bundle).map_err(|_| Problem::defect("a bundle does not serialise"))?;
    Ok(download(exchange, "application/fhir+json", &bundle)?)
}
