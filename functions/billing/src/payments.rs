//! The handlers of payments that the clinic itself takes and gives back, and of orders that gateways take payments for.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use model::{Action, Confidential, Gateway, InvoiceId, PaymentId, RefundId, Timestamp, latest_today};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::idempotency;
use web::{Check, Exchange, Problem, Reply};

use crate::book::{Book, Order, Tied};
use crate::gateway::is_order;
use crate::invoice::{Method, ORDERS, Payment, Refund, Refused, TiedOrder, check_reason};
use crate::invoices::{InvoiceAnswer, answer};
use crate::keys::vault;
use crate::ledger::{Change, Current, Ledgers, admit};
use crate::money::Amount;
use crate::settlement::settle;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPayment")]
pub(crate) struct PaymentBody {
    method: Method,
    /// More than nothing, and at most what is outstanding.
    amount: Amount,
    /// Today, in UTC, where it is not said.
    received_on: Option<Date>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRefund")]
pub(crate) struct RefundBody {
    /// More than nothing, and at most what is left of the payment.
    amount: Amount,
    /// 1 to 500 characters.
    reason: String,
    /// Today, in UTC, where it is not said.
    refunded_on: Option<Date>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewGatewayOrder")]
pub(crate) struct OrderBody {
    gateway: Gateway,
    /// The id of an order (`order_…`) at Razorpay, of a PaymentIntent (`pi_…`) or a Checkout Session (`cs_…`) at Stripe.
    reference: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecordedPayment")]
pub(crate) struct PaidAnswer<'i> {
    payment_id: PaymentId,
    invoice: InvoiceAnswer<'i>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecordedRefund")]
pub(crate) struct RefundedAnswer<'i> {
    refund_id: RefundId,
    invoice: InvoiceAnswer<'i>,
}

/// The day of a moment, in UTC.
pub(crate) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Money is recorded as it comes and goes, so a day before this is a slip of the pen: a year without its century, a date of birth.
const EARLIEST: Date = date(1970, 1, 1);

/// Something, on a day that has come.
fn check_payment(check: &mut Check, amount: Amount, on: Option<Date>, field: &str, now: Timestamp) {
    check.that(!amount.is_nothing(), "/amount", "range", "must be something");
    check.that(
        on.is_none_or(|on| (EARLIEST..=latest_today(now)).contains(&on)),
        field,
        "past",
        "must not lie before 1970 or in the future",
    );
}

fn invoice_path<'e>(exchange: &'e Exchange<'_>) -> &'e str {
    exchange
        .path()
        .split_once("/payments")
        .map_or(exchange.path(), |(invoice, _)| invoice)
}

/// 201 with what was recorded, in the invoice as it is.
fn recorded_answer<T: Serialize>(exchange: &Exchange<'_>, current: &Current, answer: &T) -> Result<Reply, Problem> {
    Ok(Reply::created(invoice_path(exchange), answer)?.etag(current.version))
}

/// `POST /v1/billing/clients/{client}/invoices/{invoice}/payments`
///
/// One write, so there is no in between; a repeated request finds its payment there.
pub(crate) fn pay(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let PaymentBody {
        method,
        amount,
        received_on,
    } = exchange.json()?;
    let invoice: InvoiceId = exchange.parameter("invoice")?;
    let key = exchange.idempotency_key()?;
    let now = exchange.platform.clock.now();
    let mut check = Check::new();
    check_payment(&mut check, amount, received_on, "/received_on", now);
    check.finish()?;
    let recorded = admit(exchange, Action::Create, Some(&invoice))?;
    let ledgers = Ledgers::new(exchange)?;
    let account = recorded.account();
    let id: PaymentId = idempotency::created_id(ledgers.index, recorded.clinic(), account, exchange.path(), key);
    let payment = Payment {
        id,
        method,
        amount,
        received_on: received_on.unwrap_or(day(now)),
        recorded_by: account,
        recorded_at: now,
        refunds: Vec::new(),
        fingerprint: idempotency::fingerprint(ledgers.index, exchange.body()),
    };
    let (current, ()) = ledgers.open(&recorded)?.change(invoice, None, |invoice| {
        let is_new = invoice.pay(payment.clone())?;
        Ok(Change::of(is_new, ()))
    })?;
    let answer = PaidAnswer {
        payment_id: id,
        invoice: InvoiceAnswer::from(&current.value),
    };
    Ok(recorded_answer(exchange, &current, &answer)?.recorded(recorded.event()))
}

/// `POST /v1/billing/clients/{client}/invoices/{invoice}/payments/{payment}/refunds`
///
/// One write, so there is no in between; a repeated request finds its refund there.
pub(crate) fn refund(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let RefundBody {
        amount,
        reason,
        refunded_on,
    } = exchange.json()?;
    let invoice: InvoiceId = exchange.parameter("invoice")?;
    let payment: PaymentId = exchange.parameter("payment")?;
    let key = exchange.idempotency_key()?;
    let now = exchange.platform.clock.now();
    let mut check = Check::new();
    check_payment(&mut check, amount, refunded_on, "/refunded_on", now);
    check_reason(&mut check, &reason);
    check.finish()?;
    let recorded = admit(exchange, Action::Create, Some(&invoice))?;
    let ledgers = Ledgers::new(exchange)?;
    let account = recorded.account();
    let id: RefundId = idempotency::created_id(ledgers.index, recorded.clinic(), account, exchange.path(), key);
    let refund = Refund {
        id,
        amount,
        refunded_on: refunded_on.unwrap_or(day(now)),
        reason: Confidential::new(reason),
        recorded_by: account,
        recorded_at: now,
        fingerprint: idempotency::fingerprint(ledgers.index, exchange.body()),
    };
    let (current, ()) = ledgers.open(&recorded)?.change(invoice, None, |invoice| {
        let is_new = invoice.refund(payment, refund.clone())?;
        Ok(Change::of(is_new, ()))
    })?;
    let answer = RefundedAnswer {
        refund_id: id,
        invoice: InvoiceAnswer::from(&current.value),
    };
    Ok(recorded_answer(exchange, &current, &answer)?.recorded(recorded.event()))
}

fn is_elsewhere(order: &Order, to: Tied) -> bool {
    order.tied.is_some_and(|tied| tied != to)
}

/// `POST /v1/billing/clients/{client}/invoices/{invoice}/gateway-orders`
///
/// Order: the order is tied, then what waits for it is applied (see [`settle`]), and where it is a session, the same of the order that it
/// led to. A crash in between leaves an order that is tied and not seen in the invoice: events go to the invoice from then on,
/// and the next of them, or the same request again, applies what waits. Of two invoices that want one order, one has it, for ever.
pub(crate) fn tie(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let OrderBody { gateway, reference } = exchange.json()?;
    let invoice: InvoiceId = exchange.parameter("invoice")?;
    let client = exchange.parameter("client")?;
    let mut check = Check::new();
    check.that(
        is_order(gateway, &reference),
        "/reference",
        "reference",
        "must be the id of an order (order_…) at Razorpay, of a PaymentIntent (pi_…) or a Checkout Session (cs_…) at Stripe",
    );
    check.finish()?;
    let recorded = admit(exchange, Action::Amend, Some(&invoice))?;
    let ledgers = Ledgers::new(exchange)?;
    let ledger = ledgers.open(&recorded)?;
    let now = ledger.read(invoice)?.value;
    let order = TiedOrder { gateway, reference };
    if now.voided.is_some() {
        return Err(ledger.refused(Refused::Void));
    }
    // Requests at the same moment may exceed this by as many as they are, which harms nobody.
    if now.orders.len() >= ORDERS && !now.orders.contains(&order) {
        return Err(ledger.refused(Refused::TooMany));
    }
    let book = Book::new(exchange, recorded.clinic())?.open_or_begin(&vault(exchange)?, &recorded)?;
    let to = Tied { client, invoice };
    let taken = || {
        Problem::conflict(
            "order-tied",
            "This order is tied to another invoice, and stays with that one.",
        )
        .recorded(recorded.event())
    };
    let before = book.order(gateway, &order.reference)?;
    if let Some(leads_to) = &before.leads_to
        && is_elsewhere(&book.order(gateway, leads_to)?, to)
    {
        return Err(taken());
    }
    let tied = book.change_order(gateway, &order.reference, |order| {
        order.tie(to);
    })?;
    if is_elsewhere(&tied, to) {
        return Err(taken());
    }
    let gone = || Problem::not_found(recorded.event());
    let mut current = settle(&book, &ledger, &order, to, None)?.ok_or_else(gone)?;
    if let Some(reference) = tied.leads_to {
        let led_to = book.change_order(gateway, &reference, |order| {
            order.tie(to);
        })?;
        if !is_elsewhere(&led_to, to) {
            let order = TiedOrder { gateway, reference };
            current = settle(&book, &ledger, &order, to, None)?.ok_or_else(gone)?;
        }
    }
    Ok(answer(&current)?.recorded(recorded.event()))
}
