//! What payment gateways tell, and the little of it that is kept: ids, amounts, currency, state, times. Who paid, with which card and
//! from where stands in the bodies too, and is not even read.

pub(crate) mod razorpay;
pub(crate) mod stripe;

use model::{Gateway, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Problem;

use crate::money::Currency;
use crate::payment::GatewayPayment;

/// The longest id and the longest name of an event that are kept, in characters.
const LONGEST: usize = 100;

/// What an event tells of one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ToldPayment")]
pub(crate) struct Told {
    /// The order that the payment is for, by the gateway's own id: what an invoice is tied to.
    pub(crate) order: String,
    /// The session that led to the order, where it is told: tied to an invoice, it ties the order too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    /// The payment, by the gateway's own id.
    pub(crate) payment: String,
    pub(crate) currency: Currency,
    /// What is known of the payment by this event alone.
    pub(crate) facts: GatewayPayment,
}

/// What an event comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// It tells of a payment.
    Payment(Box<Told>),
    /// It tells of a payment that is for no order, so that no invoice can be tied to it.
    NoOrder,
    /// It is of a kind that tells of payments, and lacks something or has something that is none.
    Incomplete,
    /// It is of another kind.
    Other,
}

/// An event as it was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// What makes it the same event however often it is delivered. Covered by the signature.
    pub(crate) identity: Vec<u8>,
    /// What the gateway calls it.
    pub(crate) kind: String,
    /// When it happened.
    pub(crate) at: Timestamp,
    pub(crate) content: Content,
}

/// Reads a body whose signature was checked.
///
/// # Errors
/// 400 where it is no event of this gateway.
pub(crate) fn read(gateway: Gateway, body: &[u8]) -> Result<Delivered, Problem> {
    let delivered = match gateway {
        Gateway::Razorpay => razorpay::read(body),
        Gateway::Stripe => stripe::read(body),
    };
    delivered.ok_or_else(|| Problem::malformed("", "event", "must be an event of this payment gateway"))
}

/// Whether a text is the id of an order of a gateway, as an invoice can be tied to. Not a client secret of Stripe's, which begins alike
/// and lets whoever has it pay and see.
pub(crate) fn is_order(gateway: Gateway, text: &str) -> bool {
    let follows = |prefix: &str| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    text.len() <= LONGEST
        && match gateway {
            Gateway::Razorpay => follows("order_"),
            Gateway::Stripe => ["pi_", "cs_", "cs_test_", "cs_live_"].into_iter().any(follows),
        }
}

/// A text of the gateway's own making that is kept: an id, the name of an event.
fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// What an event is called here: names that could be anything are not kept.
fn kind(name: &str) -> String {
    if is_name(name) { name } else { "unrecognised" }.to_owned()
}

/// The gateway's own id of an event where it stands in a header: shown to people, and believed in nothing.
pub(crate) fn shown_id(header: Option<&str>) -> Option<String> {
    header.filter(|id| is_name(id)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_have_their_gateways_form() {
        for (gateway, text, good) in [
            (Gateway::Razorpay, "order_DESp9bgForNoUd", true),
            (Gateway::Razorpay, "order_", false),
            (Gateway::Razorpay, "pay_DESp9bgForNoUd", false),
            (Gateway::Razorpay, "pi_3OFiuyFUCobZzZgn2Q8X7hbz", false),
            (Gateway::Razorpay, "order_a/b", false),
            (Gateway::Stripe, "pi_3OFiuyFUCobZzZgn2Q8X7hbz", true),
            (Gateway::Stripe, "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4W", true),
            (Gateway::Stripe, "cs_live_a11YYufWQzNY63zpQ6QSNRQhkUpVph4W", true),
            (Gateway::Stripe, "pi_3OFiuyFUCobZzZgn2Q8X7hbz_secret_abc", false),
            (Gateway::Stripe, "cs_test_", false),
            (Gateway::Stripe, "ch_3OFiuyFUCobZzZgn2N", false),
            (Gateway::Stripe, "order_DESp9bgForNoUd", false),
            (Gateway::Stripe, "", false),
        ] {
            assert_eq!(is_order(gateway, text), good, "{gateway} {text}");
        }
        assert!(!is_order(Gateway::Stripe, &format!("pi_{}", "a".repeat(98))));
    }

    #[test]
    fn only_plain_names_are_kept() {
        assert_eq!(kind("payment.dispute.created"), "payment.dispute.created");
        for name in ["", "a b", "<script>", "é", &"a".repeat(101)] {
            assert_eq!(kind(name), "unrecognised");
            assert_eq!(shown_id(Some(name)), None);
        }
    }
}
