//! Signing, by the author and by who supervises her.

use model::{AccountId, Action, DataClass, RecordId};
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Check, Exchange, Problem, Reply};

use super::{REASON, changed};
use crate::chart::Chart;
use crate::content::Kind;
use crate::record::{Hand, Record};

/// How a record is signed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Signing")]
pub(crate) struct SignBody {
    /// Who is to sign beside the author: somebody who supervises those who treat the client. Who was named before need not be named again.
    cosigner: Option<AccountId>,
}

/// A body that says nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

/// Why a record is given back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Return")]
pub(crate) struct ReturnBody {
    /// 1 to 500 characters.
    reason: String,
}

/// The author signs, for her supervisor to sign too where she names one; and again, for another, where that one can't any more.
pub(super) fn sign_for(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let SignBody { cosigner } = exchange.json_or_empty()?;
    sign(exchange, class, cosigner)
}

/// The author signs, and she alone.
pub(super) fn sign_alone(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let Empty {} = exchange.json_or_empty()?;
    sign(exchange, class, None)
}

fn sign(exchange: &Exchange<'_>, class: DataClass, cosigner: Option<AccountId>) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let version = exchange.if_match()?;
    let now = exchange.platform.clock.now();
    let chart = Chart::enter(exchange, Action::Amend, class, Some(id), None)?.open()?;
    let account = chart.recorded().account();
    // A draft may have been of what was yet to come.
    let fits = |record: &Record| match record.is_draft() {
        true => record.content.read()?.checked("", now),
        false => Ok(()),
    };
    let signed = chart.change_where(id, version, now, &fits, &|record, at| {
        let hand = Hand { account, at, version };
        record.signed(hand, cosigner, &|cosigner| chart.may_cosign(cosigner, now))
    })?;
    // What broken-off uploads left: from now on there are no more.
    if signed.value.content.kind == Kind::Document {
        chart.remove_unnamed(id, &[], now)?;
    }
    changed(&chart, class, &signed)
}

/// The supervisor who was named signs too.
pub(super) fn cosign(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let version = exchange.if_match()?;
    let Empty {} = exchange.json_or_empty()?;
    let chart = Chart::enter(exchange, Action::Cosign, class, Some(id), None)?.open()?;
    let account = chart.recorded().account();
    let now = exchange.platform.clock.now();
    let cosigned = chart.change(id, version, now, &|record, at| {
        record.cosigned(Hand { account, at, version })
    })?;
    changed(&chart, class, &cosigned)
}

/// The supervisor who was named gives it back. What was never co-signed she does not see from then on.
pub(super) fn give_back(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let version = exchange.if_match()?;
    let ReturnBody { reason } = exchange.json()?;
    let mut check = Check::new();
    check.text(&reason, "/reason", 1, REASON);
    check.finish()?;
    let chart = Chart::enter(exchange, Action::Cosign, class, Some(id), None)?.open()?;
    let account = chart.recorded().account();
    let now = exchange.platform.clock.now();
    chart.change(id, version, now, &|record, at| {
        record.returned(Hand { account, at, version }, reason.clone())
    })?;
    Ok(Reply::no_content().recorded(chart.recorded().event()))
}
