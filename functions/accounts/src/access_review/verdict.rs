//! What was decided about one account, and what may still be.

use account::{Account, AccountState};
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, Confidential, Role, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Problem;

use crate::administration::Change;

/// What becomes of an account, and of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ReviewOutcome")]
pub(crate) enum Outcome {
    /// It stays, with the roles that it has or fewer.
    Kept,
    /// It had lapsed, and is open again.
    Restored,
    /// It is closed for good.
    Removed,
    /// Nobody had decided when it was due, so it is closed until an administrator opens it again.
    Lapsed,
    /// Nobody had decided, and without it the clinic would have no active administrator: it stays.
    LastAdministrator,
    /// Nobody had decided, and it is the service identity that said so: the run that closes accounts cannot close its own.
    OwnIdentity,
    /// Nobody had decided, and it was closed already.
    ClosedBefore,
    /// Nobody had decided, and the clinic lets nothing lapse.
    Undecided,
    /// Of the review itself: it began.
    Begun,
    /// Of the review itself: every account was decided about or has lapsed.
    Closed,
}

/// A decision about an account, and each other thing that happens in a review: what evidence is made of. One type for all of them, as
/// for reviews.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// Counts the decisions about this account in this review, from 1. 0 is of the review itself.
    pub(crate) number: u32,
    pub(crate) outcome: Outcome,
    /// Which account, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<AccountId>,
    /// Which roles it is left, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roles: Option<Vec<Role>>,
    /// Why, for those who may read reviews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
    pub(crate) by: AccountId,
    #[serde(with = "nanosecond::required")]
    pub(crate) at: Timestamp,
    /// What the account was then: what the reviewer went by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) found_roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) found_active: Option<bool>,
    /// The last log-in. A session lasts half a day at most, so nobody has used the account later than that after it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nanosecond::optional")]
    pub(crate) last_log_in_at: Option<Timestamp>,
}

impl Decision {
    /// What this account decides of that one.
    pub(crate) fn about(account: &Account, outcome: Outcome, by: AccountId, now: Timestamp) -> Self {
        Self {
            account_id: Some(account.id),
            found_roles: account.roles.clone(),
            found_active: Some(account.state == AccountState::Active),
            last_log_in_at: account.last_log_in_at(),
            ..Self::of_review(outcome, by, now)
        }
    }

    /// What this account does to the review itself.
    pub(crate) fn of_review(outcome: Outcome, by: AccountId, now: Timestamp) -> Self {
        Self {
            number: 0,
            outcome,
            account_id: None,
            roles: None,
            reason: None,
            by,
            at: now,
            found_roles: Vec::new(),
            found_active: None,
            last_log_in_at: None,
        }
    }

    /// Whether the other one says the same, whoever said it.
    fn says_the_same(&self, other: &Self) -> bool {
        let keeps = |decision: &Self| matches!(decision.outcome, Outcome::Kept | Outcome::Restored);
        (self.outcome == other.outcome || keeps(self) && keeps(other))
            && self.roles == other.roles
            && self.reason == other.reason
    }

    /// Whether nobody has taken it: the review was due.
    pub(crate) fn is_by_lapse(&self) -> bool {
        match self.outcome {
            Outcome::Kept | Outcome::Restored | Outcome::Removed | Outcome::Begun | Outcome::Closed => false,
            Outcome::Lapsed
            | Outcome::LastAdministrator
            | Outcome::OwnIdentity
            | Outcome::ClosedBefore
            | Outcome::Undecided => true,
        }
    }

    /// What is to be done to the account, in this order: a restored one has fewer roles before it is open.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let narrowed = self.roles.clone().map(Change::NarrowRoles);
        let said = self.reason.as_ref().map(|reason| reason.expose().as_str());
        let reason = |otherwise: &str| Confidential::new(said.unwrap_or(otherwise).to_owned());
        match self.outcome {
            Outcome::Kept => narrowed.into_iter().collect(),
            Outcome::Restored => narrowed.into_iter().chain([Change::Enable]).collect(),
            Outcome::Removed => vec![Change::Deactivate {
                reason: reason("An access review found that it is not needed any more."),
            }],
            Outcome::Lapsed => vec![Change::Disable {
                reason: reason("Nobody decided about it in an access review."),
            }],
            Outcome::LastAdministrator
            | Outcome::OwnIdentity
            | Outcome::ClosedBefore
            | Outcome::Undecided
            | Outcome::Begun
            | Outcome::Closed => Vec::new(),
        }
    }
}

/// What becomes of an account that nobody has decided about, by the run of this service identity.
pub(crate) fn lapse(account: &Account, undecided_stay: bool, by: AccountId, now: Timestamp) -> Decision {
    let outcome = if account.state != AccountState::Active {
        Outcome::ClosedBefore
    } else if undecided_stay {
        Outcome::Undecided
    } else if account.id == by {
        Outcome::OwnIdentity
    } else {
        Outcome::Lapsed
    };
    Decision::about(account, outcome, by, now)
}

/// The decisions about an account in one review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    /// How many decisions were claimed, those that were taken back too: no two have one number.
    claimed: u32,
    /// The one that holds: carried out and entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<Decision>,
    /// The one that is being carried out, or was when a request broke off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<Decision>,
}

/// What comes of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// There is nothing to do.
    Stands,
    /// It is this one's turn: the one that was wanted.
    Taken(Decision),
    /// It is this one's turn, which was claimed before.
    Resumed(Decision),
    /// Something holds that whoever decided had not seen: it has to be decided on what is so now.
    Overtaken,
}

pub(crate) fn review_closed() -> Problem {
    Problem::conflict(
        "review-closed",
        "The review is closed. Only accounts that lapsed in it are still decided about in it; for all others see the next review, or administer the account.",
    )
}

impl Verdict {
    /// Whether somebody has decided, or time has.
    pub(crate) fn stands(&self) -> bool {
        self.standing.is_some() && self.pending.is_none()
    }

    /// Whether the account has lapsed and nothing was decided since.
    pub(crate) fn is_lapsed(&self) -> bool {
        self.standing
            .as_ref()
            .is_some_and(|standing| standing.outcome == Outcome::Lapsed)
    }

    /// Which decision holds: 0 where none does.
    pub(crate) fn standing_number(&self) -> u32 {
        self.standing.as_ref().map_or(0, |standing| standing.number)
    }

    /// Whether this is what holds already.
    pub(crate) fn already_says(&self, wanted: &Decision) -> bool {
        let is_said = |standing: &Decision| wanted.is_by_lapse() || standing.says_the_same(wanted);
        self.pending.is_none() && self.standing.as_ref().is_some_and(is_said)
    }

    /// Claims the account for a decision. What was claimed before is carried out first, whosever it is. A lapse never goes over what
    /// somebody has decided; nor does a decision go over one that came after `seen`, the number of the one that it was taken on: to
    /// keep an account that has lapsed meanwhile would leave it closed and say that it was kept.
    ///
    /// # Errors
    /// 409 where the review is closed, but for accounts that lapsed in it.
    pub(crate) fn claim(&mut self, wanted: &Decision, seen: u32, is_closed: bool) -> Result<Claim, Problem> {
        if let Some(pending) = &self.pending {
            return Ok(Claim::Resumed(pending.clone()));
        }
        if self.already_says(wanted) {
            return Ok(Claim::Stands);
        }
        if self.standing_number() != seen {
            return Ok(Claim::Overtaken);
        }
        if is_closed && !self.is_lapsed() {
            return Err(review_closed());
        }
        self.claimed = self.claimed.saturating_add(1);
        let claimed = Decision {
            number: self.claimed,
            ..wanted.clone()
        };
        self.pending = Some(claimed.clone());
        Ok(Claim::Taken(claimed))
    }

    /// The claim of this number came to this, if it is still there.
    pub(crate) fn settle(&mut self, number: u32, came_to: Option<&Decision>) {
        if self.pending.as_ref().is_some_and(|pending| pending.number == number) {
            self.pending = None;
            if let Some(decision) = came_to {
                self.standing = Some(decision.clone());
            }
        }
    }

    /// The claim of this number comes to another outcome: what it wanted is refused.
    pub(crate) fn redirect(&mut self, number: u32, outcome: Outcome) {
        if let Some(pending) = self.pending.as_mut().filter(|pending| pending.number == number) {
            pending.outcome = outcome;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ClinicId;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-12-01T08:00:00Z".parse().unwrap()
    }

    fn somebody(number: u8) -> AccountId {
        AccountId::from_bytes([number; 16])
    }

    fn account() -> Account {
        Account {
            roles: vec![Role::Clinician],
            ..Account::nobody(ClinicId::from_bytes([9; 16]), somebody(1), now())
        }
    }

    fn decision(outcome: Outcome, reason: Option<&str>) -> Decision {
        Decision {
            outcome,
            reason: reason.map(|reason| Confidential::new(reason.to_owned())),
            ..lapse(&account(), true, somebody(2), now())
        }
    }

    /// Decides, carries out and settles.
    fn decide(verdict: &mut Verdict, wanted: &Decision, is_closed: bool) -> Result<bool, &'static str> {
        let seen = verdict.standing_number();
        match verdict.claim(wanted, seen, is_closed).map_err(|problem| problem.kind)? {
            Claim::Stands => Ok(false),
            Claim::Overtaken => panic!("nothing came in between"),
            Claim::Taken(claimed) | Claim::Resumed(claimed) => {
                verdict.settle(claimed.number, Some(&claimed));
                Ok(true)
            }
        }
    }

    #[test]
    fn the_same_again_is_nothing_and_another_is_another() {
        let mut verdict = Verdict::default();
        let keep = decision(Outcome::Kept, None);
        assert_eq!(decide(&mut verdict, &keep, false), Ok(true));
        let by_another = Decision {
            by: somebody(3),
            ..keep.clone()
        };
        assert_eq!(decide(&mut verdict, &by_another, false), Ok(false));
        assert_eq!(verdict.standing.as_ref().unwrap().by, somebody(2));
        for other in [
            decision(Outcome::Kept, Some("on leave until May")),
            Decision {
                roles: Some(vec![Role::Clinician]),
                ..keep.clone()
            },
            decision(Outcome::Removed, None),
        ] {
            assert_eq!(decide(&mut verdict, &other, false), Ok(true));
            assert_eq!(
                decide(&mut verdict, &other, true),
                Ok(false),
                "the same is the same when it is closed, too"
            );
        }
        assert_eq!(verdict.standing.as_ref().unwrap().number, 4);
        assert_eq!(decide(&mut verdict, &keep, true), Err("review-closed"));
    }

    #[test]
    fn a_lapse_never_goes_over_a_decision_and_only_a_lapse_is_decided_about_later() {
        let mut verdict = Verdict::default();
        decide(&mut verdict, &decision(Outcome::Kept, None), false).unwrap();
        assert_eq!(decide(&mut verdict, &decision(Outcome::Lapsed, None), false), Ok(false));
        let mut verdict = Verdict::default();
        decide(&mut verdict, &decision(Outcome::Lapsed, None), false).unwrap();
        assert!(verdict.is_lapsed());
        assert_eq!(decide(&mut verdict, &decision(Outcome::Lapsed, None), true), Ok(false));
        assert_eq!(decide(&mut verdict, &decision(Outcome::Restored, None), true), Ok(true));
        assert_eq!(
            decide(&mut verdict, &decision(Outcome::Kept, None), true),
            Ok(false),
            "it is open again"
        );
        assert_eq!(
            decide(&mut verdict, &decision(Outcome::Removed, None), true),
            Err("review-closed")
        );
    }

    #[test]
    fn a_decision_that_was_overtaken_is_taken_anew() {
        let (keep, lapse) = (decision(Outcome::Kept, None), decision(Outcome::Lapsed, None));
        let mut verdict = Verdict::default();
        let seen = verdict.standing_number();
        decide(&mut verdict, &lapse, false).unwrap();
        let lapsed = verdict.clone();
        for is_closed in [false, true] {
            assert_eq!(verdict.claim(&keep, seen, is_closed).unwrap(), Claim::Overtaken);
            assert_eq!(verdict.claim(&lapse, seen, is_closed).unwrap(), Claim::Stands);
        }
        assert_eq!(verdict, lapsed, "nothing is claimed");
        // Whom an administrator has enabled since is kept, and not restored.
        assert_eq!(decide(&mut verdict, &keep, true), Ok(true));
    }

    #[test]
    fn what_was_claimed_goes_first_and_what_is_refused_leaves_nothing() {
        let mut verdict = Verdict::default();
        let remove = decision(Outcome::Removed, None);
        let Ok(Claim::Taken(claimed)) = verdict.claim(&remove, 0, false) else {
            panic!("the first")
        };
        assert!(!verdict.stands());
        let keep = decision(Outcome::Kept, None);
        assert_eq!(verdict.claim(&keep, 0, false).unwrap(), Claim::Resumed(claimed.clone()));
        assert_eq!(
            verdict.claim(&remove, 0, true).unwrap(),
            Claim::Resumed(claimed.clone())
        );
        verdict.settle(claimed.number + 1, Some(&keep));
        assert_eq!(
            verdict.pending,
            Some(claimed.clone()),
            "another one's end is not this one's"
        );
        verdict.settle(claimed.number, None);
        assert_eq!((&verdict.pending, &verdict.standing), (&None, &None));
        let Ok(Claim::Taken(next)) = verdict.claim(&keep, 0, false) else {
            panic!("free again")
        };
        assert_eq!(next.number, 2, "numbers are not used again: evidence is named by them");
        verdict.redirect(1, Outcome::LastAdministrator);
        assert_eq!(verdict.pending, Some(next));
    }

    #[test]
    fn who_lapses() {
        let closed = |state| Account { state, ..account() };
        let (by, reason) = (somebody(4), Confidential::default());
        for (account, policy, runs, outcome) in [
            (account(), false, by, Outcome::Lapsed),
            (account(), true, by, Outcome::Undecided),
            (account(), false, somebody(1), Outcome::OwnIdentity),
            (
                closed(AccountState::Disabled {
                    at: now(),
                    by,
                    reason: reason.clone(),
                }),
                false,
                by,
                Outcome::ClosedBefore,
            ),
            (
                closed(AccountState::Deactivated { at: now(), by, reason }),
                true,
                by,
                Outcome::ClosedBefore,
            ),
        ] {
            let decision = lapse(&account, policy, runs, now());
            assert_eq!(decision.outcome, outcome);
            assert!(decision.is_by_lapse());
            assert_eq!(decision.changes().is_empty(), outcome != Outcome::Lapsed);
        }
    }

    fn wanted() -> impl Strategy<Value = Decision> {
        let outcomes = [
            Outcome::Kept,
            Outcome::Restored,
            Outcome::Removed,
            Outcome::Lapsed,
            Outcome::ClosedBefore,
        ];
        (
            proptest::sample::select(outcomes.to_vec()),
            proptest::option::of(proptest::sample::select(vec!["a", "b"])),
        )
            .prop_map(|(outcome, reason)| decision(outcome, reason))
    }

    proptest! {
        /// Requests that claim, die, come back and settle in any order: a number is one decision for ever, and what somebody
        /// decided is never undone by time.
        #[test]
        fn a_number_is_one_decision(steps in prop::collection::vec((wanted(), any::<bool>(), any::<bool>(), 0..3_u8), 1..40)) {
            let mut verdict = Verdict::default();
            let mut given: Vec<Decision> = Vec::new();
            for (wanted, is_behind, is_closed, end) in steps {
                let before = verdict.clone();
                let seen = verdict.standing_number().saturating_sub(u32::from(is_behind));
                match verdict.claim(&wanted, seen, is_closed) {
                    Ok(Claim::Stands | Claim::Overtaken) | Err(_) => prop_assert_eq!(&verdict, &before),
                    Ok(Claim::Taken(claimed)) => {
                        prop_assert!(given.iter().all(|other| other.number < claimed.number));
                        prop_assert!(!claimed.is_by_lapse() || before.standing.is_none());
                        given.push(claimed);
                    }
                    Ok(Claim::Resumed(claimed)) => prop_assert_eq!(Some(&claimed), given.last()),
                }
                if let Some(pending) = verdict.pending.clone() {
                    match end {
                        0 => verdict.settle(pending.number, Some(&pending)),
                        1 => verdict.settle(pending.number, None),
                        _ => {}
                    }
                }
                let standing = verdict.standing.as_ref();
                prop_assert!(standing.is_none_or(|standing| given.contains(standing)));
            }
        }
    }
}
