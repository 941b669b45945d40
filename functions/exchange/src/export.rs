//! What is kept of a client goes out as one bundle.

use fhir::{Export, Exported};
use http::StatusCode;
use model::{ClientId, RequestId};
use ports::EntropyExt;
use web::{Exchange, Problem, Reply};

use crate::ids::Ids;
use crate::owners::{HandedOver, Owner, Owners, Stop};

/// The most that the owners hand over, in bytes: so much that it can come in again.
const MOST: usize = 7 * 1024 * 1024;

/// How much of the bundle is sent at once, in bytes.
const PIECE: usize = 64 * 1024;

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
    let owners = Owners {
        exchange,
        caller: &caller,
        client,
    };
    let mut room = MOST;
    let mut details = owners.export(Owner::Identity, &mut room)?.parts;
    let Some(details) = details.pop() else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here.").into());
    };
    let mut parts: Vec<Exported> = Vec::new();
    let mut withheld = Vec::new();
    for owner in [Owner::Records, Owner::Billing] {
        match owners.export(owner, &mut room) {
            Ok(HandedOver {
                parts: theirs,
                formless,
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
    let bundle = Export::of(details, parts, ids.base()).into_bundle(
        &withheld,
        format!(
            "{}/OperationOutcome/{}",
            ids.base(),
            named.to_string().replace('_', "-")
        ),
    );
    let bundle = serde_json::to_vec(&bundle).map_err(|_| Problem::defect("a bundle does not serialise"))?;
    let length = u64::try_from(bundle.len()).unwrap_or(u64::MAX);
    let reply = Reply::attachment("application/fhir+json");
    Ok(exchange.stream(reply, length, |send| {
        // Whoever has gone needs no answer.
        bundle
            .chunks(PIECE)
            .try_for_each(send)
            .map_err(|_| Problem::broken_body())
    })?)
}
