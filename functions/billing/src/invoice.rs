//! An invoice: what is asked for, what was paid and given back, and what follows from both. Pure.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::civil::Date;
use model::{AccountId, Confidential, Gateway, InvoiceId, PaymentId, RefundId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Check, Problem};

use crate::gateway::Told;
use crate::money::{Amount, Currency, sum};
use crate::payment::GatewayPayment;

/// The longest description, name, reference and reason, in characters.
const LINE: usize = 200;

/// The longest reason, in characters.
const REASON: usize = 500;

/// The most lines of an invoice.
const LINES: usize = 100;

/// The most of one thing.
const QUANTITY: u32 = 10_000;

/// The most payments of an invoice that the clinic itself took, and refunds of each.
const PAYMENTS: usize = 100;

/// The most payments of an invoice that gateways tell of.
const GATEWAY_PAYMENTS: usize = 100;

/// The most orders of gateways that an invoice is tied to.
pub(crate) const ORDERS: usize = 20;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewInvoice")]
pub(crate) struct Content {
    pub(crate) currency: Currency,
    /// 1 to 100.
    pub(crate) lines: Vec<Line>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due_on: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payer: Option<Payer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InvoiceLine")]
pub(crate) struct Line {
    /// What is billed, not why: nothing clinical. 1 to 200 characters.
    description: Confidential<String>,
    /// 1 to 10 000.
    quantity: u32,
    unit_amount: Amount,
}

/// Who is to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payer {
    kind: PayerKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Confidential<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_number: Option<Confidential<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum PayerKind {
    Client,
    Guardian,
    Insurer,
    Other,
}

impl Content {
    /// Notes every rule that the content breaks. `at` is where in the body it stands, as a JSON pointer.
    pub(crate) fn check(&self, check: &mut Check, at: &str) {
        check.that(
            (1..=LINES).contains(&self.lines.len()),
            format!("{at}/lines"),
            "count",
            format!("must have 1 to {LINES} lines"),
        );
        for (index, line) in self.lines.iter().enumerate() {
            let at = format!("{at}/lines/{index}");
            check.text(line.description.expose(), &format!("{at}/description"), 1, LINE);
            check.that(
                (1..=QUANTITY).contains(&line.quantity),
                format!("{at}/quantity"),
                "range",
                format!("must be 1 to {QUANTITY}"),
            );
        }
        check.that(
            self.checked_total().is_some_and(|total| !total.is_nothing()),
            format!("{at}/lines"),
            "total",
            "must come to something, and to no more than an amount can be",
        );
        if let Some(payer) = &self.payer {
            for (text, field) in [(&payer.name, "name"), (&payer.policy_number, "policy_number")] {
                if let Some(text) = text {
                    check.text(text.expose(), &format!("{at}/payer/{field}"), 1, LINE);
                }
            }
        }
    }

    fn checked_total(&self) -> Option<Amount> {
        self.lines.iter().try_fold(Amount::NOTHING, |total, line| {
            total.plus(line.unit_amount.times(line.quantity)?)
        })
    }

    /// What it comes to. Content that was checked comes to an amount.
    pub(crate) fn total(&self) -> Amount {
        self.checked_total().unwrap_or_default()
    }
}

/// Why something is changed or given back, at most this long.
pub(crate) fn check_reason(check: &mut Check, reason: &str) {
    check.text(reason, "/reason", 1, REASON);
}

/// A version of the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    /// Counts the versions of the content, from 1. The document's own version counts payments too.
    pub(crate) revision: u64,
    pub(crate) written_by: AccountId,
    pub(crate) written_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
    pub(crate) content: Content,
}

/// That it is owed no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Voided {
    pub(crate) by: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) reason: Confidential<String>,
}

/// How money came in without a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentMethod")]
pub(crate) enum Method {
    Cash,
    BankTransfer,
    Cheque,
    Other,
}

/// A payment that the clinic itself took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) method: Method,
    pub(crate) amount: Amount,
    pub(crate) received_on: Date,
    pub(crate) recorded_by: AccountId,
    pub(crate) recorded_at: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) refunds: Vec<Refund>,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// A refund of a payment that the clinic itself took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refund {
    pub(crate) id: RefundId,
    pub(crate) amount: Amount,
    pub(crate) refunded_on: Date,
    pub(crate) reason: Confidential<String>,
    pub(crate) recorded_by: AccountId,
    pub(crate) recorded_at: Timestamp,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

impl Payment {
    /// What was given back of it, in minor units.
    pub(crate) fn refunded(&self) -> i64 {
        sum(self.refunds.iter().map(|refund| refund.amount))
    }
}

/// An order of a gateway that the invoice is tied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GatewayOrder")]
pub(crate) struct TiedOrder {
    pub(crate) gateway: Gateway,
    /// The gateway's own id of it.
    pub(crate) reference: String,
}

/// Where an invoice stands. It follows from what was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "InvoiceState")]
pub(crate) enum State {
    /// Nothing is paid, or all of it was given back.
    Open,
    /// Some of it is still outstanding.
    PartlyPaid,
    /// Nothing is outstanding.
    Paid,
    /// More was paid than is owed, by a gateway: somebody has to give it back there.
    Overpaid,
    /// It is owed no more.
    Void,
}

/// An invoice with all that was paid on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invoice {
    pub(crate) id: InvoiceId,
    pub(crate) created_by: AccountId,
    pub(crate) created_at: Timestamp,
    pub(crate) current: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) voided: Option<Voided>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) payments: Vec<Payment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) orders: Vec<TiedOrder>,
    /// By the gateways' own ids, which differ from gateway to gateway.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) gateway_payments: BTreeMap<String, GatewayPayment>,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// Why an invoice is not changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is owed no more.
    Void,
    /// There is money on it, or held for it.
    HasPayments,
    /// It keeps its currency.
    CurrencyDiffers,
    /// More than is still owed, or than is left of the payment.
    Exceeds,
    /// There are too many of them.
    TooMany,
    /// There is no such payment.
    NoPayment,
    /// The same key came with another body.
    KeyReused,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Void => Self::conflict("invoice-void", "The invoice is void. Write a new one instead."),
            Refused::HasPayments => Self::conflict(
                "invoice-has-payments",
                "There is money on this invoice, or held for it. Give it back first.",
            ),
            Refused::CurrencyDiffers => Self::conflict(
                "currency-differs",
                "An invoice keeps its currency. Void it, and write a new one.",
            ),
            Refused::Exceeds => Self::conflict(
                "amount-exceeds",
                "The amount is more than what is owed, or than what is left of the payment.",
            ),
            Refused::TooMany => Self::conflict("too-many", "There are too many of them on this invoice."),
            Refused::NoPayment => Self::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "There is no such payment that the clinic itself took. What a gateway took, it gives back.",
            ),
            Refused::KeyReused => Self::idempotency_key_reused(),
        }
    }
}

/// Why an event of a gateway can't be applied to the invoice that its order is tied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unapplied {
    CurrencyDiffers,
    /// More is there, or held, of the payment than the invoice comes to, or more is there of it and others together. It is kept: somebody has to
    /// give back what is too much.
    AmountDiffers,
    /// More is given back than was taken. It is kept, and counts for no more than what was taken.
    OverRefund,
    /// Nothing is owed, and money of the payment is there, or held. It is kept, and is the client's: somebody has to give it back at the
    /// gateway.
    InvoiceVoid,
    TooMany,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Whether the invoice is another than before.
    pub(crate) is_changed: bool,
    pub(crate) unapplied: Option<Unapplied>,
}

impl Applied {
    fn not(unapplied: Unapplied) -> Self {
        Self {
            is_changed: false,
            unapplied: Some(unapplied),
        }
    }
}

impl Invoice {
    pub(crate) fn content(&self) -> &Content {
        &self.current.content
    }

    /// What it comes to, in minor units.
    pub(crate) fn total(&self) -> i64 {
        self.content().total().minor_units()
    }

    /// What came in, in minor units.
    pub(crate) fn received(&self) -> i64 {
        let taken = sum(self.payments.iter().map(|payment| payment.amount));
        let by_gateways: i64 = self.gateway_payments.values().map(GatewayPayment::received).sum();
        taken.saturating_add(by_gateways)
    }

    /// What was given back, in minor units. Never more than came in: that holds of each payment.
    pub(crate) fn refunded(&self) -> i64 {
        let given: i64 = self.payments.iter().map(Payment::refunded).sum();
        let by_gateways: i64 = self.gateway_payments.values().map(GatewayPayment::refunded).sum();
        given.saturating_add(by_gateways)
    }

    /// What is there of what came in.
    fn kept(&self) -> i64 {
        self.received().saturating_sub(self.refunded())
    }

    /// What is still owed. Never less than nothing: what is too much is no debt of this invoice.
    pub(crate) fn outstanding(&self) -> i64 {
        match self.voided {
            Some(_) => 0,
            None => self.total().saturating_sub(self.kept()).max(0),
        }
    }

    pub(crate) fn state(&self) -> State {
        let kept = self.kept();
        match kept.cmp(&self.total()) {
            _ if self.voided.is_some() => State::Void,
            _ if kept == 0 => State::Open,
            std::cmp::Ordering::Less => State::PartlyPaid,
            std::cmp::Ordering::Equal => State::Paid,
            std::cmp::Ordering::Greater => State::Overpaid,
        }
    }

    /// Replaces the content while nothing is paid on it: what somebody paid for is not changed under her hands. A payment by hand that was given
    /// back may have been a slip. What a gateway took stays even then: its refund may still fail, and then it would be there for another debt.
    pub(crate) fn amend(&mut self, version: Version) -> Result<(), Refused> {
        if self.voided.is_some() {
            return Err(Refused::Void);
        }
        let was_money = |payment: &GatewayPayment| payment.is_held() || payment.received() != 0;
        let is_kept = |payment: &Payment| payment.refunded() != payment.amount.minor_units();
        if self.payments.iter().any(is_kept) || self.gateway_payments.values().any(was_money) {
            return Err(Refused::HasPayments);
        }
        if version.content.currency != self.content().currency {
            return Err(Refused::CurrencyDiffers);
        }
        self.current = version;
        Ok(())
    }

    /// Ends the debt, where nobody's money is on it or held for it.
    pub(crate) fn void(&mut self, voided: Voided) -> Result<(), Refused> {
        if self.voided.is_some() {
            return Err(Refused::Void);
        }
        if self.kept() != 0 || self.gateway_payments.values().any(GatewayPayment::is_money) {
            return Err(Refused::HasPayments);
        }
        self.voided = Some(voided);
        Ok(())
    }

    /// Adds a payment, of no more than is owed; `false` where a repeated request finds it there.
    pub(crate) fn pay(&mut self, payment: Payment) -> Result<bool, Refused> {
        if let Some(known) = self.payments.iter().find(|known| known.id == payment.id) {
            return if known.fingerprint == payment.fingerprint {
                Ok(false)
            } else {
                Err(Refused::KeyReused)
            };
        }
        if self.voided.is_some() {
            return Err(Refused::Void);
        }
        if payment.amount.minor_units() > self.outstanding() {
            return Err(Refused::Exceeds);
        }
        if self.payments.len() >= PAYMENTS {
            return Err(Refused::TooMany);
        }
        self.payments.push(payment);
        Ok(true)
    }

    /// Adds a refund, of no more than is left of the payment; `false` where a repeated request finds it there.
    pub(crate) fn refund(&mut self, payment: PaymentId, refund: Refund) -> Result<bool, Refused> {
        let payment = self
            .payments
            .iter_mut()
            .find(|known| known.id == payment)
            .ok_or(Refused::NoPayment)?;
        if let Some(known) = payment.refunds.iter().find(|known| known.id == refund.id) {
            return if known.fingerprint == refund.fingerprint {
                Ok(false)
            } else {
                Err(Refused::KeyReused)
            };
        }
        let left = payment.amount.minor_units().saturating_sub(payment.refunded());
        if refund.amount.minor_units() > left {
            return Err(Refused::Exceeds);
        }
        if payment.refunds.len() >= PAYMENTS {
            return Err(Refused::TooMany);
        }
        payment.refunds.push(refund);
        Ok(true)
    }

    /// Notes an order that it is tied to; `false` where it is noted already.
    pub(crate) fn tie(&mut self, order: TiedOrder) -> bool {
        if self.orders.contains(&order) {
            return false;
        }
        self.orders.push(order);
        true
    }

    /// Adds what a gateway tells of a payment. In whatever order events come, and however often, the invoice ends the same.
    ///
    /// It learns what moved whatever it asks for: money that came after it was void or was amended to less, or came back because a refund
    /// failed, has to be on an account. Unknown, it would be asked for again.
    pub(crate) fn apply(&mut self, told: &Told) -> Applied {
        if told.currency != self.content().currency {
            return Applied::not(Unapplied::CurrencyDiffers);
        }
        if !self.has_room_for(told) {
            return Applied::not(Unapplied::TooMany);
        }
        let before = self.gateway_payments.get(&told.payment).cloned();
        let mut payment = before.clone().unwrap_or_default();
        payment.join(&told.facts);
        let is_changed = before.as_ref() != Some(&payment);
        self.gateway_payments.insert(told.payment.clone(), payment);
        let payment = self.gateway_payments.get(&told.payment);
        Applied {
            is_changed,
            unapplied: payment.and_then(|payment| self.is_amiss(payment)),
        }
    }

    /// What somebody has to look at while a payment stands as it does. Each by itself may be no more than was asked for and all together too much:
    /// two orders that were both paid, or what a dispute took and somebody paid again before it was won.
    fn is_amiss(&self, payment: &GatewayPayment) -> Option<Unapplied> {
        if payment.is_over_refunded() {
            Some(Unapplied::OverRefund)
        } else if self.voided.is_some() && payment.is_money() {
            Some(Unapplied::InvoiceVoid)
        } else if payment.there() > self.total() || (payment.is_money() && self.kept() > self.total()) {
            Some(Unapplied::AmountDiffers)
        } else {
            None
        }
    }

    /// Whether there is room for what is told. Where there is none, an attempt that came to nothing gives way to money: anybody who
    /// tries cards at a gateway could fill the invoice.
    fn has_room_for(&mut self, told: &Told) -> bool {
        if let Some(known) = self.gateway_payments.get(&told.payment) {
            return known.has_room_for(&told.facts);
        }
        if self.gateway_payments.len() < GATEWAY_PAYMENTS {
            return GatewayPayment::default().has_room_for(&told.facts);
        }
        if !told.facts.moves_money() {
            return false;
        }
        let attempt = self
            .gateway_payments
            .iter()
            .find(|(_, payment)| !payment.moves_money())
            .map(|(id, _)| id.clone());
        attempt.is_some_and(|id| self.gateway_payments.remove(&id).is_some())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::payment::tests::{amount, any_fact};
    use crate::payment::{GatewayRefund, Progress, RefundProgress};
    use proptest::prelude::*;
    use serde_json::json;

    fn at() -> Timestamp {
        "2026-12-01T08:00:00Z".parse().unwrap()
    }

    fn account() -> AccountId {
        AccountId::from_bytes([1; 16])
    }

    fn content(currency: &str, unit_amount: i64) -> Content {
        serde_json::from_value(json!({"currency": currency,
            "lines": [{"description": "Session", "quantity": 1, "unit_amount": unit_amount}]}))
        .unwrap()
    }

    fn version(currency: &str, unit_amount: i64) -> Version {
        Version {
            revision: 1,
            written_by: account(),
            written_at: at(),
            reason: None,
            content: content(currency, unit_amount),
        }
    }

    pub(crate) fn invoice(unit_amount: i64) -> Invoice {
        Invoice {
            id: InvoiceId::from_bytes([2; 16]),
            created_by: account(),
            created_at: at(),
            current: version("EUR", unit_amount),
            voided: None,
            payments: Vec::new(),
            orders: Vec::new(),
            gateway_payments: BTreeMap::new(),
            fingerprint: [0; 16],
        }
    }

    pub(crate) fn payment(id: u8, much: i64) -> Payment {
        Payment {
            id: PaymentId::from_bytes([id; 16]),
            method: Method::Cash,
            amount: amount(much),
            received_on: "2026-12-02".parse().unwrap(),
            recorded_by: account(),
            recorded_at: at(),
            refunds: Vec::new(),
            fingerprint: [id; 16],
        }
    }

    pub(crate) fn refund(id: u8, much: i64) -> Refund {
        Refund {
            id: RefundId::from_bytes([id; 16]),
            amount: amount(much),
            refunded_on: "2026-12-03".parse().unwrap(),
            reason: Confidential::new("Cancelled".to_owned()),
            recorded_by: account(),
            recorded_at: at(),
            fingerprint: [id; 16],
        }
    }

    fn voided() -> Voided {
        Voided {
            by: account(),
            at: at(),
            reason: Confidential::new("A slip".to_owned()),
        }
    }

    pub(crate) fn told(payment: &str, facts: GatewayPayment) -> Told {
        Told {
            order: "order_1".to_owned(),
            session: None,
            payment: payment.to_owned(),
            currency: Currency::from_code("EUR").unwrap(),
            facts,
        }
    }

    fn facts(progress: Progress, much: i64) -> GatewayPayment {
        let mut facts = GatewayPayment {
            progress,
            ..GatewayPayment::default()
        };
        match progress {
            Progress::Authorized => facts.authorized = Some(amount(much)),
            Progress::Captured => (facts.captured, facts.captured_at) = (Some(amount(much)), Some(at())),
            _ => {}
        }
        facts
    }

    fn given_back(id: &str, much: i64) -> GatewayPayment {
        let refund = GatewayRefund {
            progress: RefundProgress::Processed,
            amount: amount(much),
            processed_at: Some(at()),
        };
        GatewayPayment {
            refunds: BTreeMap::from([(id.to_owned(), refund)]),
            ..GatewayPayment::default()
        }
    }

    #[test]
    fn content_keeps_its_rules() {
        let line = |description: &str, quantity: u32, unit_amount: i64| json!({"description": description, "quantity": quantity, "unit_amount": unit_amount});
        for (body, broken) in [
            (json!({"currency": "EUR", "lines": [line("Session", 1, 1)]}), vec![]),
            (
                json!({"currency": "EUR", "lines": [line("Session", 1, 0), line("Report", 2, 5)], "due_on": "2026-12-31",
                    "payer": {"kind": "insurer", "name": "Mutual", "policy_number": "P-1"}}),
                vec![],
            ),
            (
                json!({"currency": "EUR", "lines": []}),
                vec![("/lines", "count"), ("/lines", "total")],
            ),
            (
                json!({"currency": "EUR", "lines": [line("Free", 1, 0)]}),
                vec![("/lines", "total")],
            ),
            (
                json!({"currency": "EUR", "lines": [line(" ", 0, 1)]}),
                vec![
                    ("/lines/0/description", "length"),
                    ("/lines/0/quantity", "range"),
                    ("/lines", "total"),
                ],
            ),
            (
                json!({"currency": "EUR", "lines": [line("Much", 2, 600_000_000_000)]}),
                vec![("/lines", "total")],
            ),
            (
                json!({"currency": "EUR", "lines": [line("A", 1, 600_000_000_000), line("B", 1, 600_000_000_000)]}),
                vec![("/lines", "total")],
            ),
            (
                json!({"currency": "EUR", "lines": [line(&"é".repeat(201), 10_001, 1)],
                    "payer": {"kind": "other", "name": "", "policy_number": "\u{7}"}}),
                vec![
                    ("/lines/0/description", "length"),
                    ("/lines/0/quantity", "range"),
                    ("/payer/name", "length"),
                    ("/payer/policy_number", "control-characters"),
                ],
            ),
        ] {
            let content: Content = serde_json::from_value(body.clone()).unwrap();
            let mut check = Check::new();
            content.check(&mut check, "");
            let found: Vec<(String, &str)> = check.finish().err().map_or_else(Vec::new, |problem| {
                let violations = problem.violations.into_iter();
                violations.map(|violation| (violation.field, violation.rule)).collect()
            });
            let broken: Vec<_> = broken
                .into_iter()
                .map(|(field, rule)| (field.to_owned(), rule))
                .collect();
            assert_eq!(found, broken, "{body}");
        }
    }

    #[test]
    fn the_state_follows_from_what_was_paid() {
        let mut invoice = invoice(100);
        let standing = |invoice: &Invoice| (invoice.state(), invoice.outstanding());
        assert_eq!(standing(&invoice), (State::Open, 100));
        assert_eq!(invoice.pay(payment(1, 40)), Ok(true));
        assert_eq!(standing(&invoice), (State::PartlyPaid, 60));
        assert_eq!(invoice.pay(payment(1, 40)), Ok(false), "a repeated request");
        assert_eq!(
            invoice.pay(Payment {
                fingerprint: [9; 16],
                ..payment(1, 40)
            }),
            Err(Refused::KeyReused)
        );
        assert_eq!(invoice.pay(payment(2, 61)), Err(Refused::Exceeds));
        assert_eq!(invoice.pay(payment(2, 60)), Ok(true));
        assert_eq!(standing(&invoice), (State::Paid, 0));
        let first = PaymentId::from_bytes([1; 16]);
        assert_eq!(invoice.refund(first, refund(1, 41)), Err(Refused::Exceeds));
        assert_eq!(invoice.refund(first, refund(1, 30)), Ok(true));
        assert_eq!(invoice.refund(first, refund(1, 30)), Ok(false), "a repeated request");
        assert_eq!(
            invoice.refund(
                first,
                Refund {
                    fingerprint: [9; 16],
                    ..refund(1, 30)
                }
            ),
            Err(Refused::KeyReused)
        );
        assert_eq!(invoice.refund(first, refund(2, 11)), Err(Refused::Exceeds));
        assert_eq!(standing(&invoice), (State::PartlyPaid, 30));
        assert_eq!(
            invoice.refund(PaymentId::from_bytes([7; 16]), refund(3, 1)),
            Err(Refused::NoPayment)
        );
        assert_eq!(invoice.void(voided()), Err(Refused::HasPayments));
        assert_eq!(invoice.refund(first, refund(2, 10)), Ok(true));
        assert_eq!(invoice.amend(version("EUR", 90)), Err(Refused::HasPayments));
        assert_eq!(invoice.refund(PaymentId::from_bytes([2; 16]), refund(4, 60)), Ok(true));
        // All of it given back, it is owed again until somebody says that it is not.
        assert_eq!(standing(&invoice), (State::Open, 100));
        assert_eq!(invoice.amend(version("EUR", 90)), Ok(()));
        assert_eq!(standing(&invoice), (State::Open, 90));
        assert_eq!(invoice.void(voided()), Ok(()));
        assert_eq!(standing(&invoice), (State::Void, 0));
        assert_eq!(invoice.void(voided()), Err(Refused::Void));
        assert_eq!(invoice.pay(payment(5, 1)), Err(Refused::Void));
        assert_eq!(invoice.amend(version("EUR", 90)), Err(Refused::Void));
    }

    #[test]
    fn gateways_pay_too() {
        let mut invoice = invoice(100);
        let done = |is_changed| Applied {
            is_changed,
            unapplied: None,
        };
        assert_eq!(invoice.apply(&told("pay_1", facts(Progress::Failed, 0))), done(true));
        assert_eq!(invoice.amend(version("EUR", 100)), Ok(()), "an attempt is no payment");
        assert_eq!(
            invoice.apply(&told("pay_1", facts(Progress::Authorized, 100))),
            done(true)
        );
        assert_eq!((invoice.state(), invoice.outstanding()), (State::Open, 100));
        assert_eq!(
            invoice.amend(version("EUR", 90)),
            Err(Refused::HasPayments),
            "it is held"
        );
        assert_eq!(invoice.void(voided()), Err(Refused::HasPayments), "it is held");
        assert_eq!(
            invoice.apply(&told("pay_1", facts(Progress::Captured, 100))),
            done(true)
        );
        assert_eq!(
            invoice.apply(&told("pay_1", facts(Progress::Captured, 100))),
            done(false)
        );
        assert_eq!(
            invoice.apply(&told("pay_1", facts(Progress::Authorized, 100))),
            done(false)
        );
        assert_eq!(invoice.state(), State::Paid);
        assert_eq!(invoice.pay(payment(1, 1)), Err(Refused::Exceeds));
        assert_eq!(
            invoice.apply(&told("pay_2", facts(Progress::Captured, 50))).unapplied,
            Some(Unapplied::AmountDiffers)
        );
        assert_eq!((invoice.state(), invoice.outstanding()), (State::Overpaid, 0));
        assert_eq!(invoice.apply(&told("pay_2", given_back("rfnd_1", 50))), done(true));
        assert_eq!(invoice.state(), State::Paid);
        assert_eq!(invoice.apply(&told("pay_1", given_back("rfnd_2", 100))), done(true));
        assert_eq!(invoice.state(), State::Open);
        assert_eq!(
            invoice.amend(version("EUR", 90)),
            Err(Refused::HasPayments),
            "the refund may fail, and 100 be there again"
        );
    }

    #[test]
    fn what_does_not_fit_is_not_applied() {
        let mut kept = invoice(100);
        let dollars = Told {
            currency: Currency::from_code("USD").unwrap(),
            ..told("pay_1", facts(Progress::Captured, 100))
        };
        assert_eq!(kept.apply(&dollars), Applied::not(Unapplied::CurrencyDiffers));
        assert_eq!(kept, invoice(100));
        let mut over = invoice(100);
        over.apply(&told("pay_1", facts(Progress::Captured, 60)));
        let applied = over.apply(&told("pay_1", given_back("rfnd_1", 61)));
        assert_eq!(applied.unapplied, Some(Unapplied::OverRefund));
        assert_eq!((over.received(), over.refunded(), over.outstanding()), (60, 60, 100));
    }

    /// The order was made for 100, and the invoice amended to 80 while she paid.
    #[test]
    fn what_is_taken_above_the_total_is_on_the_invoice_until_it_is_given_back() {
        let too_much = Some(Unapplied::AmountDiffers);
        let mut invoice = invoice(100);
        invoice.amend(version("EUR", 80)).unwrap();
        for (facts, unapplied, state, outstanding, received, refunded) in [
            (facts(Progress::Authorized, 100), too_much, State::Open, 80, 0, 0),
            (facts(Progress::Captured, 100), too_much, State::Overpaid, 0, 100, 0),
            (given_back("rfnd_1", 15), too_much, State::Overpaid, 0, 100, 15),
            (given_back("rfnd_2", 5), None, State::Paid, 0, 100, 20),
            // What was told before, and is replayed.
            (facts(Progress::Captured, 100), None, State::Paid, 0, 100, 20),
            (facts(Progress::Authorized, 100), None, State::Paid, 0, 100, 20),
        ] {
            let applied = invoice.apply(&told("pay_1", facts.clone()));
            assert_eq!(applied.unapplied, unapplied, "{facts:?}");
            assert_eq!(
                (
                    invoice.state(),
                    invoice.outstanding(),
                    invoice.received(),
                    invoice.refunded()
                ),
                (state, outstanding, received, refunded),
                "{facts:?}"
            );
            assert_eq!(invoice.amend(version("EUR", 100)), Err(Refused::HasPayments));
        }
        // Held, and let go: nothing was ever there.
        let mut invoice = self::invoice(80);
        let held = told("pay_1", facts(Progress::Authorized, 100));
        assert_eq!(invoice.apply(&held).unapplied, too_much);
        let let_go = told("pay_1", facts(Progress::Cancelled, 0));
        assert_eq!(invoice.apply(&let_go).unapplied, None);
        assert_eq!(invoice.apply(&held).unapplied, None);
        assert_eq!(invoice.amend(version("EUR", 100)), Ok(()));
    }

    #[test]
    fn what_all_payments_leave_above_the_total_is_told() {
        let too_much = Some(Unapplied::AmountDiffers);
        let disputed = |progress| GatewayPayment {
            disputes: BTreeMap::from([(
                "du_1".to_owned(),
                GatewayRefund {
                    progress,
                    amount: amount(100),
                    processed_at: (progress == RefundProgress::Processed).then(at),
                },
            )]),
            ..GatewayPayment::default()
        };
        // A dispute takes what was paid, somebody pays again at the desk, and the dispute is won.
        let mut invoice = invoice(100);
        let won = told("pi_1", disputed(RefundProgress::Failed));
        for fact in [facts(Progress::Captured, 100), disputed(RefundProgress::Processed)] {
            assert_eq!(invoice.apply(&told("pi_1", fact)).unapplied, None);
        }
        assert_eq!(invoice.pay(payment(1, 100)), Ok(true));
        assert_eq!(invoice.apply(&won).unapplied, too_much);
        assert_eq!((invoice.state(), invoice.kept()), (State::Overpaid, 200));
        assert_eq!(invoice.apply(&won).unapplied, too_much, "replayed");
        assert_eq!(invoice.refund(PaymentId::from_bytes([1; 16]), refund(1, 100)), Ok(true));
        assert_eq!(invoice.apply(&won).unapplied, None, "replayed");

        // Two orders are paid, the second of which was not needed any more.
        let mut invoice = self::invoice(100);
        for (id, unapplied) in [("pay_1", None), ("pay_2", too_much)] {
            let held = told(id, facts(Progress::Authorized, 100));
            assert_eq!(invoice.apply(&held).unapplied, None);
            let taken = told(id, facts(Progress::Captured, 100));
            assert_eq!(invoice.apply(&taken).unapplied, unapplied, "{id}");
        }
        let failed = told("pay_3", facts(Progress::Failed, 0));
        assert_eq!(invoice.apply(&failed).unapplied, None, "an attempt leaves nothing");
        assert_eq!(invoice.apply(&told("pay_1", given_back("rfnd_1", 100))).unapplied, None);
        let second = told("pay_2", facts(Progress::Captured, 100));
        assert_eq!(invoice.apply(&second).unapplied, None, "replayed");
        assert_eq!(invoice.state(), State::Paid);
    }

    /// An invoice that is void, whose account is what is there, and nothing is owed.
    fn void_standing(invoice: &Invoice) -> (State, i64, i64, i64) {
        (
            invoice.state(),
            invoice.outstanding(),
            invoice.received(),
            invoice.refunded(),
        )
    }

    #[test]
    fn money_that_reaches_a_void_invoice_is_on_it_until_it_is_given_back() {
        let mut invoice = invoice(100);
        invoice.apply(&told("pay_1", facts(Progress::Created, 0)));
        invoice.void(voided()).unwrap();
        for (facts, unapplied, received, refunded) in [
            (facts(Progress::Created, 0), None, 0, 0),
            (facts(Progress::Failed, 0), None, 0, 0),
            (facts(Progress::Authorized, 100), Some(Unapplied::InvoiceVoid), 0, 0),
            (facts(Progress::Captured, 100), Some(Unapplied::InvoiceVoid), 100, 0),
            (given_back("rfnd_1", 20), Some(Unapplied::InvoiceVoid), 100, 20),
            (given_back("rfnd_2", 80), None, 100, 100),
            // What was told before, and is replayed.
            (facts(Progress::Captured, 100), None, 100, 100),
        ] {
            assert_eq!(
                invoice.apply(&told("pay_1", facts.clone())).unapplied,
                unapplied,
                "{facts:?}"
            );
            assert_eq!(
                void_standing(&invoice),
                (State::Void, 0, received, refunded),
                "{facts:?}"
            );
        }
        let dollars = Told {
            currency: Currency::from_code("USD").unwrap(),
            ..told("pay_2", facts(Progress::Captured, 1))
        };
        assert_eq!(invoice.apply(&dollars), Applied::not(Unapplied::CurrencyDiffers));
        // Each payment by itself: what was given back of one is no debt of another.
        let other = invoice.apply(&told("pay_2", facts(Progress::Captured, 101)));
        assert_eq!(other.unapplied, Some(Unapplied::InvoiceVoid));
        let again = invoice.apply(&told("pay_1", facts(Progress::Captured, 100)));
        assert_eq!(again.unapplied, None);
    }

    #[test]
    fn a_refund_that_fails_brings_money_back_to_a_void_invoice() {
        let mut invoice = invoice(100);
        invoice.apply(&told("pay_1", facts(Progress::Captured, 100)));
        invoice.apply(&told("pay_1", given_back("rfnd_1", 100)));
        invoice.void(voided()).unwrap();
        assert_eq!(void_standing(&invoice), (State::Void, 0, 100, 100));
        let mut failed = given_back("rfnd_1", 100);
        for refund in failed.refunds.values_mut() {
            refund.progress = RefundProgress::Failed;
        }
        let failed = told("pay_1", failed);
        let applied = invoice.apply(&failed);
        assert_eq!(
            (applied.is_changed, applied.unapplied),
            (true, Some(Unapplied::InvoiceVoid))
        );
        assert_eq!(void_standing(&invoice), (State::Void, 0, 100, 0));
        assert_eq!(invoice.apply(&told("pay_1", given_back("rfnd_2", 100))).unapplied, None);
        assert_eq!(void_standing(&invoice), (State::Void, 0, 100, 100));
        assert_eq!(invoice.apply(&failed).unapplied, None);
    }

    #[test]
    fn attempts_give_way_to_money() {
        let mut invoice = invoice(100);
        for n in 0..GATEWAY_PAYMENTS {
            assert_eq!(
                invoice
                    .apply(&told(&format!("pay_{n}"), facts(Progress::Failed, 0)))
                    .unapplied,
                None
            );
        }
        let refused = invoice.apply(&told("pay_more", facts(Progress::Failed, 0)));
        assert_eq!(refused, Applied::not(Unapplied::TooMany));
        assert_eq!(
            invoice
                .apply(&told("pay_more", facts(Progress::Captured, 100)))
                .unapplied,
            None
        );
        assert_eq!(
            (invoice.state(), invoice.gateway_payments.len()),
            (State::Paid, GATEWAY_PAYMENTS)
        );
    }

    #[test]
    fn everything_is_bounded() {
        let mut invoice = invoice(1000);
        for n in 0..100 {
            invoice.pay(payment(n, 1)).unwrap();
            invoice.refund(PaymentId::from_bytes([0; 16]), refund(n, 0)).unwrap();
        }
        assert_eq!(invoice.pay(payment(100, 1)), Err(Refused::TooMany));
        assert_eq!(
            invoice.refund(PaymentId::from_bytes([0; 16]), refund(100, 0)),
            Err(Refused::TooMany)
        );
    }

    proptest! {
        /// Events and their order: the invoice ends the same, and its sums stay within what was paid.
        #[test]
        fn events_commute(
            events in proptest::collection::vec((0..4_u8, any_fact()), 0..60),
            order in Just((0..60_usize).collect::<Vec<_>>()).prop_shuffle(),
            void: bool,
        ) {
            let events: Vec<Told> = events.into_iter().map(|(id, facts)| told(&format!("pay_{id}"), facts)).collect();
            let mut in_order = invoice(600);
            if void {
                in_order.void(voided()).unwrap();
            }
            let mut shuffled = in_order.clone();
            events.iter().for_each(|event| { in_order.apply(event); });
            order.iter().filter_map(|n| events.get(*n)).for_each(|event| { shuffled.apply(event); });
            prop_assert_eq!(&shuffled, &in_order);
            // And once more, which changes nothing.
            for event in &events {
                prop_assert!(!in_order.apply(event).is_changed);
            }
            prop_assert!((0..=in_order.received()).contains(&in_order.refunded()));
            prop_assert!((0..=600).contains(&in_order.outstanding()));
        }
    }
}
