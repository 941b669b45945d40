//! Receipts of consents, which are checked offline.

use receipt::{ReceiptKey, Record};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Exchange, Problem};

use crate::consent_state::ConsentState;
use crate::notice::Notices;
use crate::record;

/// Issues receipts.
pub(crate) struct Receipts<'a> {
    key: ReceiptKey,
    notices: Notices<'a>,
}

/// A receipt, and what it says.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Receipt")]
pub(crate) struct ReceiptAnswer {
    /// A compact JWS (RFC 7515) over the record, which the receipt keys check.
    receipt: String,
    /// What it says, for whoever does not take it apart.
    record: Record,
}

/// The key that receipts are signed with.
pub(crate) fn key(exchange: &Exchange<'_>) -> Result<ReceiptKey, Problem> {
    Ok(ReceiptKey::from_seed(exchange.keyring.key("receipt")?.expose()))
}

impl<'a> Receipts<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            key: key(exchange)?,
            notices: Notices::new(exchange)?,
        })
    }

    pub(crate) fn answer(&self, state: &ConsentState<'_>) -> Result<ReceiptAnswer, Problem> {
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
