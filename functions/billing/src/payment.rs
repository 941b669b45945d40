//! What gateways tell of a payment, as a state that events only ever add to.
//!
//! Gateways deliver events late, twice and in any order. So what is known of a payment is a *join-semilattice* (as in state-based
//! replicated data types: Shapiro, Preguiça, Baquero and Zawirski, INRIA RR-7687, 2011): every event is a small state of its own, and what
//! is known is the join of all of them. A join is commutative, associative and idempotent; so the order of events does not matter, a
//! repeated event changes nothing, and one that comes late undoes nothing.

use std::collections::BTreeMap;

use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Amount, sum};

/// How many refunds a payment has at most, and how many disputes. Gateways have lower limits of their own.
const REFUNDS: usize = 100;

/// How far a payment is, in the order in which the later one counts: money that was taken was taken, whatever was told before or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "GatewayPaymentProgress")]
pub(crate) enum Progress {
    /// It is there, and nothing has come of it.
    #[default]
    Created,
    /// An attempt failed. Another one of the same payment may not.
    Failed,
    /// The money is held, and not taken.
    Authorized,
    /// What was held is given back without having been taken.
    Cancelled,
    /// The money is taken.
    Captured,
}

/// How far a refund is, in the order in which the later one counts: banks return what had succeeded, and then it has failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "GatewayRefundProgress")]
pub(crate) enum RefundProgress {
    #[default]
    Pending,
    Processed,
    Failed,
}

/// A refund that a gateway has made. Or a dispute: what it withdraws is processed, and what the clinic wins back has failed to go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayRefund {
    pub(crate) progress: RefundProgress,
    pub(crate) amount: Amount,
    /// When it was first told that it is processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) processed_at: Option<Timestamp>,
}

/// A sum of refunds that a gateway told without saying which they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GatewayRefundTotal")]
pub(crate) struct RefundTotal {
    pub(crate) amount: Amount,
    pub(crate) at: Timestamp,
}

/// All that is known of a payment, or what one event tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GatewayPaymentFacts")]
pub(crate) struct GatewayPayment {
    pub(crate) progress: Progress,
    /// The most that was ever held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorized: Option<Amount>,
    /// The most that was told to be taken: what is taken in parts only grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) captured: Option<Amount>,
    /// When it was first told that money is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) captured_at: Option<Timestamp>,
    /// The most that was held, where the gateway counts what it let go of it as refunded.
    // See [`GatewayPayment::released`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) released_from: Option<Amount>,
    /// By the gateway's own ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) refunds: BTreeMap<String, GatewayRefund>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refund_total: Option<RefundTotal>,
    /// By the gateway's own ids. Apart from the refunds: no sum of these counts them, and none of them is what was let go.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) disputes: BTreeMap<String, GatewayRefund>,
}

/// The earlier of two times that may not be known.
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

impl GatewayRefund {
    fn join(&mut self, other: &Self) {
        self.progress = self.progress.max(other.progress);
        self.amount = self.amount.max(other.amount);
        self.processed_at = earlier(self.processed_at, other.processed_at);
    }

    /// When how much was given back, where it was.
    fn processed(&self) -> Option<(Timestamp, i64)> {
        let at = self
            .processed_at
            .filter(|_| self.progress == RefundProgress::Processed)?;
        Some((at, self.amount.minor_units()))
    }
}

fn join_all(known: &mut BTreeMap<String, GatewayRefund>, told: &BTreeMap<String, GatewayRefund>) {
    for (id, refund) in told {
        known.entry(id.clone()).or_default().join(refund);
    }
}

impl GatewayPayment {
    /// Adds what another state knows. The least upper bound of both: field by field a maximum, of times the minimum.
    pub(crate) fn join(&mut self, other: &Self) {
        self.progress = self.progress.max(other.progress);
        self.authorized = self.authorized.max(other.authorized);
        self.captured = self.captured.max(other.captured);
        self.captured_at = earlier(self.captured_at, other.captured_at);
        self.released_from = self.released_from.max(other.released_from);
        join_all(&mut self.refunds, &other.refunds);
        join_all(&mut self.disputes, &other.disputes);
        let totals = self.refund_total.take().into_iter().chain(other.refund_total.clone());
        self.refund_total = totals.max_by_key(|total| (total.amount, std::cmp::Reverse(total.at)));
    }

    /// Whether there is room for what another state knows.
    pub(crate) fn has_room_for(&self, other: &Self) -> bool {
        let lists = [(&self.refunds, &other.refunds), (&self.disputes, &other.disputes)];
        lists.into_iter().all(|(known, told)| {
            let new = told.keys().filter(|id| !known.contains_key(*id));
            known.len().saturating_add(new.count()) <= REFUNDS
        })
    }

    /// Whether it is about money that was held or moved, and not only about an attempt.
    pub(crate) fn moves_money(&self) -> bool {
        self.progress >= Progress::Authorized
            || !self.refunds.is_empty()
            || self.refund_total.is_some()
            || !self.disputes.is_empty()
    }

    /// Whether money is held that may still be taken.
    pub(crate) fn is_held(&self) -> bool {
        self.progress == Progress::Authorized
    }

    /// Whether somebody's money is there: held, or taken and not given back.
    pub(crate) fn is_money(&self) -> bool {
        self.is_held() || self.received() > self.refunded()
    }

    /// How much of somebody's money is there, in minor units.
    pub(crate) fn there(&self) -> i64 {
        if self.is_held() {
            self.authorized.unwrap_or_default().minor_units()
        } else {
            self.received().saturating_sub(self.refunded())
        }
    }

    /// What was taken, in minor units.
    pub(crate) fn received(&self) -> i64 {
        self.captured.unwrap_or_default().minor_units()
    }

    /// What was let go of what was held, where that stands among the refunds: it was never taken, so it was not given back either. It
    /// follows from the most that was taken, because what is taken in parts leaves less from event to event.
    fn released(&self) -> i64 {
        let held = self.released_from.unwrap_or_default().minor_units();
        held.saturating_sub(self.received()).max(0)
    }

    /// Of what was told as a sum, the part that no known refund explains. A sum counts refunds that are pending and those that failed
    /// since; where every refund is known, nothing is left of it.
    fn unexplained(&self) -> i64 {
        let known = sum(self.refunds.values().map(|refund| refund.amount));
        let told = self.refund_total.as_ref().map_or(0, |total| total.amount.minor_units());
        told.saturating_sub(known).max(0)
    }

    /// What gateways say that they gave back of what was taken, and when, in the order of time.
    ///
    /// What was let go is one refund of just that amount, or part of a sum. Refunds of other amounts are real, whether it was told yet or
    /// not: nothing is taken off them.
    fn told_refunds(&self) -> Vec<(Timestamp, i64)> {
        let processed = self.refunds.values().filter_map(GatewayRefund::processed);
        let mut refunds: Vec<(Timestamp, i64)> = processed.collect();
        refunds.sort_unstable();
        let mut released = self.released();
        refunds.retain(|(_, amount)| {
            let is_release = *amount == released;
            if is_release {
                released = 0;
            }
            !is_release
        });
        if let Some(total) = &self.refund_total {
            let amount = self.unexplained().saturating_sub(released).max(0);
            refunds.push((total.at, amount));
        }
        refunds.extend(self.disputes.values().filter_map(GatewayRefund::processed));
        refunds.sort_unstable();
        refunds
    }

    fn told_refunded(&self) -> i64 {
        self.told_refunds().iter().map(|(_, amount)| amount).sum()
    }

    /// What was given back, in minor units: never more than was taken, whatever is told.
    pub(crate) fn refunded(&self) -> i64 {
        self.told_refunded().min(self.received())
    }

    /// Whether more is told to be given back than was taken. While nothing is told to be taken, that is only early.
    pub(crate) fn is_over_refunded(&self) -> bool {
        self.progress == Progress::Captured && self.told_refunded() > self.received()
    }

    /// When how much was given back, in the order of time, all together [`GatewayPayment::refunded`].
    pub(crate) fn refunds_in_order(&self) -> Vec<(Timestamp, i64)> {
        let mut refunds = self.told_refunds();
        let mut left = self.received();
        for (_, amount) in &mut refunds {
            *amount = (*amount).min(left);
            left = left.saturating_sub(*amount);
        }
        refunds.retain(|(_, amount)| *amount > 0);
        refunds
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn amount(minor_units: i64) -> Amount {
        Amount::try_from(minor_units).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// A state of one event, as gateways tell them: what is taken has an amount and a time, what is processed a time.
    pub(crate) fn any_fact() -> impl Strategy<Value = GatewayPayment> {
        let amounts = 1..=1000_i64;
        let progress = prop_oneof![
            Just(GatewayPayment::default()),
            Just(GatewayPayment {
                progress: Progress::Failed,
                ..GatewayPayment::default()
            }),
            Just(GatewayPayment {
                progress: Progress::Cancelled,
                ..GatewayPayment::default()
            }),
            amounts.clone().prop_map(|held| GatewayPayment {
                progress: Progress::Authorized,
                authorized: Some(amount(held)),
                ..GatewayPayment::default()
            }),
            (
                amounts.clone(),
                0..100_i64,
                proptest::option::weighted(0.3, amounts.clone()),
            )
                .prop_map(|(taken, second, released)| GatewayPayment {
                    progress: Progress::Captured,
                    captured: Some(amount(taken)),
                    captured_at: Some(at(second)),
                    released_from: released.map(|released| amount(taken + released)),
                    ..GatewayPayment::default()
                }),
        ];
        let given_back = (0..5_u8, 0..3_u8, amounts.clone(), 0..100_i64).prop_map(|(id, progress, much, second)| {
            let progress = match progress {
                0 => RefundProgress::Pending,
                1 => RefundProgress::Processed,
                _ => RefundProgress::Failed,
            };
            let refund = GatewayRefund {
                progress,
                amount: amount(much),
                processed_at: (progress == RefundProgress::Processed).then(|| at(second)),
            };
            (format!("rfnd_{id}"), refund)
        });
        let total = (amounts.clone(), 0..100_i64).prop_map(|(much, second)| RefundTotal {
            amount: amount(much),
            at: at(second),
        });
        (
            progress,
            proptest::option::weighted(0.5, given_back.clone()),
            proptest::option::weighted(0.2, total),
            proptest::option::weighted(0.2, given_back),
        )
            .prop_map(|(fact, refund, refund_total, dispute)| GatewayPayment {
                refunds: refund.into_iter().collect(),
                refund_total,
                disputes: dispute.into_iter().collect(),
                ..fact
            })
    }

    fn joined<'f>(facts: impl IntoIterator<Item = &'f GatewayPayment>) -> GatewayPayment {
        let mut payment = GatewayPayment::default();
        facts.into_iter().for_each(|fact| payment.join(fact));
        payment
    }

    fn captured(much: i64) -> GatewayPayment {
        GatewayPayment {
            progress: Progress::Captured,
            captured: Some(amount(much)),
            captured_at: Some(at(10)),
            ..GatewayPayment::default()
        }
    }

    /// Taken of more that was held, the rest of which the gateway counts as refunded.
    fn captured_of(much: i64, held: i64) -> GatewayPayment {
        GatewayPayment {
            released_from: Some(amount(held)),
            ..captured(much)
        }
    }

    fn refund(id: &str, progress: RefundProgress, much: i64) -> GatewayPayment {
        GatewayPayment {
            refunds: BTreeMap::from([(
                id.to_owned(),
                GatewayRefund {
                    progress,
                    amount: amount(much),
                    processed_at: (progress == RefundProgress::Processed).then(|| at(20)),
                },
            )]),
            ..GatewayPayment::default()
        }
    }

    fn dispute(id: &str, progress: RefundProgress, much: i64) -> GatewayPayment {
        let GatewayPayment { refunds, .. } = refund(id, progress, much);
        GatewayPayment {
            disputes: refunds,
            ..GatewayPayment::default()
        }
    }

    fn total(much: i64) -> GatewayPayment {
        GatewayPayment {
            refund_total: Some(RefundTotal {
                amount: amount(much),
                at: at(30),
            }),
            ..GatewayPayment::default()
        }
    }

    fn only(progress: Progress) -> GatewayPayment {
        GatewayPayment {
            progress,
            ..GatewayPayment::default()
        }
    }

    /// Every pair, in both orders: the later state of the enumeration stays.
    #[test]
    fn nothing_that_comes_late_undoes_anything() {
        let all = [
            Progress::Created,
            Progress::Failed,
            Progress::Authorized,
            Progress::Cancelled,
            Progress::Captured,
        ];
        for (place, one) in all.into_iter().enumerate() {
            for other in &all[place..] {
                for pair in [[one, *other], [*other, one]] {
                    assert_eq!(joined(&pair.map(only)).progress, *other, "{pair:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_received_and_given_back() {
        use RefundProgress::{Failed, Pending, Processed};
        for (facts, received, refunded, over) in [
            (vec![], 0, 0, false),
            (vec![captured(100)], 100, 0, false),
            (vec![captured(100), captured(60)], 100, 0, false),
            (vec![captured(100), refund("a", Pending, 30)], 100, 0, false),
            (vec![captured(100), refund("a", Processed, 30)], 100, 30, false),
            (
                vec![captured(100), refund("a", Processed, 30), refund("a", Pending, 30)],
                100,
                30,
                false,
            ),
            // A bank returned what had succeeded.
            (
                vec![captured(100), refund("a", Failed, 30), refund("a", Processed, 30)],
                100,
                0,
                false,
            ),
            (
                vec![captured(100), refund("a", Processed, 30), refund("b", Processed, 70)],
                100,
                100,
                false,
            ),
            // More than was taken is never given back.
            (
                vec![captured(100), refund("a", Processed, 60), refund("b", Processed, 60)],
                100,
                100,
                true,
            ),
            // Refunds that come before the payment wait for it.
            (vec![refund("a", Processed, 60)], 0, 0, false),
            // A sum alone counts.
            (vec![captured(100), total(40)], 100, 40, false),
            // A sum of refunds that are known adds nothing, whatever became of them.
            (
                vec![captured(100), refund("a", Processed, 40), total(40)],
                100,
                40,
                false,
            ),
            (vec![captured(100), refund("a", Failed, 40), total(40)], 100, 0, false),
            (vec![captured(100), refund("a", Pending, 40), total(40)], 100, 0, false),
            (
                vec![captured(100), refund("a", Processed, 40), total(70)],
                100,
                70,
                false,
            ),
            (vec![captured(100), total(110)], 100, 100, true),
            // What was let go was never taken: told as a sum, as a refund, or as both.
            (vec![captured_of(60, 100)], 60, 0, false),
            (vec![captured_of(60, 100), total(40)], 60, 0, false),
            (vec![captured_of(60, 100), refund("a", Processed, 40)], 60, 0, false),
            (
                vec![captured_of(60, 100), refund("a", Processed, 40), total(40)],
                60,
                0,
                false,
            ),
            // A refund beside it is one, in whichever of these ways both are told.
            (vec![captured_of(60, 100), total(50)], 60, 10, false),
            (
                vec![captured_of(60, 100), refund("a", Processed, 40), total(50)],
                60,
                10,
                false,
            ),
            (
                vec![captured_of(60, 100), refund("b", Processed, 10), total(50)],
                60,
                10,
                false,
            ),
            (
                vec![
                    captured_of(60, 100),
                    refund("a", Processed, 40),
                    refund("b", Processed, 10),
                ],
                60,
                10,
                false,
            ),
            // Also where nothing tells of what was let go.
            (vec![captured_of(60, 100), refund("b", Processed, 10)], 60, 10, false),
            // A real one of the same amount counts beside it, also while it is on its way.
            (
                vec![
                    captured_of(60, 100),
                    refund("a", Processed, 40),
                    refund("b", Processed, 40),
                    total(80),
                ],
                60,
                40,
                false,
            ),
            (
                vec![
                    captured_of(60, 100),
                    refund("a", Processed, 40),
                    refund("b", Pending, 40),
                    total(80),
                ],
                60,
                0,
                false,
            ),
            // All of it, and more than that.
            (vec![captured_of(60, 100), total(100)], 60, 60, false),
            (vec![captured_of(60, 100), total(101)], 60, 60, true),
            // Taken in parts: in the end less was let go than the first event says.
            (
                vec![captured_of(30, 100), captured_of(90, 100), total(15)],
                90,
                5,
                false,
            ),
            (vec![captured_of(30, 100), captured(100), total(15)], 100, 15, false),
            // What a dispute takes is given back, until it is won.
            (vec![captured(100), dispute("d", Processed, 100)], 100, 100, false),
            (
                vec![
                    captured(100),
                    dispute("d", Failed, 100),
                    dispute("d", Processed, 100),
                    dispute("d", Pending, 100),
                ],
                100,
                0,
                false,
            ),
            (vec![captured(100), dispute("d", Pending, 100)], 100, 0, false),
            // No sum of refunds counts it.
            (
                vec![captured(100), total(40), dispute("d", Processed, 60)],
                100,
                100,
                false,
            ),
            (
                vec![
                    captured(100),
                    refund("d", Processed, 40),
                    total(40),
                    dispute("d", Processed, 50),
                ],
                100,
                90,
                false,
            ),
            // Nor is it what was let go.
            (vec![captured_of(60, 100), dispute("d", Processed, 40)], 60, 40, false),
            (
                vec![captured(100), refund("a", Processed, 30), dispute("d", Processed, 100)],
                100,
                100,
                true,
            ),
        ] {
            let payment = joined(&facts);
            assert_eq!(
                (payment.received(), payment.refunded(), payment.is_over_refunded()),
                (received, refunded, over),
                "{payment:?}"
            );
            let listed: i64 = payment.refunds_in_order().iter().map(|(_, amount)| amount).sum();
            assert_eq!(listed, refunded);
        }
    }

    #[test]
    fn refunds_are_bounded() {
        let mut payment = captured(1000);
        for n in 0..REFUNDS {
            let refund = refund(&format!("rfnd_{n}"), RefundProgress::Pending, 1);
            assert!(payment.has_room_for(&refund));
            payment.join(&refund);
        }
        assert!(!payment.has_room_for(&refund("rfnd_more", RefundProgress::Pending, 1)));
        assert!(payment.has_room_for(&refund("rfnd_0", RefundProgress::Processed, 1)));
        for n in 0..REFUNDS {
            payment.join(&dispute(&format!("disp_{n}"), RefundProgress::Pending, 1));
        }
        assert!(!payment.has_room_for(&dispute("disp_more", RefundProgress::Pending, 1)));
        assert!(payment.has_room_for(&dispute("disp_0", RefundProgress::Failed, 1)));
    }

    proptest! {
        /// A thousand events, shuffled, doubled and delayed, end where the same events end in their order.
        #[test]
        fn a_thousand_events_in_any_order_end_in_the_same_state(
            facts in proptest::collection::vec(any_fact(), 1000),
            repeated in proptest::collection::vec(0..1000_usize, 0..300),
            order in Just((0..1300_usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let in_order = joined(&facts);
            let mut events: Vec<&GatewayPayment> = facts.iter().collect();
            events.extend(repeated.iter().map(|n| &facts[*n]));
            let shuffled = joined(order.iter().filter_map(|n| events.get(*n)).copied());
            prop_assert_eq!(&shuffled, &in_order);
            // Delayed in groups: what two hosts have joined apart comes to the same.
            let (one, other) = facts.split_at(repeated.len());
            let (mut one, other) = (joined(one), joined(other));
            one.join(&other);
            prop_assert_eq!(one, in_order);
        }

        #[test]
        fn money_is_never_less_than_nothing(facts in proptest::collection::vec(any_fact(), 0..40)) {
            let payment = joined(&facts);
            prop_assert!((0..=payment.received()).contains(&payment.refunded()));
            let listed: i64 = payment.refunds_in_order().iter().map(|(_, amount)| amount).sum();
            prop_assert_eq!(listed, payment.refunded());
        }
    }
}
