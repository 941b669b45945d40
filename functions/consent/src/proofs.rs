//! Handing out proofs of a consent: receipts that are checked offline, and the FHIR resource. Nothing here writes but the trail.

use receipt::{JwkSet, ReceiptKey, Record};
use serde::Serialize;
use web::{Exchange, Problem, Reply};

use crate::consent_state::ConsentState;
use crate::notice::Notices;
use crate::{consents, fhir, record};

/// Issues receipts.
pub(crate) struct Receipts<'a> {
    key: ReceiptKey,
    notices: Notices<'a>,
}

/// A receipt, and the record that it is of for whoever does not take it apart.
#[derive(Serialize)]
struct ReceiptAnswer {
    receipt: String,
    record: Record,
}

fn key(exchange: &Exchange<'_>) -> Result<ReceiptKey, Problem> {
    Ok(ReceiptKey::from_seed(exchange.keyring.key("receipt")?.expose()))
}

impl<'a> Receipts<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            key: key(exchange)?,
            notices: Notices::new(exchange)?,
        })
    }

    fn answer(&self, state: &ConsentState<'_>) -> Result<ReceiptAnswer, Problem> {
        let notice = self
            .notices
            .read(state.clinic, state.consent.notice_id)?
            .ok_or_else(|| Problem::defect("the notice of a consent is gone"))?;
        let record = record::of(state, &notice);
        let receipt = self
            .key
            .issue(&record)
            .map_err(|_| Problem::defect("a consent record does not serialise"))?;
        Ok(ReceiptAnswer { receipt, record })
    }

    /// The receipt of a consent as it stands.
    pub(crate) fn issue(&self, state: &ConsentState<'_>) -> Result<String, Problem> {
        self.answer(state).map(|answer| answer.receipt)
    }
}

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
