//! Razorpay's events (razorpay.com/docs/webhooks/payloads): a snapshot of payment, order, refund and dispute as they were when it happened.
//!
//! Amounts are in minor units as ISO 4217 has them (razorpay.com/docs/payments/international-payments, supported currencies).

use model::{Gateway, Timestamp};
use serde::Deserialize;

use super::{Content, Delivered, Told, is_name, is_order, kind};
use crate::money::{Amount, Currency};
use crate::payment::{GatewayPayment, GatewayRefund, Progress, RefundProgress};

/// Events that tell of a payment.
const PAYMENTS: [&str; 4] = ["payment.authorized", "payment.captured", "payment.failed", "order.paid"];

/// Events that tell of a refund.
const REFUNDS: [&str; 3] = ["refund.created", "refund.processed", "refund.failed"];

/// Events that tell how a dispute ended. Razorpay may deduct the amount when one is raised, but says how much only once it is lost: until then
/// `amount_deducted` is 0 (razorpay.com/docs/api/disputes/entity).
const DISPUTES: [&str; 3] = ["payment.dispute.won", "payment.dispute.lost", "payment.dispute.closed"];

/// What an event tells of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tells {
    Payment,
    Refund,
    Dispute,
}

impl Tells {
    fn of(name: &str) -> Option<Self> {
        [
            (&PAYMENTS[..], Self::Payment),
            (&REFUNDS, Self::Refund),
            (&DISPUTES, Self::Dispute),
        ]
        .into_iter()
        .find_map(|(names, tells)| names.contains(&name).then_some(tells))
    }
}

/// What every event has.
#[derive(Deserialize)]
struct Envelope {
    event: String,
    created_at: i64,
}

/// What an event has that tells of a payment.
#[derive(Deserialize)]
struct Event {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    payment: Option<Wrapped<Payment>>,
    refund: Option<Wrapped<Returned>>,
    dispute: Option<Wrapped<Returned>>,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    entity: T,
}

/// The fields that are looked at. There are many more, and they stay where they are.
#[derive(Deserialize)]
struct Payment {
    id: Option<String>,
    order_id: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    status: Option<String>,
    captured: Option<bool>,
}

/// A refund, or a dispute.
#[derive(Deserialize)]
struct Returned {
    id: Option<String>,
    payment_id: Option<String>,
    amount: Option<i64>,
    amount_deducted: Option<i64>,
    currency: Option<String>,
    status: Option<String>,
}

/// What the body tells. Only the event's name and time have to be there: of what is not understood, that much is kept.
pub(super) fn read(body: &[u8]) -> Option<Delivered> {
    let Envelope {
        event: name,
        created_at,
    } = serde_json::from_slice(body).ok()?;
    let at = Timestamp::from_second(created_at).ok()?;
    let content = match Tells::of(&name) {
        None => Content::Other,
        Some(tells) => {
            let event: Option<Event> = serde_json::from_slice(body).ok();
            event
                .and_then(|event| content(&event.payload, tells, at))
                .unwrap_or(Content::Incomplete)
        }
    };
    Some(Delivered {
        // The event's id stands in a header that the signature does not cover: see `access::Delivery`.
        identity: body.to_vec(),
        kind: kind(&name),
        at,
        content,
    })
}

/// How far a refund is, and how much it is.
fn refund(refund: &Returned) -> Option<(RefundProgress, i64)> {
    let progress = match refund.status.as_deref()? {
        "created" | "pending" => RefundProgress::Pending,
        "processed" => RefundProgress::Processed,
        "failed" => RefundProgress::Failed,
        _ => return None,
    };
    Some((progress, refund.amount?))
}

/// What came of a dispute, and how much of the payment it took. One that is lost and took nothing contradicts itself.
fn dispute(dispute: &Returned) -> Option<(RefundProgress, i64)> {
    match (dispute.status.as_deref()?, dispute.amount_deducted.unwrap_or_default()) {
        ("won", _) => Some((RefundProgress::Failed, dispute.amount?)),
        ("closed", 0) => Some((RefundProgress::Pending, dispute.amount?)),
        ("lost" | "closed", deducted) if deducted > 0 => Some((RefundProgress::Processed, deducted)),
        _ => None,
    }
}

fn content(payload: &Payload, tells: Tells, at: Timestamp) -> Option<Content> {
    let payment = &payload.payment.as_ref()?.entity;
    let Some(order) = &payment.order_id else {
        return Some(Content::NoOrder);
    };
    if !is_order(Gateway::Razorpay, order) {
        return None;
    }
    let id = payment.id.clone().filter(|id| is_name(id))?;
    let currency = Currency::from_code(payment.currency.as_deref()?)?;
    let amount = Amount::try_from(payment.amount?).ok()?;
    let mut facts = GatewayPayment {
        progress: match (payment.status.as_deref()?, payment.captured) {
            ("created", _) => Progress::Created,
            ("authorized", _) => Progress::Authorized,
            // What is not captured in time Razorpay gives back by itself (razorpay.com/docs/payments/refunds/auto-refunds).
            ("refunded", Some(false)) => Progress::Cancelled,
            // Money that was given back was taken before.
            ("captured" | "refunded", _) => Progress::Captured,
            ("failed", _) => Progress::Failed,
            _ => return None,
        },
        ..GatewayPayment::default()
    };
    match facts.progress {
        Progress::Authorized | Progress::Cancelled => facts.authorized = Some(amount),
        Progress::Captured => (facts.captured, facts.captured_at) = (Some(amount), Some(at)),
        Progress::Created | Progress::Failed => {}
    }
    let returned = match tells {
        Tells::Payment => None,
        Tells::Refund => Some((&payload.refund.as_ref()?.entity, &mut facts.refunds)),
        Tells::Dispute => Some((&payload.dispute.as_ref()?.entity, &mut facts.disputes)),
    };
    if let Some((returned, known)) = returned {
        if returned.payment_id.as_deref() != Some(id.as_str()) || returned.currency != payment.currency {
            return None;
        }
        let (progress, amount) = match tells {
            Tells::Dispute => dispute(returned)?,
            _ => refund(returned)?,
        };
        let told = GatewayRefund {
            progress,
            amount: Amount::try_from(amount).ok()?,
            processed_at: (progress == RefundProgress::Processed).then_some(at),
        };
        known.insert(returned.id.clone().filter(|id| is_name(id))?, told);
    }
    Some(Content::Payment(Box::new(Told {
        order: order.clone(),
        session: None,
        payment: id,
        currency,
        facts,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::tests::amount;
    use serde_json::{Value, json};

    const AT: i64 = 1_691_735_748;

    /// As razorpay.com/docs/webhooks/payments shows it, with what is about the payer.
    fn captured() -> Value {
        json!({"account_id": "acc_BFQ7uQEaa7j2z7", "contains": ["payment"], "created_at": AT, "entity": "event",
            "event": "payment.captured",
            "payload": {"payment": {"entity": {"id": "pay_DESp9bgForNoUd", "entity": "payment", "amount": 10000, "currency": "INR",
                "amount_refunded": 0, "amount_transferred": 0, "captured": true, "status": "captured",
                "order_id": "order_DESlLckIVRkHWj", "method": "card", "bank": null, "vpa": null, "wallet": null, "fee": null,
                "card_id": "card_DESp9fNnu0RoNc", "card": {"id": "card_DESp9fNnu0RoNc", "iin": "999999", "last4": "0153",
                    "name": "John Smith", "network": "Visa", "type": "debit"},
                "contact": "+11234567890", "email": "john.smith@example.com", "notes": [], "created_at": 1_567_674_797}}}})
    }

    /// As razorpay.com/docs/webhooks/refunds shows it.
    fn refunded() -> Value {
        json!({"account_id": "acc_C22WOuBW79sh0n", "contains": ["refund", "payment"], "created_at": AT, "entity": "event",
            "event": "refund.processed",
            "payload": {
                "refund": {"entity": {"id": "rfnd_Heax5rxucwf2aS", "entity": "refund", "amount": 4000, "currency": "INR",
                    "payment_id": "pay_HeGCvvjQIAjsvZ", "notes": [], "receipt": null, "acquirer_data": {"arn": null},
                    "created_at": 1_627_528_610, "batch_id": null, "status": "processed", "speed_processed": "normal",
                    "speed_requested": "normal"}},
                "payment": {"entity": {"id": "pay_HeGCvvjQIAjsvZ", "entity": "payment", "amount": 4000, "currency": "INR",
                    "status": "refunded", "order_id": "order_HeGCnjDGqpe5oW", "captured": true, "amount_refunded": 4000,
                    "refund_status": "full", "email": "a@example.com", "contact": "+919876543210"}}}})
    }

    fn told(event: &Value) -> Content {
        read(event.to_string().as_bytes()).unwrap().content
    }

    fn payment(event: &Value) -> Told {
        match told(event) {
            Content::Payment(told) => *told,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_captured_payment_is_read_and_nobody_with_it() {
        let event = captured();
        let delivered = read(event.to_string().as_bytes()).unwrap();
        assert_eq!(
            (delivered.kind.as_str(), delivered.at.as_second()),
            ("payment.captured", AT)
        );
        let told = payment(&event);
        assert_eq!(told.order, "order_DESlLckIVRkHWj");
        assert_eq!(told.payment, "pay_DESp9bgForNoUd");
        assert_eq!(told.currency.code(), "INR");
        assert_eq!(
            told.facts,
            GatewayPayment {
                progress: Progress::Captured,
                captured: Some(amount(10000)),
                captured_at: Some(delivered.at),
                ..GatewayPayment::default()
            }
        );
        let kept = serde_json::to_string(&told).unwrap();
        for personal in ["John", "0153", "999999", "Visa", "card", "1123", "example.com"] {
            assert!(!kept.contains(personal), "{personal}");
        }
    }

    #[test]
    fn every_status_has_its_place() {
        for (status, is_captured, progress) in [
            ("created", false, Some(Progress::Created)),
            // As Razorpay's own sample of an authorized payment has it: captured by the time that it was sent.
            ("authorized", true, Some(Progress::Authorized)),
            ("authorized", false, Some(Progress::Authorized)),
            ("captured", true, Some(Progress::Captured)),
            ("refunded", true, Some(Progress::Captured)),
            ("refunded", false, Some(Progress::Cancelled)),
            ("failed", false, Some(Progress::Failed)),
            ("lost", false, None),
        ] {
            let mut event = captured();
            event["payload"]["payment"]["entity"]["status"] = status.into();
            event["payload"]["payment"]["entity"]["captured"] = is_captured.into();
            let found = match told(&event) {
                Content::Payment(told) => Some(told.facts.progress),
                _ => None,
            };
            assert_eq!(found, progress, "{status} {is_captured}");
        }
    }

    #[test]
    fn a_refund_comes_with_its_payment() {
        for (status, progress) in [
            ("pending", RefundProgress::Pending),
            ("processed", RefundProgress::Processed),
            ("failed", RefundProgress::Failed),
        ] {
            let mut event = refunded();
            event["payload"]["refund"]["entity"]["status"] = status.into();
            let facts = payment(&event).facts;
            assert_eq!((facts.progress, facts.received()), (Progress::Captured, 4000));
            let refund = &facts.refunds["rfnd_Heax5rxucwf2aS"];
            assert_eq!((refund.progress, refund.amount), (progress, amount(4000)));
            assert_eq!(refund.processed_at.is_some(), progress == RefundProgress::Processed);
        }
    }

    /// A dispute with the fields of its entity (razorpay.com/docs/api/disputes/entity).
    fn disputed(status: &str, deducted: i64) -> Value {
        let mut event = captured();
        event["event"] = format!("payment.dispute.{status}").into();
        event["contains"] = json!(["payment", "dispute"]);
        event["payload"]["dispute"] = json!({"entity": {"id": "disp_EsIAlDcoUr8CaQ", "entity": "dispute",
            "payment_id": "pay_DESp9bgForNoUd", "amount": 3900, "currency": "INR", "amount_deducted": deducted,
            "reason_code": "SECRET", "respond_by": 1_590_604_200, "status": status, "phase": "chargeback",
            "created_at": 1_589_907_957}});
        event
    }

    #[test]
    fn what_a_dispute_takes_is_told_when_it_ends() {
        for (status, deducted, progress, much) in [
            ("lost", 3900, RefundProgress::Processed, 3900),
            ("lost", 2000, RefundProgress::Processed, 2000),
            ("won", 0, RefundProgress::Failed, 3900),
            ("won", 3900, RefundProgress::Failed, 3900),
            ("closed", 0, RefundProgress::Pending, 3900),
            ("closed", 3900, RefundProgress::Processed, 3900),
        ] {
            let told = payment(&disputed(status, deducted));
            assert!(!serde_json::to_string(&told).unwrap().contains("SECRET"));
            assert_eq!((told.facts.received(), told.facts.refunds.len()), (10000, 0));
            let dispute = &told.facts.disputes["disp_EsIAlDcoUr8CaQ"];
            assert_eq!((dispute.progress, dispute.amount), (progress, amount(much)), "{status}");
            assert_eq!(
                dispute.processed_at.is_some(),
                progress == RefundProgress::Processed,
                "{status}"
            );
        }
        for status in ["created", "under_review", "action_required"] {
            assert_eq!(told(&disputed(status, 0)), Content::Other, "{status}");
        }
        assert_eq!(told(&disputed("lost", 0)), Content::Incomplete);
        for (path, value) in [
            ("id", Value::Null),
            ("payment_id", json!("pay_another")),
            ("currency", json!("EUR")),
            ("amount_deducted", json!(-1)),
            ("amount_deducted", Value::Null),
            ("status", json!("open")),
        ] {
            let mut event = disputed("lost", 3900);
            event["payload"]["dispute"]["entity"][path] = value;
            assert_eq!(told(&event), Content::Incomplete, "{path}");
        }
        let mut without = disputed("lost", 3900);
        without["payload"]["dispute"] = Value::Null;
        assert_eq!(told(&without), Content::Incomplete);
    }

    /// What was held and never captured is held no more, and was not taken by having been given back.
    #[test]
    fn an_auto_refund_ends_what_was_held() {
        let mut event = refunded();
        event["payload"]["payment"]["entity"]["captured"] = false.into();
        let given_back = payment(&event).facts;
        let mut event = captured();
        event["payload"]["payment"]["entity"]["status"] = "authorized".into();
        let held = payment(&event).facts;
        for order in [[&held, &given_back], [&given_back, &held]] {
            let mut payment = GatewayPayment::default();
            order.into_iter().for_each(|fact| payment.join(fact));
            assert_eq!(
                (payment.progress, payment.authorized),
                (Progress::Cancelled, Some(amount(10000)))
            );
            assert!(!payment.is_held() && !payment.is_over_refunded());
            assert_eq!((payment.received(), payment.refunded()), (0, 0));
        }
        assert_eq!(given_back.authorized, Some(amount(4000)));
    }

    #[test]
    fn what_lacks_something_is_told_apart() {
        let without = |event: fn() -> Value, path: &str, value: Value| {
            let mut event = event();
            *event.pointer_mut(path).unwrap() = value;
            told(&event)
        };
        let entity = "/payload/payment/entity";
        assert_eq!(
            without(captured, &format!("{entity}/order_id"), Value::Null),
            Content::NoOrder
        );
        for (path, value) in [
            ("id", Value::Null),
            ("id", json!("pay 1")),
            ("order_id", json!("order_a b")),
            ("order_id", json!(7)),
            ("amount", json!(-1)),
            ("amount", json!(1.5)),
            ("amount", Value::Null),
            ("currency", json!("inr")),
            ("currency", json!("XXX")),
            ("status", Value::Null),
        ] {
            let found = without(captured, &format!("{entity}/{path}"), value);
            assert_eq!(found, Content::Incomplete, "{path}");
        }
        for (path, value) in [
            ("id", Value::Null),
            ("payment_id", json!("pay_another")),
            ("currency", json!("EUR")),
            ("amount", Value::Null),
            ("status", json!("lost")),
        ] {
            let found = without(refunded, &format!("/payload/refund/entity/{path}"), value);
            assert_eq!(found, Content::Incomplete, "{path}");
        }
        assert_eq!(without(captured, "/payload", json!({})), Content::Incomplete);
        assert_eq!(
            without(captured, "/event", json!("payment.dispute.created")),
            Content::Other
        );
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"event": "x"}"#,
            r#"{"event": "x", "created_at": "now"}"#,
            "{\"event\"",
        ] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
