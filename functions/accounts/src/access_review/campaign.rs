//! Which review is open, what it asks about, and when things are due in it.

use account::factor::Holder;
use account::{Account, AccountState};
use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccessReviewId, AccountId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Check, Problem};

/// How long after one review has begun the next one does: 13 weeks.
const QUARTER: SignedDuration = days(91);

/// How many days there are to decide where nobody says how many.
const USUAL_DAYS: u8 = 14;

const MOST_DAYS: u8 = 60;

/// How long before it is due those who decide are reminded.
const REMINDED_BEFORE: SignedDuration = days(3);

const fn days(count: u8) -> SignedDuration {
    SignedDuration::from_hours(24 * count as i64)
}

/// What becomes of accounts about which nobody has decided when a review is due, as the clinic's settings say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lapse {
    /// They are closed until an administrator opens them again.
    Suspend,
    /// Nothing; the evidence says that nobody has decided.
    None,
}

impl Lapse {
    /// As it is stored.
    pub(crate) fn of(undecided_stay: bool) -> Self {
        if undecided_stay { Self::None } else { Self::Suspend }
    }
}

/// A review. One type for the review itself and for what the clinic has as the latest one: all that goes into a document is
/// compiled for each type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Campaign {
    pub(crate) id: AccessReviewId,
    #[serde(with = "nanosecond::required")]
    pub(crate) begun_at: Timestamp,
    /// Whoever asked for it, or the service identity whose run was the first that was due.
    pub(crate) begun_by: AccountId,
    #[serde(with = "nanosecond::required")]
    pub(crate) due_at: Timestamp,
    /// As the clinic had it when the review began: a change of the setting neither spares nor surprises anybody in one that is open.
    pub(crate) undecided_stay: bool,
    /// Whether its beginning is listed and in the evidence.
    pub(crate) is_entered: bool,
    /// Whether those who decide were told of it.
    pub(crate) is_announced: bool,
    /// Whether they were told that it is soon due.
    pub(crate) is_reminded: bool,
    /// Where the next run goes on in the staff log, if one ran out of time on its way through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen_down_to: Option<u64>,
    /// Whether an account that was seen on that way waits still.
    pub(crate) has_waiting: bool,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nanosecond::optional")]
    pub(crate) closed_at: Option<Timestamp>,
}

pub(crate) fn review_open() -> Problem {
    Problem::conflict(
        "review-open",
        "An access review is open. The next one begins when it is closed: once everything is decided, or it was due, and the job has run.",
    )
}

fn length(due_in_days: Option<u8>) -> SignedDuration {
    days(due_in_days.unwrap_or(USUAL_DAYS))
}

/// 422 where a review cannot take so many days.
pub(crate) fn check_days(due_in_days: Option<u8>) -> Result<(), Problem> {
    let mut check = Check::new();
    check.that(
        due_in_days.is_none_or(|days| (1..=MOST_DAYS).contains(&days)),
        "/due_in_days",
        "range",
        "must be 1 to 60",
    );
    check.finish()
}

/// Whether the next review is due. The first one is a quarter after the clinic was opened: until then every account is one that an
/// administrator has just invited. A clinic that is older than that and had none is late, and has it at once.
pub(crate) fn is_next_due(latest: Option<&Campaign>, clinic_opened_at: Timestamp, now: Timestamp) -> bool {
    let last = latest.map_or(clinic_opened_at, |latest| latest.begun_at);
    latest.is_none_or(|latest| latest.closed_at.is_some()) && now.duration_since(last) >= QUARTER
}

impl Campaign {
    /// A review that begins now.
    pub(crate) fn new(
        id: AccessReviewId,
        by: AccountId,
        undecided_stay: bool,
        due_in_days: Option<u8>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            begun_at: now,
            begun_by: by,
            due_at: now.saturating_add(length(due_in_days)).unwrap_or(now),
            undecided_stay,
            is_entered: false,
            is_announced: false,
            is_reminded: false,
            seen_down_to: None,
            has_waiting: false,
            closed_at: None,
        }
    }

    /// Makes another review the latest one.
    ///
    /// # Errors
    /// 409 while this one is open.
    pub(crate) fn give_way_to(&mut self, next: &Self) -> Result<(), Problem> {
        if self.closed_at.is_none() && self.id != next.id {
            return Err(review_open());
        }
        self.clone_from(next);
        Ok(())
    }

    /// Whether it was begun for so many days: a repeated request says the same.
    pub(crate) fn takes(&self, due_in_days: Option<u8>) -> bool {
        self.due_at.duration_since(self.begun_at) == length(due_in_days)
    }

    /// Whether it asks about this account: one on the clinic's side that was there, and not closed for good, when it began.
    pub(crate) fn asks_about(&self, account: &Account) -> bool {
        let was_closed = match account.state {
            AccountState::Deactivated { at, .. } => at < self.begun_at,
            AccountState::Active | AccountState::Disabled { .. } => false,
        };
        account.holder() == Holder::Staff && account.created_at <= self.begun_at && !was_closed
    }

    /// Whether what is undecided lapses.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.due_at
    }

    /// Whether it is time to remind those who decide. One that was never longer than that is not announced twice.
    pub(crate) fn is_time_to_remind(&self, now: Timestamp) -> bool {
        let left = self.due_at.duration_since(now);
        let length = self.due_at.duration_since(self.begun_at);
        length > REMINDED_BEFORE && left <= REMINDED_BEFORE && !self.is_due(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ClinicId, Confidential, Role};

    fn now() -> Timestamp {
        "2026-12-01T08:00:00Z".parse().unwrap()
    }

    fn day(number: i64) -> Timestamp {
        now() + days(1) * i32::try_from(number).unwrap()
    }

    fn review(id: u8) -> Campaign {
        let by = AccountId::from_bytes([1; 16]);
        Campaign::new(AccessReviewId::from_bytes([id; 16]), by, false, None, now())
    }

    #[test]
    fn one_is_open_at_a_time() {
        let mut latest = review(1);
        latest.give_way_to(&review(1)).unwrap();
        assert_eq!(latest.give_way_to(&review(2)).unwrap_err().kind, "review-open");
        assert_eq!(latest, review(1));
        latest.closed_at = Some(now());
        latest.give_way_to(&review(2)).unwrap();
        assert_eq!(latest, review(2));
    }

    #[test]
    fn one_is_due_a_quarter_after_the_last_or_the_opening() {
        assert!(!is_next_due(None, now(), day(91) - SignedDuration::from_secs(1)));
        assert!(is_next_due(None, now(), day(91)));
        let mut latest = review(1);
        assert!(!is_next_due(Some(&latest), day(-1000), day(200)), "one is open");
        latest.closed_at = Some(day(20));
        assert!(!is_next_due(Some(&latest), day(-1000), day(90)));
        assert!(is_next_due(Some(&latest), day(-1000), day(91)));
    }

    #[test]
    fn it_takes_a_day_to_sixty() {
        assert_eq!(review(1).due_at, day(14));
        let (id, by) = (review(1).id, review(1).begun_by);
        assert_eq!(Campaign::new(id, by, true, Some(1), now()).due_at, day(1));
        for (days, is_taken) in [
            (None, true),
            (Some(0), false),
            (Some(1), true),
            (Some(60), true),
            (Some(61), false),
        ] {
            assert_eq!(check_days(days).is_ok(), is_taken, "{days:?}");
        }
    }

    #[test]
    fn it_asks_about_who_was_there() {
        let campaign = review(1);
        let by = AccountId::from_bytes([2; 16]);
        let deactivated = |at| AccountState::Deactivated {
            at,
            by,
            reason: Confidential::default(),
        };
        let disabled = AccountState::Disabled {
            at: day(-9),
            by,
            reason: Confidential::default(),
        };
        for (roles, created_at, state, is_asked) in [
            (vec![Role::Clinician], day(-1), AccountState::Active, true),
            (vec![Role::Job], now(), AccountState::Active, true),
            (vec![Role::Auditor], day(-1), disabled, true),
            (vec![Role::Client], day(-1), AccountState::Active, false),
            (vec![Role::Billing], day(1), AccountState::Active, false),
            (vec![Role::Billing], day(-9), deactivated(day(-1)), false),
            (vec![Role::Billing], day(-9), deactivated(day(1)), true),
        ] {
            let account = Account {
                roles,
                state,
                ..Account::nobody(ClinicId::from_bytes([3; 16]), by, created_at)
            };
            assert_eq!(campaign.asks_about(&account), is_asked, "{account:?}");
        }
    }

    #[test]
    fn a_reminder_comes_in_the_last_three_days() {
        let campaign = review(1);
        let second = SignedDuration::from_secs(1);
        for (at, is_reminded, is_due) in [
            (now(), false, false),
            (day(11) - second, false, false),
            (day(11), true, false),
            (day(14) - second, true, false),
            (day(14), false, true),
        ] {
            assert_eq!(
                (campaign.is_time_to_remind(at), campaign.is_due(at)),
                (is_reminded, is_due),
                "{at}"
            );
        }
        let short = Campaign {
            due_at: day(2),
            ..review(1)
        };
        assert!(!short.is_time_to_remind(day(1)));
    }
}
