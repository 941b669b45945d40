//! The numbers.

use jiff::SignedDuration;
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// What can be guessed. A passkey can't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The password.
    Password,
    /// A code of an app.
    Totp,
    /// A code by SMS.
    Sms,
    /// A code from the list.
    RecoveryCode,
    /// A code by e-mail.
    EmailCode,
}

/// Routes that anybody may call, by what they are for: those of one class share a network's quota. And mail that anybody may cause, by what
/// it is for: of one class to one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteClass {
    /// Whatever takes a password or a code. A whole clinic may begin its day behind one address.
    LogIn,
    /// The opening of a clinic, and the wish of a client to open an account.
    Registration,
    /// The acceptance of an invitation, and the confirmation of a registration.
    Acceptance,
    /// The wish to reset a password, which sends mail.
    Reset,
    /// The challenge that a passkey answers.
    PasskeyChallenge,
    /// Links to another password.
    ResetMail,
    /// Links to open an account with.
    RegistrationMail,
}

/// So many in each window. A window begins with what is counted first and forgets all at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    /// Its name in `RateLimit-Policy`.
    pub(super) name: &'static str,
    pub(super) count: u32,
    /// In seconds.
    pub(super) window: u32,
}

const MINUTE: u32 = 60;
const QUARTER_HOUR: u32 = 15 * MINUTE;
const HALF_HOUR: u32 = 30 * MINUTE;

impl Quota {
    const fn new(name: &'static str, count: u32, window: u32) -> Self {
        Self { name, count, window }
    }

    pub(super) fn end(self, began_at: Timestamp) -> Timestamp {
        after(began_at, SignedDuration::from_secs(i64::from(self.window)))
    }
}

impl RouteClass {
    /// How often a network may call routes of this class, or how much mail of it an address gets. That window is as long as a link is good
    /// ([`LinkUse`](crate::LinkUse)), and none is counted with those that are good that is not ([`Postage`](super::Postage)): who is sent no more, because
    /// a stranger has asked for so many, has one that is good still.
    pub(super) const fn quota(self) -> Quota {
        match self {
            Self::LogIn => Quota::new("log-in", 60, MINUTE),
            Self::Registration => Quota::new("registration", 20, QUARTER_HOUR),
            Self::Acceptance => Quota::new("acceptance", 60, QUARTER_HOUR),
            Self::Reset => Quota::new("reset", 20, QUARTER_HOUR),
            Self::PasskeyChallenge => Quota::new("passkey-challenge", 60, MINUTE),
            Self::ResetMail => Quota::new("reset-mail", 3, HALF_HOUR),
            Self::RegistrationMail => Quota::new("registration-mail", 5, 2 * HALF_HOUR),
        }
    }
}

/// How often a network may be wrong, wherever.
pub(super) const NETWORK_FAILURES: Quota = Quota::new("failures", 50, QUARTER_HOUR);

/// How many failures in a row a factor of an account has, in all lanes together (SP 800-63B-4, section 3.2.2).
pub(super) const MOST_CONSECUTIVE: u32 = 100;

/// How many networks of an account's owner have a lane of their own, and for how long after she was there last.
pub(super) const MOST_KNOWN: usize = 8;
pub(super) const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A lane's failures are forgotten when there was none for so long. Much longer than the longest lockout: otherwise who
/// waits for a little longer than that would begin anew each time.
pub(super) const MEMORY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The failure that first locks a lane.
const FIRST_LOCKING: u32 = 5;

/// How long that one and each after it lock, in minutes; the last ones as long as the last one here.
const LOCKOUTS: [i64; 12] = [1, 2, 4, 8, 15, 30, 60, 120, 240, 480, 960, 1440];

/// How long a lane is locked after so many failures.
pub(super) fn lockout(failures: u32) -> Option<SignedDuration> {
    let nth = usize::try_from(failures.checked_sub(FIRST_LOCKING)?).ok()?;
    LOCKOUTS
        .get(nth)
        .or(LOCKOUTS.last())
        .map(|minutes| SignedDuration::from_mins(*minutes))
}

pub(super) fn after(moment: Timestamp, duration: SignedDuration) -> Timestamp {
    moment.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkUse;

    /// Whoever asks for all of somebody's links must not be able to keep her from having one. That those that are void are not counted with
    /// them, the handlers that mail them show.
    #[test]
    fn who_is_sent_no_more_links_has_one_that_is_good() {
        for (class, link_use) in [
            (RouteClass::ResetMail, LinkUse::PasswordReset),
            (RouteClass::RegistrationMail, LinkUse::Registration),
        ] {
            assert_eq!(
                i64::from(class.quota().window),
                link_use.lifetime().as_secs(),
                "{class:?}"
            );
        }
    }

    #[test]
    fn lockouts_grow_up_to_a_day_and_never_last_for_good() {
        for (failures, minutes) in [
            (0, None),
            (4, None),
            (5, Some(1)),
            (6, Some(2)),
            (9, Some(15)),
            (10, Some(30)),
            (11, Some(60)),
            (15, Some(16 * 60)),
            (16, Some(24 * 60)),
            (17, Some(24 * 60)),
            (u32::MAX, Some(24 * 60)),
        ] {
            assert_eq!(lockout(failures), minutes.map(SignedDuration::from_mins), "{failures}");
        }
        assert!(MEMORY > lockout(u32::MAX).unwrap() * 7);
    }
}
