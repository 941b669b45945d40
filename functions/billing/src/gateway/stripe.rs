//! Stripe's events (docs.stripe.com/api/events/types): a snapshot of one object as it was when it happened.
//!
//! What is called a payment here is a PaymentIntent: it is also the order that an invoice is tied to, and a Checkout Session leads to
//! one. Amounts are in minor units, save for three currencies (docs.stripe.com/currencies): see [`amount`].

use std::collections::BTreeMap;

use model::{Gateway, Timestamp};
use serde::Deserialize;

use super::{Content, Delivered, Told, is_name, is_order, kind};
use crate::money::{Amount, Currency};
use crate::payment::{GatewayPayment, GatewayRefund, Progress, RefundProgress, RefundTotal};

/// What every event has.
#[derive(Deserialize)]
struct Envelope {
    id: String,
    r#type: String,
    created: i64,
}

/// Before this version of the API, Stripe makes a refund of what it lets go where less is taken than was held, and counts it in
/// `amount_refunded` (docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow). From it
/// on, all that is told as refunded was taken before.
const RELEASES_COUNT_NO_MORE: &str = "2025-03-31";

/// What an event has that tells of a payment.
#[derive(Deserialize)]
struct Event {
    api_version: Option<String>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

/// The fields that are looked at, of whichever object it is. There are many more, and they stay where they are.
#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    currency: Option<String>,
    amount: Option<i64>,
    amount_received: Option<i64>,
    amount_capturable: Option<i64>,
    amount_captured: Option<i64>,
    amount_refunded: Option<i64>,
    amount_total: Option<i64>,
    captured: Option<bool>,
    payment_intent: Option<String>,
    payment_status: Option<String>,
    status: Option<String>,
    refunds: Option<Refunds>,
}

/// A charge's refunds, which it lists in API versions before 2022-11-15.
#[derive(Deserialize)]
struct Refunds {
    data: Vec<Refund>,
}

#[derive(Deserialize)]
struct Refund {
    id: Option<String>,
    amount: Option<i64>,
    status: Option<String>,
}

/// An amount in minor units as ISO 4217 has them. Stripe counts the króna and the Ugandan shilling in hundredths that don't exist
/// any more, and the ariary in whole ones.
fn amount(currency: Currency, told: i64) -> Option<Amount> {
    let minor_units = match currency.code() {
        "ISK" | "UGX" => (told % 100 == 0).then_some(told / 100)?,
        "MGA" => told.checked_mul(100)?,
        _ => told,
    };
    Amount::try_from(minor_units).ok()
}

/// What the body tells. Only the event's id, type and time have to be there: of what is not understood, that much is kept.
pub(super) fn read(body: &[u8]) -> Option<Delivered> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let at = Timestamp::from_second(envelope.created).ok()?;
    if !is_name(&envelope.id) {
        return None;
    }
    let content = match Tells::of(&envelope.r#type) {
        None => Content::Other,
        Some(tells) => {
            let event: Option<Event> = serde_json::from_slice(body).ok();
            event
                .and_then(|event| content(tells, &event, at))
                .unwrap_or(Content::Incomplete)
        }
    };
    Some(Delivered {
        identity: envelope.id.into_bytes(),
        kind: kind(&envelope.r#type),
        at,
        content,
    })
}

/// What an event of a type that is looked at tells.
#[derive(Clone, Copy)]
enum Tells {
    IntentSucceeded,
    IntentFailed,
    IntentCanceled,
    IntentProcessing,
    IntentCapturable,
    Charge,
    ChargeFailed,
    Refund,
    SessionCompleted,
    DisputeWithdraws,
    DisputeReinstates,
    DisputeClosed,
}

impl Tells {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "payment_intent.succeeded" => Self::IntentSucceeded,
            "payment_intent.payment_failed" => Self::IntentFailed,
            "payment_intent.canceled" => Self::IntentCanceled,
            "payment_intent.processing" => Self::IntentProcessing,
            "payment_intent.amount_capturable_updated" => Self::IntentCapturable,
            "charge.succeeded" | "charge.captured" | "charge.refunded" => Self::Charge,
            "charge.failed" => Self::ChargeFailed,
            "refund.created" | "refund.updated" | "refund.failed" => Self::Refund,
            "checkout.session.completed" => Self::SessionCompleted,
            "charge.dispute.funds_withdrawn" => Self::DisputeWithdraws,
            "charge.dispute.funds_reinstated" => Self::DisputeReinstates,
            "charge.dispute.closed" => Self::DisputeClosed,
            _ => return None,
        })
    }
}

fn held(much: Amount) -> GatewayPayment {
    GatewayPayment {
        progress: Progress::Authorized,
        authorized: Some(much),
        ..GatewayPayment::default()
    }
}

fn taken(much: Amount, at: Timestamp) -> GatewayPayment {
    GatewayPayment {
        progress: Progress::Captured,
        captured: Some(much),
        captured_at: Some(at),
        ..GatewayPayment::default()
    }
}

/// Taken of what was held: where that was more, and the rest counts as refunded, this is known of the payment too.
fn taken_of(held: Option<Amount>, much: Amount, at: Timestamp, counts_releases: bool) -> GatewayPayment {
    GatewayPayment {
        released_from: held.filter(|held| counts_releases && *held > much),
        ..taken(much, at)
    }
}

fn only(progress: Progress) -> GatewayPayment {
    GatewayPayment {
        progress,
        ..GatewayPayment::default()
    }
}

fn refund_progress(status: Option<&str>) -> Option<RefundProgress> {
    Some(match status? {
        "pending" | "requires_action" => RefundProgress::Pending,
        "succeeded" => RefundProgress::Processed,
        "failed" | "canceled" => RefundProgress::Failed,
        _ => return None,
    })
}

/// What became of what a dispute takes. That funds come back does not say how many, nor that it is won: what was refunded before comes back of
/// one that is lost, too (docs.stripe.com/api/events/types, `charge.dispute.funds_reinstated`). With all refunds no more than was taken counts, so what
/// was withdrawn stays so until the dispute is won.
fn dispute_progress(tells: Tells, status: Option<&str>) -> Option<RefundProgress> {
    Some(match (tells, status?) {
        (Tells::DisputeWithdraws, _) | (_, "lost") => RefundProgress::Processed,
        (_, "won") => RefundProgress::Failed,
        // Not decided; or an inquiry that took nothing.
        (Tells::DisputeReinstates, _) | (_, "warning_closed" | "prevented") => RefundProgress::Pending,
        _ => return None,
    })
}

fn returned(
    id: Option<&String>,
    progress: Option<RefundProgress>,
    much: Option<Amount>,
    at: Timestamp,
) -> Option<(String, GatewayRefund)> {
    let progress = progress?;
    let refund = GatewayRefund {
        progress,
        amount: much?,
        processed_at: (progress == RefundProgress::Processed).then_some(at),
    };
    Some((id.filter(|id| is_name(id))?.clone(), refund))
}

fn content(tells: Tells, event: &Event, at: Timestamp) -> Option<Content> {
    let Event {
        api_version,
        data: Data { object },
    } = event;
    // A version begins with its day, so that versions are in the order of their names.
    let counts_releases = api_version
        .as_deref()
        .is_some_and(|version| version < RELEASES_COUNT_NO_MORE);
    let is_intent = matches!(
        tells,
        Tells::IntentSucceeded
            | Tells::IntentFailed
            | Tells::IntentCanceled
            | Tells::IntentProcessing
            | Tells::IntentCapturable
    );
    let intent = if is_intent { &object.id } else { &object.payment_intent };
    let Some(intent) = intent else {
        return match (is_intent, object.payment_status.as_deref()) {
            (true, _) => None,
            // A session that only sets up a way to pay, or comes to nothing: there is no payment that somebody could look for.
            (false, Some("no_payment_required")) => Some(Content::Other),
            // A charge of an integration that ties nothing; a session whose payment is for an invoice of Stripe's own.
            (false, _) => Some(Content::NoOrder),
        };
    };
    let currency = Currency::from_code(&object.currency.as_deref()?.to_ascii_uppercase())?;
    let amount = |told: Option<i64>| amount(currency, told?);
    let facts = match tells {
        Tells::IntentSucceeded => {
            let much = amount(object.amount_received)?;
            taken_of(amount(object.amount), much, at, counts_releases)
        }
        Tells::IntentFailed | Tells::ChargeFailed => only(Progress::Failed),
        Tells::IntentCanceled => only(Progress::Cancelled),
        Tells::IntentProcessing => only(Progress::Created),
        Tells::IntentCapturable => held(amount(object.amount_capturable)?),
        Tells::Charge => {
            let mut facts = if object.captured? {
                let much = amount(object.amount_captured.or(object.amount))?;
                taken_of(amount(object.amount), much, at, counts_releases)
            } else {
                held(amount(object.amount)?)
            };
            if let Some(refunds) = &object.refunds {
                let refunds = refunds.data.iter();
                facts.refunds = refunds
                    .map(|told| {
                        let progress = refund_progress(told.status.as_deref());
                        returned(told.id.as_ref(), progress, amount(told.amount), at)
                    })
                    .collect::<Option<_>>()?;
            }
            // Where nothing was taken, what counts as refunded was let go.
            facts.refund_total = amount(object.amount_refunded)
                .filter(|much| facts.progress == Progress::Captured && !much.is_nothing())
                .map(|amount| RefundTotal { amount, at });
            facts
        }
        Tells::Refund => GatewayPayment {
            refunds: BTreeMap::from([returned(
                object.id.as_ref(),
                refund_progress(object.status.as_deref()),
                amount(object.amount),
                at,
            )?]),
            ..GatewayPayment::default()
        },
        Tells::DisputeWithdraws | Tells::DisputeReinstates | Tells::DisputeClosed => GatewayPayment {
            disputes: BTreeMap::from([returned(
                object.id.as_ref(),
                dispute_progress(tells, object.status.as_deref()),
                amount(object.amount),
                at,
            )?]),
            ..GatewayPayment::default()
        },
        // A session is complete before the money is there where the method takes days.
        Tells::SessionCompleted if object.payment_status.as_deref()? == "paid" => {
            taken(amount(object.amount_total)?, at)
        }
        Tells::SessionCompleted => only(Progress::Created),
    };
    let session = match tells {
        Tells::SessionCompleted => Some(object.id.clone().filter(|id| is_order(Gateway::Stripe, id))?),
        _ => None,
    };
    if !is_order(Gateway::Stripe, intent) || !intent.starts_with("pi_") {
        return None;
    }
    Some(Content::Payment(Box::new(Told {
        order: intent.clone(),
        session,
        payment: intent.clone(),
        currency,
        facts,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const AT: i64 = 1_723_868_214;
    const INTENT: &str = "pi_3OFiuyFUCobZzZgn2Q8X7hbz";

    fn event(kind: &str, object: &Value) -> Vec<u8> {
        json!({"id": "evt_1Poe4RGFzsjrzPXDguWAoeFC", "object": "event", "api_version": "2022-08-01", "created": AT,
            "type": kind, "livemode": true, "pending_webhooks": 1, "data": {"object": object}})
        .to_string()
        .into_bytes()
    }

    fn told(kind: &str, object: &Value) -> Content {
        read(&event(kind, object)).unwrap().content
    }

    /// What an event of this version of the API tells.
    fn facts_of(version: &str, kind: &str, object: &Value) -> GatewayPayment {
        let mut event: Value = serde_json::from_slice(&event(kind, object)).unwrap();
        event["api_version"] = version.into();
        match read(event.to_string().as_bytes()).unwrap().content {
            Content::Payment(told) => told.facts,
            other => panic!("{kind} {other:?}"),
        }
    }

    fn facts(kind: &str, object: &Value) -> GatewayPayment {
        match told(kind, object) {
            Content::Payment(told) => {
                assert_eq!((told.order.as_str(), told.payment.as_str()), (INTENT, INTENT));
                told.facts
            }
            other => panic!("{kind} {other:?}"),
        }
    }

    fn intent() -> Value {
        json!({"id": INTENT, "object": "payment_intent", "amount": 5392, "amount_received": 5392, "amount_capturable": 5000,
            "currency": "eur", "client_secret": "SECRET", "receipt_email": "ada@example.org", "status": "succeeded"})
    }

    fn charge(is_captured: bool) -> Value {
        json!({"id": "ch_3OFiuyFUCobZzZgn2", "object": "charge", "amount": 5392, "amount_captured": 5300, "amount_refunded": 0,
            "captured": is_captured, "currency": "eur", "payment_intent": INTENT, "billing_details": {"name": "SECRET"},
            "payment_method_details": {"card": {"last4": "5140"}}})
    }

    fn refund(status: &str) -> Value {
        json!({"id": "re_1Gib6ZHLwdCOCoR7VrzCnXlj", "object": "refund", "amount": 300, "currency": "eur", "charge": "ch_3OFiuy",
            "payment_intent": INTENT, "status": status})
    }

    fn dispute(status: &str) -> Value {
        json!({"id": "du_1MtJUT2eZvKYlo2CNaw2HvEv", "object": "dispute", "amount": 5300, "balance_transactions": [],
            "charge": "ch_3OFiuyFUCobZzZgn2", "currency": "eur", "evidence": {"customer_name": "SECRET"},
            "payment_intent": INTENT, "reason": "fraudulent", "status": status})
    }

    fn session(status: &str) -> Value {
        json!({"id": "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4W", "object": "checkout.session", "amount_total": 5392,
            "currency": "eur", "payment_intent": INTENT, "payment_status": status, "customer_details": {"email": "SECRET"}})
    }

    #[test]
    fn intents_and_charges_tell_how_far_a_payment_is() {
        for (kind, object, progress, held, taken) in [
            ("payment_intent.processing", intent(), Progress::Created, 0, 0),
            ("payment_intent.payment_failed", intent(), Progress::Failed, 0, 0),
            (
                "payment_intent.amount_capturable_updated",
                intent(),
                Progress::Authorized,
                5000,
                0,
            ),
            ("payment_intent.canceled", intent(), Progress::Cancelled, 0, 0),
            ("payment_intent.succeeded", intent(), Progress::Captured, 0, 5392),
            ("charge.succeeded", charge(false), Progress::Authorized, 5392, 0),
            ("charge.succeeded", charge(true), Progress::Captured, 0, 5300),
            ("charge.captured", charge(true), Progress::Captured, 0, 5300),
            ("charge.failed", charge(false), Progress::Failed, 0, 0),
            (
                "checkout.session.completed",
                session("paid"),
                Progress::Captured,
                0,
                5392,
            ),
            ("checkout.session.completed", session("unpaid"), Progress::Created, 0, 0),
        ] {
            let facts = facts(kind, &object);
            let authorized = facts.authorized.unwrap_or_default().minor_units();
            assert_eq!(
                (facts.progress, authorized, facts.received()),
                (progress, held, taken),
                "{kind}"
            );
            assert!(!serde_json::to_string(&facts).unwrap().contains("SECRET"));
        }
    }

    #[test]
    fn refunds_are_told_one_by_one_or_as_a_sum() {
        for (status, progress) in [
            ("pending", RefundProgress::Pending),
            ("requires_action", RefundProgress::Pending),
            ("succeeded", RefundProgress::Processed),
            ("failed", RefundProgress::Failed),
            ("canceled", RefundProgress::Failed),
        ] {
            for kind in ["refund.created", "refund.updated", "refund.failed"] {
                let facts = facts(kind, &refund(status));
                let (id, refund) = facts.refunds.first_key_value().unwrap();
                assert_eq!(
                    (id.as_str(), refund.progress),
                    ("re_1Gib6ZHLwdCOCoR7VrzCnXlj", progress)
                );
                assert_eq!(refund.amount.minor_units(), 300);
            }
        }
        let mut charge = charge(true);
        charge["amount"] = 5300.into();
        charge["amount_refunded"] = 300.into();
        let sum = facts("charge.refunded", &charge);
        assert_eq!((sum.received(), sum.refunded(), sum.refunds.len()), (5300, 300, 0));
        charge["refunds"] = json!({"object": "list", "data": [refund("succeeded")]});
        let listed = facts("charge.refunded", &charge);
        assert_eq!(
            (listed.received(), listed.refunded(), listed.refunds.len()),
            (5300, 300, 1)
        );
        charge["refunds"]["data"][0]["status"] = "lost".into();
        assert_eq!(told("charge.refunded", &charge), Content::Incomplete);
        // What is released of what was held was never taken.
        charge["refunds"] = Value::Null;
        charge["captured"] = false.into();
        assert_eq!(facts("charge.refunded", &charge).refund_total, None);
    }

    #[test]
    fn disputes_take_and_may_give_back() {
        use RefundProgress::{Failed, Pending, Processed};
        let (withdrawn, reinstated, closed) = ("funds_withdrawn", "funds_reinstated", "closed");
        for (kind, status, progress) in [
            (withdrawn, "needs_response", Processed),
            (withdrawn, "under_review", Processed),
            (closed, "lost", Processed),
            (closed, "won", Failed),
            (closed, "warning_closed", Pending),
            (closed, "prevented", Pending),
            (reinstated, "won", Failed),
            (reinstated, "under_review", Pending),
            (reinstated, "needs_response", Pending),
            (reinstated, "lost", Processed),
        ] {
            let facts = facts(&format!("charge.dispute.{kind}"), &dispute(status));
            assert!(!serde_json::to_string(&facts).unwrap().contains("SECRET"));
            let told = &facts.disputes["du_1MtJUT2eZvKYlo2CNaw2HvEv"];
            assert_eq!(
                (told.progress, told.amount.minor_units()),
                (progress, 5300),
                "{kind} {status}"
            );
            assert_eq!(
                (facts.refunds.len(), told.processed_at.is_some()),
                (0, progress == Processed)
            );
        }
        for kind in ["created", "updated"] {
            let kind = format!("charge.dispute.{kind}");
            assert_eq!(told(&kind, &dispute("needs_response")), Content::Other);
        }
        assert_eq!(
            told("charge.dispute.closed", &dispute("under_review")),
            Content::Incomplete
        );
    }

    /// 100 taken, 30 refunded, 100 disputed: the 30 come back while nothing is decided.
    #[test]
    fn a_reinstatement_does_not_say_that_a_dispute_is_won() {
        let of_100 = |mut object: Value, field: &str| {
            object[field] = 100.into();
            object
        };
        let mut refund = refund("succeeded");
        refund["amount"] = 30.into();
        let told = |kind: &str, status: &str| {
            let kind = format!("charge.dispute.{kind}");
            facts(&kind, &of_100(dispute(status), "amount"))
        };
        for (end, refunded) in [(None, 100), (Some("lost"), 100), (Some("won"), 30)] {
            let mut events = vec![
                facts("payment_intent.succeeded", &of_100(intent(), "amount_received")),
                facts("refund.created", &refund),
                told("funds_withdrawn", "needs_response"),
                told("funds_reinstated", "under_review"),
            ];
            events.extend(end.map(|status| told("closed", status)));
            for first in 0..events.len() {
                events.rotate_left(first);
                let mut payment = GatewayPayment::default();
                events.iter().for_each(|event| payment.join(event));
                assert_eq!((payment.received(), payment.refunded()), (100, refunded), "{end:?}");
            }
        }
    }

    /// 60 of 100 taken. What is let go counts as refunded in the older versions of the API, and is no refund.
    #[test]
    fn what_is_let_go_is_not_given_back() {
        let charge = |refunded: i64| {
            let mut charge = charge(true);
            charge["amount"] = 100.into();
            charge["amount_captured"] = 60.into();
            charge["amount_refunded"] = refunded.into();
            charge
        };
        let refund = |id: &str, much: i64| {
            let mut refund = refund("succeeded");
            refund["id"] = id.into();
            refund["amount"] = much.into();
            refund
        };
        let mut intent = intent();
        intent["amount"] = 100.into();
        intent["amount_received"] = 60.into();
        let (old, new) = ("2025-02-24.acacia", "2025-03-31.basil");
        for (version, events, refunded) in [
            (old, vec![("charge.captured", charge(40))], 0),
            (old, vec![("payment_intent.succeeded", intent.clone())], 0),
            (
                old,
                vec![
                    ("charge.captured", charge(40)),
                    ("refund.created", refund("re_let_go", 40)),
                    ("payment_intent.succeeded", intent.clone()),
                ],
                0,
            ),
            (
                old,
                vec![
                    ("payment_intent.succeeded", intent.clone()),
                    ("refund.created", refund("re_let_go", 40)),
                ],
                0,
            ),
            (
                old,
                vec![("charge.captured", charge(40)), ("charge.refunded", charge(50))],
                10,
            ),
            (
                old,
                vec![
                    ("charge.captured", charge(40)),
                    ("refund.created", refund("re_let_go", 40)),
                    ("refund.created", refund("re_real", 10)),
                    ("charge.refunded", charge(50)),
                ],
                10,
            ),
            ("2014-10-07", vec![("charge.captured", charge(40))], 0),
            (new, vec![("charge.captured", charge(0))], 0),
            (new, vec![("charge.refunded", charge(10))], 10),
            (
                new,
                vec![
                    ("charge.captured", charge(0)),
                    ("refund.created", refund("re_real", 40)),
                    ("charge.refunded", charge(40)),
                ],
                40,
            ),
            ("2025-09-30.clover", vec![("charge.refunded", charge(10))], 10),
        ] {
            let facts: Vec<GatewayPayment> = events
                .iter()
                .map(|(kind, object)| facts_of(version, kind, object))
                .collect();
            // In every order: each event first, and then the others as they come, and backwards.
            for first in 0..facts.len() {
                let mut order: Vec<&GatewayPayment> = facts.iter().collect();
                order.rotate_left(first);
                for _ in 0..2 {
                    order.reverse();
                    let mut payment = GatewayPayment::default();
                    order.iter().for_each(|fact| payment.join(fact));
                    assert_eq!(
                        (payment.received(), payment.refunded(), payment.is_over_refunded()),
                        (60, refunded, false),
                        "{version} {events:?}"
                    );
                }
            }
        }
        // The account was moved to a newer version in between: a real refund stays one.
        let mut payment = facts_of(old, "charge.captured", &charge(40));
        payment.join(&facts_of(new, "refund.created", &refund("re_real", 10)));
        assert_eq!((payment.received(), payment.refunded()), (60, 10));
        // All was taken: nothing was let go.
        let mut whole = charge(40);
        whole["amount_captured"] = 100.into();
        let whole = facts_of(old, "charge.refunded", &whole);
        assert_eq!(
            (whole.received(), whole.refunded(), whole.released_from),
            (100, 40, None)
        );
    }

    #[test]
    fn a_session_names_its_order() {
        let Content::Payment(told) = told("checkout.session.completed", &session("paid")) else {
            panic!("a payment");
        };
        assert_eq!(
            told.session.as_deref(),
            Some("cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4W")
        );
    }

    #[test]
    fn three_currencies_are_counted_otherwise() {
        for (code, told, minor_units) in [
            ("eur", 500, Some(500)),
            ("jpy", 500, Some(500)),
            ("kwd", 5120, Some(5120)),
            ("isk", 500, Some(5)),
            ("isk", 550, None),
            ("ugx", 500, Some(5)),
            ("mga", 5, Some(500)),
            ("mga", i64::MAX, None),
        ] {
            let mut object = intent();
            object["currency"] = code.into();
            object["amount_received"] = told.into();
            let found = match super::read(&event("payment_intent.succeeded", &object))
                .unwrap()
                .content
            {
                Content::Payment(told) => Some(told.facts.received()),
                _ => None,
            };
            assert_eq!(found, minor_units, "{code} {told}");
        }
    }

    #[test]
    fn what_lacks_something_is_told_apart() {
        let with = |kind: &str, mut object: Value, field: &str, value: Value| {
            object[field] = value;
            told(kind, &object)
        };
        for (kind, object) in [
            ("charge.succeeded", charge(true)),
            ("refund.created", refund("succeeded")),
            ("charge.dispute.closed", dispute("lost")),
            ("checkout.session.completed", session("paid")),
        ] {
            assert_eq!(
                with(kind, object, "payment_intent", Value::Null),
                Content::NoOrder,
                "{kind}"
            );
        }
        for (kind, object, field, value) in [
            ("payment_intent.succeeded", intent(), "id", Value::Null),
            ("payment_intent.succeeded", intent(), "id", json!("pi_1_secret_2")),
            ("payment_intent.succeeded", intent(), "amount_received", Value::Null),
            ("payment_intent.succeeded", intent(), "amount_received", json!(-1)),
            ("payment_intent.succeeded", intent(), "currency", json!("xxx")),
            ("charge.succeeded", charge(true), "captured", Value::Null),
            ("charge.succeeded", charge(true), "payment_intent", json!("cs_test_abc")),
            ("refund.created", refund("succeeded"), "id", Value::Null),
            ("refund.created", refund("lost"), "id", json!("re_1")),
            ("charge.dispute.closed", dispute("lost"), "id", Value::Null),
            ("charge.dispute.closed", dispute("lost"), "amount", Value::Null),
            ("charge.dispute.closed", dispute("lost"), "status", Value::Null),
            ("checkout.session.completed", session("paid"), "id", json!("si 1")),
            (
                "checkout.session.completed",
                session("paid"),
                "payment_status",
                Value::Null,
            ),
        ] {
            assert_eq!(with(kind, object, field, value), Content::Incomplete, "{kind} {field}");
        }
        // A session that takes no payment has neither an intent nor, where it only sets up a way to pay, a currency.
        let mut free = session("no_payment_required");
        free["payment_intent"] = Value::Null;
        free["currency"] = Value::Null;
        assert_eq!(told("checkout.session.completed", &free), Content::Other);
        assert_eq!(told("customer.created", &json!({"email": "SECRET"})), Content::Other);
        for wrong in [
            "",
            "{}",
            r#"{"id": "evt_1", "type": "x"}"#,
            r#"{"id": "evt 1", "type": "x", "created": 1}"#,
        ] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
