//! The handlers of invoices, in the order of effects that every one of them keeps: authenticate, decide and record, unlock, then read
//! or write, then answer.

use model::{AccountId, Action, Confidential, InvoiceId, PaymentId, RefundId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Versioned, idempotency};
use web::{Check, Exchange, PageQuery, Problem, Reply, VersionsPage, page_size};

use crate::invoice::{Content, Invoice, Payment, Refund, State, TiedOrder, Version, Voided, check_reason};
use crate::ledger::{Change, Current, Ledgers, admit};
use crate::money::Currency;
use crate::payment::GatewayPayment;
use crate::register;

/// An invoice, and what follows from its payments.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Invoice")]
pub(crate) struct InvoiceAnswer<'i> {
    id: InvoiceId,
    state: State,
    /// What it comes to. Amounts are in minor units: paise, cents, yen.
    total: i64,
    /// What came in.
    received: i64,
    /// What was given back of that.
    refunded: i64,
    /// What is still to be paid; never less than nothing.
    outstanding: i64,
    /// How many digits of an amount stand behind the point.
    minor_digits: u16,
    created_by: AccountId,
    created_at: Timestamp,
    #[serde(flatten)]
    version: VersionAnswer<'i>,
    /// There where it is void.
    #[serde(skip_serializing_if = "Option::is_none")]
    voided: Option<&'i Voided>,
    /// What the clinic itself took.
    payments: Vec<PaymentAnswer<'i>>,
    gateway_orders: &'i [TiedOrder],
    /// What gateways told of.
    gateway_payments: Vec<GatewayPaymentAnswer<'i>>,
}

/// What was asked for at a time.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InvoiceVersion")]
pub(crate) struct VersionAnswer<'i> {
    /// Counts the versions of the content, from 1.
    revision: u64,
    written_by: AccountId,
    written_at: Timestamp,
    /// Why it was amended. The first version has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'i Confidential<String>>,
    #[serde(flatten)]
    content: &'i Content,
}

/// A payment that the clinic itself took.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Payment")]
struct PaymentAnswer<'i> {
    id: PaymentId,
    method: crate::invoice::Method,
    amount: i64,
    received_on: jiff::civil::Date,
    recorded_by: AccountId,
    recorded_at: Timestamp,
    refunds: Vec<RefundAnswer<'i>>,
}

/// A refund of a payment that the clinic itself took.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Refund")]
struct RefundAnswer<'i> {
    id: RefundId,
    amount: i64,
    refunded_on: jiff::civil::Date,
    reason: &'i Confidential<String>,
    recorded_by: AccountId,
    recorded_at: Timestamp,
}

/// All that is known of a payment that a gateway told of.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GatewayPayment")]
struct GatewayPaymentAnswer<'i> {
    /// The gateway's own id.
    id: &'i str,
    /// What of it counts as taken.
    received: i64,
    /// What of that counts as given back.
    refunded: i64,
    #[serde(flatten)]
    payment: &'i GatewayPayment,
}

impl<'i> From<&'i Version> for VersionAnswer<'i> {
    fn from(version: &'i Version) -> Self {
        Self {
            revision: version.revision,
            written_by: version.written_by,
            written_at: version.written_at,
            reason: version.reason.as_ref(),
            content: &version.content,
        }
    }
}

impl<'i> From<&'i Refund> for RefundAnswer<'i> {
    fn from(refund: &'i Refund) -> Self {
        Self {
            id: refund.id,
            amount: refund.amount.minor_units(),
            refunded_on: refund.refunded_on,
            reason: &refund.reason,
            recorded_by: refund.recorded_by,
            recorded_at: refund.recorded_at,
        }
    }
}

impl<'i> From<&'i Payment> for PaymentAnswer<'i> {
    fn from(payment: &'i Payment) -> Self {
        Self {
            id: payment.id,
            method: payment.method,
            amount: payment.amount.minor_units(),
            received_on: payment.received_on,
            recorded_by: payment.recorded_by,
            recorded_at: payment.recorded_at,
            refunds: payment.refunds.iter().map(RefundAnswer::from).collect(),
        }
    }
}

impl<'i> From<&'i Invoice> for InvoiceAnswer<'i> {
    fn from(invoice: &'i Invoice) -> Self {
        let by_gateways = invoice.gateway_payments.iter();
        Self {
            id: invoice.id,
            state: invoice.state(),
            total: invoice.total(),
            received: invoice.received(),
            refunded: invoice.refunded(),
            outstanding: invoice.outstanding(),
            minor_digits: invoice.content().currency.minor_digits(),
            created_by: invoice.created_by,
            created_at: invoice.created_at,
            version: VersionAnswer::from(&invoice.current),
            voided: invoice.voided.as_ref(),
            payments: invoice.payments.iter().map(PaymentAnswer::from).collect(),
            gateway_orders: &invoice.orders,
            gateway_payments: by_gateways
                .map(|(id, payment)| GatewayPaymentAnswer {
                    id,
                    received: payment.received(),
                    refunded: payment.refunded(),
                    payment,
                })
                .collect(),
        }
    }
}

/// 200 with the invoice as it is.
pub(crate) fn answer(current: &Current) -> Result<Reply, Problem> {
    Ok(Reply::ok(&InvoiceAnswer::from(&current.value))?.etag(current.version))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedInvoice")]
pub(crate) struct ListedAnswer {
    id: InvoiceId,
    created_at: Timestamp,
    state: State,
    total: i64,
    outstanding: i64,
    currency: Currency,
    /// How many digits of an amount stand behind the point.
    minor_digits: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_on: Option<jiff::civil::Date>,
}

impl From<&Invoice> for ListedAnswer {
    fn from(invoice: &Invoice) -> Self {
        let Content { currency, due_on, .. } = *invoice.content();
        Self {
            id: invoice.id,
            created_at: invoice.created_at,
            state: invoice.state(),
            total: invoice.total(),
            outstanding: invoice.outstanding(),
            currency,
            minor_digits: currency.minor_digits(),
            due_on,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Invoices")]
pub(crate) struct ListAnswer {
    invoices: Vec<ListedAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InvoiceVersions")]
pub(crate) struct VersionsAnswer<'i> {
    /// Newest first.
    versions: Vec<VersionAnswer<'i>>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InvoiceAmendment")]
pub(crate) struct Amendment {
    /// 1 to 500 characters.
    reason: String,
    /// All of the new content, in the currency that it has.
    invoice: Content,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InvoiceVoiding")]
pub(crate) struct Voiding {
    /// 1 to 500 characters.
    reason: String,
}

/// `POST /v1/billing/clients/{client}/invoices`
///
/// Order: the clinic's register, then invoice and the client's index (see [`crate::ledger::Ledger::create`]), then answer. A crash after the register leaves an entry that leads
/// nowhere, which no list shows. The other way round it could leave a debt that the clinic's list never has, since nobody has to repeat the request.
pub(crate) fn create(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let content: Content = exchange.json()?;
    let mut check = Check::new();
    content.check(&mut check, "");
    check.finish()?;
    let key = exchange.idempotency_key()?;
    let recorded = admit(exchange, Action::Create, None)?;
    let (now, author) = (exchange.platform.clock.now(), recorded.account());
    let ledgers = Ledgers::new(exchange)?;
    let id: InvoiceId = idempotency::created_id(ledgers.index, recorded.clinic(), author, exchange.path(), key);
    register::enter(exchange, &recorded, exchange.parameter("client")?, id)?;
    let written = ledgers.open_or_begin(&recorded)?.create(Invoice {
        id,
        created_by: author,
        created_at: now,
        current: Version {
            revision: 1,
            written_by: author,
            written_at: now,
            reason: None,
            content,
        },
        voided: None,
        payments: Vec::new(),
        orders: Vec::new(),
        gateway_payments: std::collections::BTreeMap::new(),
        fingerprint: idempotency::fingerprint(ledgers.index, exchange.body()),
    })?;
    let location = format!("{}/{id}", exchange.path());
    Ok(Reply::created(&location, &InvoiceAnswer::from(&written.value))?
        .etag(written.version)
        .recorded(recorded.event()))
}

/// `GET /v1/billing/clients/{client}/invoices`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let PageQuery { cursor, limit } = exchange.query()?;
    let limit = page_size(limit)?;
    let recorded = admit(exchange, Action::List, None)?;
    let ledgers = Ledgers::new(exchange)?;
    let mut invoices = Vec::new();
    let mut next = None;
    if let Some(ledger) = ledgers.open_if_begun(&recorded)? {
        let (page, after) = ledger.list(cursor, limit)?;
        next = after.map(|after| after.to_string());
        for entry in page {
            invoices.push(ListedAnswer::from(&ledger.read(entry.id)?.value));
        }
    }
    Ok(Reply::ok(&ListAnswer { invoices, next })?.recorded(recorded.event()))
}

/// `GET /v1/billing/clients/{client}/invoices/{invoice}`
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: InvoiceId = exchange.parameter("invoice")?;
    let recorded = admit(exchange, Action::Read, Some(&id))?;
    let current = Ledgers::new(exchange)?.open(&recorded)?.read(id)?;
    Ok(answer(&current)?.recorded(recorded.event()))
}

/// `PUT /v1/billing/clients/{client}/invoices/{invoice}`
///
/// Order: the content so far goes to the history, then the invoice changes. A crash in between leaves a history entry of the content
/// that is still current, which the history does not show; whoever amends it next finds it there already.
pub(crate) fn amend(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Amendment {
        reason,
        invoice: content,
    } = exchange.json()?;
    let id: InvoiceId = exchange.parameter("invoice")?;
    let expected = exchange.if_match()?;
    let mut check = Check::new();
    check_reason(&mut check, &reason);
    content.check(&mut check, "/invoice");
    check.finish()?;
    let recorded = admit(exchange, Action::Amend, Some(&id))?;
    let ledgers = Ledgers::new(exchange)?;
    let ledger = ledgers.open(&recorded)?;
    let Versioned { version, value: now } = ledger.read(id)?;
    let wanted = |before: u64| Version {
        revision: before.saturating_add(1),
        written_by: recorded.account(),
        written_at: exchange.platform.clock.now(),
        reason: Some(Confidential::new(reason.clone())),
        content: content.clone(),
    };
    if version != expected {
        // The same amendment again gets the same answer (RFC 9110, section 13.1.1, allows that where it was applied already), also where
        // a gateway has told something in between: that changes the document, and not what is asked for.
        let again = Version {
            written_at: now.current.written_at,
            ..wanted(now.current.revision.saturating_sub(1))
        };
        if version > expected && now.current == again {
            return Ok(answer(&Versioned { version, value: now })?.recorded(recorded.event()));
        }
        return Err(Problem::stale().recorded(recorded.event()));
    }
    let amended = wanted(now.current.revision);
    now.clone()
        .amend(amended.clone())
        .map_err(|refused| ledger.refused(refused))?;
    ledger.keep(id, &now.current)?;
    let (current, ()) = ledger.change(id, Some(expected), |invoice| {
        invoice.amend(amended.clone())?;
        Ok(Change::Changed(()))
    })?;
    Ok(answer(&current)?.recorded(recorded.event()))
}

/// `GET /v1/billing/clients/{client}/invoices/{invoice}/versions`
pub(crate) fn versions(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: InvoiceId = exchange.parameter("invoice")?;
    let page = VersionsPage::by(exchange)?;
    let recorded = admit(exchange, Action::Read, Some(&id))?;
    let ledgers = Ledgers::new(exchange)?;
    let ledger = ledgers.open(&recorded)?;
    let current = ledger.read(id)?.value.current;
    let past = ledger.past_versions(id, page.before(current.revision), page.earlier())?;
    let next = page.next(current.revision, past.last().map(|last| last.revision));
    let versions = page
        .current(&current)
        .into_iter()
        .chain(&past)
        .map(VersionAnswer::from)
        .collect();
    Ok(Reply::ok(&VersionsAnswer { versions, next })?.recorded(recorded.event()))
}

/// `POST /v1/billing/clients/{client}/invoices/{invoice}/void`
///
/// One write, so there is no in between.
pub(crate) fn void(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Voiding { reason } = exchange.json()?;
    let id: InvoiceId = exchange.parameter("invoice")?;
    let expected = exchange.if_match()?;
    let mut check = Check::new();
    check_reason(&mut check, &reason);
    check.finish()?;
    let recorded = admit(exchange, Action::Amend, Some(&id))?;
    let ledgers = Ledgers::new(exchange)?;
    let ledger = ledgers.open(&recorded)?;
    let voided = Voided {
        by: recorded.account(),
        at: exchange.platform.clock.now(),
        reason: Confidential::new(reason),
    };
    let now = ledger.read(id)?;
    // As of an amendment: a gateway may have told something in between.
    let is_again = now.version > expected
        && now
            .value
            .voided
            .as_ref()
            .is_some_and(|known| (known.by, &known.reason) == (voided.by, &voided.reason));
    if is_again {
        return Ok(answer(&now)?.recorded(recorded.event()));
    }
    let (current, ()) = ledger.change(id, Some(expected), |invoice| {
        invoice.void(voided.clone())?;
        Ok(Change::Changed(()))
    })?;
    Ok(answer(&current)?.recorded(recorded.event()))
}
