//! Handing out proofs of a consent: receipts that are checked offline, and the FHIR resource. Nothing here writes but the trail.

use receipt::JwkSet;
use web::{Exchange, Problem, Reply};

use crate::consent_state::ConsentState;
use crate::receipts::{Receipts, key};
use crate::{consents, fhir};

/// The receipt of a consent as it stands now.
pub(crate) fn receipt(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, file, history) = consents::find(exchange)?;
    let state = ConsentState::at(&file, &history, exchange.platform.clock.now());
    let answer = Receipts::new(exchange)?.answer(&state)?;
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// A consent as it stands now, as a FHIR R4 resource.
pub(crate) fn fhir(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, file, history) = consents::find(exchange)?;
    let state = ConsentState::at(&file, &history, exchange.platform.clock.now());
    let resource = fhir::consent(&state)
        .ok_or_else(|| Problem::defect("a consent covers a class that has no security label in FHIR"))?;
    Ok(Reply::ok_as(fhir::MEDIA_TYPE, &resource)?.recorded(recorded.event()))
}

/// The public keys that receipts are signed with (RFC 7517, section 8.5.2). Readable by anybody: whoever is handed a receipt must be
/// able to check it.
pub(crate) fn keys(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    Reply::ok_as("application/jwk-set+json", &JwkSet::new([key(exchange)?.public()]))
}
