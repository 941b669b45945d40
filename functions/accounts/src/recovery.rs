//! Recovery of an account whose owner has lost all that she logs in with: by two administrators, one who asks and another who
//! approves, neither of them its owner (NIST SP 800-63B-4, section 4.2; dual control, SP 800-57 part 2).
//!
//! What is approved takes away the account's factors *and* its password: from then on nothing lets anybody in but the link that is mailed to
//! its owner, with which she chooses a password. Staff then set up a factor before they come to anything else.

use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, Confidential, RecoveryId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Problem;

use crate::upon_account::own_account_refused;

/// How long a request waits for its approval.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    #[serde(with = "nanosecond::required")]
    pub(crate) at: Timestamp,
    pub(crate) by: AccountId,
    /// The number of the account's password once it is taken away.
    pub(crate) number: u64,
}

/// What ended a request before it was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdrawal {
    #[serde(with = "nanosecond::required")]
    at: Timestamp,
    by: AccountId,
}

/// A request of an administrator to recover an account. One compare-and-swap decides whether it is approved or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovery {
    pub(crate) id: RecoveryId,
    pub(crate) account: AccountId,
    pub(crate) reason: Confidential<String>,
    pub(crate) requested_by: AccountId,
    #[serde(with = "nanosecond::required")]
    pub(crate) created_at: Timestamp,
    #[serde(with = "nanosecond::required")]
    pub(crate) expires_at: Timestamp,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approved: Option<Approval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) withdrawn: Option<Withdrawal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RecoveryState")]
pub(crate) enum State {
    Pending,
    Approved,
    Withdrawn,
    Expired,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Recovery")]
pub(crate) struct RecoveryAnswer {
    recovery_id: RecoveryId,
    account_id: AccountId,
    reason: Confidential<String>,
    requested_by: AccountId,
    created_at: Timestamp,
    expires_at: Timestamp,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_by: Option<AccountId>,
}

impl Recovery {
    fn state(&self, now: Timestamp) -> State {
        if self.withdrawn.is_some() {
            State::Withdrawn
        } else if self.approved.is_some() {
            State::Approved
        } else if self.expires_at <= now {
            State::Expired
        } else {
            State::Pending
        }
    }

    pub(crate) fn answer(self, now: Timestamp) -> RecoveryAnswer {
        RecoveryAnswer {
            state: self.state(now),
            recovery_id: self.id,
            account_id: self.account,
            reason: self.reason,
            requested_by: self.requested_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            approved_by: self.approved.map(|approval| approval.by),
            withdrawn_by: self.withdrawn.map(|withdrawal| withdrawal.by),
        }
    }

    /// Approves it, where who asked for it is an active administrator still: it takes two at the time of the approval, and whom
    /// somebody has closed or demoted since asks for nothing. Who has approved it before comes to the same approval, to finish what it
    /// began.
    pub(crate) fn approve(
        &mut self,
        by: AccountId,
        requester_may: bool,
        number: u64,
        now: Timestamp,
    ) -> Result<Approval, Problem> {
        if by == self.requested_by {
            return Err(Problem::conflict(
                "same-administrator",
                "Who asks for a recovery does not approve it. Ask another administrator.",
            ));
        }
        if by == self.account {
            return Err(own_account_refused());
        }
        match (self.state(now), &self.approved) {
            (State::Pending, _) if !requester_may => Err(requester_gone()),
            (State::Pending, _) => {
                let approval = Approval { at: now, by, number };
                self.approved = Some(approval.clone());
                Ok(approval)
            }
            (State::Approved, Some(approval)) if approval.by == by => Ok(approval.clone()),
            _ => Err(over()),
        }
    }

    pub(crate) fn withdraw(&mut self, by: AccountId, now: Timestamp) -> Result<(), Problem> {
        match self.state(now) {
            State::Pending | State::Expired => {
                self.withdrawn = Some(Withdrawal { at: now, by });
                Ok(())
            }
            State::Withdrawn => Ok(()),
            State::Approved => Err(over()),
        }
    }
}

fn requester_gone() -> Problem {
    Problem::conflict(
        "requester-not-administrator",
        "Who asked for the recovery is no active administrator any more. Withdraw the request and ask for it anew; another administrator approves that.",
    )
}

pub(crate) fn over() -> Problem {
    Problem::conflict(
        "recovery-over",
        "The request was approved or withdrawn before, or a day has passed since it was made or approved. Ask for it anew.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTER: fn() -> AccountId = || AccountId::from_bytes([1; 16]);
    const APPROVER: fn() -> AccountId = || AccountId::from_bytes([2; 16]);
    const OWNER: fn() -> AccountId = || AccountId::from_bytes([3; 16]);
    const OTHER: fn() -> AccountId = || AccountId::from_bytes([4; 16]);

    fn recovery(now: Timestamp) -> Recovery {
        Recovery {
            id: RecoveryId::from_bytes([5; 16]),
            account: OWNER(),
            reason: Confidential::default(),
            requested_by: REQUESTER(),
            created_at: now,
            expires_at: now + LIFETIME,
            fingerprint: [0; 16],
            approved: None,
            withdrawn: None,
        }
    }

    #[test]
    fn two_who_are_not_its_owner() {
        let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        let kind =
            |result: Result<Approval, Problem>| result.map(|approval| approval.by).map_err(|problem| problem.kind);
        for (by, expected) in [
            (REQUESTER(), Err("same-administrator")),
            (OWNER(), Err("own-account")),
            (APPROVER(), Ok(APPROVER())),
        ] {
            assert_eq!(kind(recovery(now).approve(by, true, 2, now)), expected);
        }
        let mut approved = recovery(now);
        assert_eq!(
            kind(approved.approve(APPROVER(), false, 2, now)),
            Err("requester-not-administrator")
        );
        let first = approved.approve(APPROVER(), true, 2, now).unwrap();
        let late = now + LIFETIME;
        assert_eq!(
            approved.approve(APPROVER(), false, 9, late).unwrap(),
            first,
            "the same one, to finish it"
        );
        assert_eq!(kind(approved.approve(OTHER(), true, 2, now)), Err("recovery-over"));
        assert_eq!(approved.withdraw(REQUESTER(), now).unwrap_err().kind, "recovery-over");
        assert_eq!(approved.state(late), State::Approved);

        assert_eq!(
            kind(recovery(now).approve(APPROVER(), true, 2, late)),
            Err("recovery-over")
        );
        assert_eq!(recovery(now).state(late), State::Expired);
        let mut withdrawn = recovery(now);
        withdrawn.withdraw(OTHER(), now).unwrap();
        withdrawn.withdraw(REQUESTER(), now).unwrap();
        assert_eq!(withdrawn.withdrawn.as_ref().unwrap().by, OTHER());
        assert_eq!(kind(withdrawn.approve(APPROVER(), true, 2, now)), Err("recovery-over"));
        assert_eq!(withdrawn.state(late), State::Withdrawn);
    }
}
