//! The log-in as a state machine: from what an account is and what somebody has shown to what comes next. Pure, so that
//! the tests below can ask it about every combination there is.

use access::Assurance;

use crate::factor::{Holder, SecondFactor, SecondFactors};

/// Whether an account lets anybody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Active,
    /// An administrator has closed it.
    Disabled,
    /// Its owner has closed it.
    Deactivated,
    /// There is no such account.
    Unknown,
}

/// What a decision depends on besides what was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// Whether the account lets anybody in.
    pub standing: Standing,
    /// Whose it is.
    pub holder: Holder,
    /// The second factors that are set up, whoever may use them.
    pub registered: SecondFactors,
}

/// What became of the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordEvidence {
    /// There was none.
    NotShown,
    /// Or not to be tried now, after too many failures.
    Wrong,
    /// It is the account's.
    Right,
}

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub password: PasswordEvidence,
    /// A second factor, and whether it was right. Right includes that it was used up.
    pub factor: Option<(SecondFactor, bool)>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing, and nobody learns why.
    Refused,
    /// One of these has to be shown.
    SecondFactor(SecondFactors),
    /// Come in.
    Session {
        /// What the session is worth.
        assurance: Assurance,
        /// The rule's name in the audit trail.
        rule: &'static str,
    },
}

/// What comes next in a log-in.
pub(crate) fn log_in(account: &Circumstances, shown: Evidence) -> Step {
    let usable = account.registered.usable_by(account.holder);
    if account.standing != Standing::Active {
        return Step::Refused;
    }
    match (shown.password, shown.factor) {
        (PasswordEvidence::Wrong, _) | (_, Some((_, false))) | (PasswordEvidence::NotShown, None) => Step::Refused,
        (PasswordEvidence::Right, None) if !usable.is_empty() => Step::SecondFactor(usable),
        (PasswordEvidence::Right, None) => match account.holder {
            Holder::Staff => Step::Session {
                assurance: Assurance::Enrolment,
                rule: "login.enrolment",
            },
            Holder::Client => Step::Session {
                assurance: Assurance::SingleFactor,
                rule: "login.password",
            },
        },
        (PasswordEvidence::Right, Some((factor, true))) if usable.contains(factor) => Step::Session {
            assurance: Assurance::MultiFactor,
            rule: match factor {
                SecondFactor::Passkey => "login.password-passkey",
                SecondFactor::Totp => "login.password-totp",
                SecondFactor::Sms => "login.password-sms",
                SecondFactor::RecoveryCode => "login.password-recovery-code",
            },
        },
        // A passkey whose authenticator has verified its user is something one has and something one knows or is.
        (PasswordEvidence::NotShown, Some((SecondFactor::Passkey, true))) if usable.passkey => Step::Session {
            assurance: Assurance::MultiFactor,
            rule: "login.passkey",
        },
        // A factor that is not set up, not for this person, or no log-in by itself.
        (PasswordEvidence::Right | PasswordEvidence::NotShown, Some(_)) => Step::Refused,
    }
}

/// What a session is worth once somebody has proven again to be there, or `None` where that proves nothing: any second
/// factor of the account, or the password where there is none. Where the password began the session and a second factor
/// follows it, both have been shown. A session for enrolment grows into nothing else: what it has set up is shown in a
/// log-in of its own.
pub(crate) fn step_up(account: &Circumstances, shown: Evidence, session: Assurance) -> Option<Assurance> {
    let usable = account.registered.usable_by(account.holder);
    if account.standing != Standing::Active || session == Assurance::Enrolment {
        return None;
    }
    match (shown.password, shown.factor) {
        (PasswordEvidence::NotShown, Some((factor, true))) if usable.contains(factor) => Some(Assurance::MultiFactor),
        (PasswordEvidence::Right, None) if usable.is_empty() => Some(session),
        _ => None,
    }
}

/// Whether a session that was proven lately may change the account's factors and password. A session that was begun before the
/// account had a second factor, by somebody who had the password alone, must show that factor first: else a stolen password would be
/// enough to add a factor of the thief's.
pub fn may_change_factors(account: &Circumstances, session: Assurance) -> bool {
    account.standing == Standing::Active
        && (session == Assurance::MultiFactor || account.registered.usable_by(account.holder).is_empty())
}

/// Whether who has the link that was mailed may set a password: with a second factor where the account has one, and with
/// nothing else where it has none. A mailbox is no factor (NIST SP 800-63B-4, section 3.1.3.1), so it replaces one, never two.
pub(crate) fn may_reset(account: &Circumstances, shown: Option<(SecondFactor, bool)>) -> bool {
    let usable = account.registered.usable_by(account.holder);
    account.standing == Standing::Active
        && match shown {
            None => usable.is_empty(),
            Some((factor, right)) => right && usable.contains(factor),
        }
}

/// Why a factor can't be taken away: staff keep at least one second factor, and recovery codes are none.
pub fn may_be_left_with(holder: Holder, left: SecondFactors) -> bool {
    holder == Holder::Client || !left.usable_by(holder).is_empty()
}

/// What is better than a password alone or a code by SMS, the best first.
pub const BETTER: [SecondFactor; 2] = [SecondFactor::Passkey, SecondFactor::Totp];

/// What somebody who did without a second factor should be offered, the strongest first.
pub fn suggested(assurance: Assurance) -> &'static [SecondFactor] {
    match assurance {
        Assurance::MultiFactor => &[],
        Assurance::Enrolment | Assurance::SingleFactor => &BETTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PasswordEvidence::{NotShown, Right, Wrong};

    /// Every combination of what is set up, and of it what a client and what staff may use: Passkey, Totp, Sms, Recovery code.
    const TABLE: [(&str, &str, &str); 16] = [
        ("", "", ""),
        ("R", "", ""),
        ("S", "S", ""),
        ("SR", "SR", ""),
        ("T", "T", "T"),
        ("TR", "TR", "TR"),
        ("TS", "TS", "T"),
        ("TSR", "TSR", "TR"),
        ("P", "P", "P"),
        ("PR", "PR", "PR"),
        ("PS", "PS", "P"),
        ("PSR", "PSR", "PR"),
        ("PT", "PT", "PT"),
        ("PTR", "PTR", "PTR"),
        ("PTS", "PTS", "PT"),
        ("PTSR", "PTSR", "PTR"),
    ];

    const STANDINGS: [Standing; 4] = [
        Standing::Active,
        Standing::Disabled,
        Standing::Deactivated,
        Standing::Unknown,
    ];

    #[test]
    fn a_link_replaces_the_password_and_no_factor() {
        for (circumstances, usable, shown) in everything() {
            let active = circumstances.standing == Standing::Active;
            let expected = match shown.factor {
                None => usable.is_empty(),
                Some((factor, right)) => right && usable.contains(letter(factor)),
            };
            assert_eq!(
                may_reset(&circumstances, shown.factor),
                active && expected,
                "{circumstances:?} {shown:?}"
            );
        }
    }

    fn set(letters: &str) -> SecondFactors {
        SecondFactors {
            passkey: letters.contains('P'),
            totp: letters.contains('T'),
            sms: letters.contains('S'),
            recovery_code: letters.contains('R'),
        }
    }

    fn letter(factor: SecondFactor) -> char {
        match factor {
            SecondFactor::Passkey => 'P',
            SecondFactor::Totp => 'T',
            SecondFactor::Sms => 'S',
            SecondFactor::RecoveryCode => 'R',
        }
    }

    /// Every factor combination × holder × standing × evidence, with what may be used.
    fn everything() -> impl Iterator<Item = (Circumstances, &'static str, Evidence)> {
        let factors = || {
            std::iter::once(None).chain(
                SecondFactor::ALL
                    .into_iter()
                    .flat_map(|factor| [Some((factor, false)), Some((factor, true))]),
            )
        };
        TABLE.into_iter().flat_map(move |(registered, client, staff)| {
            [(Holder::Client, client), (Holder::Staff, staff)]
                .into_iter()
                .flat_map(move |(holder, usable)| {
                    STANDINGS.into_iter().flat_map(move |standing| {
                        [NotShown, Wrong, Right].into_iter().flat_map(move |password| {
                            factors().map(move |factor| {
                                let account = Circumstances {
                                    standing,
                                    holder,
                                    registered: set(registered),
                                };
                                (account, usable, Evidence { password, factor })
                            })
                        })
                    })
                })
        })
    }

    #[test]
    fn the_table_is_whole() {
        let mut rows: Vec<&str> = TABLE.iter().map(|(registered, _, _)| *registered).collect();
        rows.dedup();
        assert_eq!(rows.len(), 16);
        assert_eq!(everything().count(), 16 * 2 * 4 * 3 * 9);
    }

    #[test]
    fn every_log_in() {
        for (account, usable, shown) in everything() {
            let session = |assurance, rule| Step::Session { assurance, rule };
            let expected = match (account.standing, shown.password, shown.factor) {
                (Standing::Active, Right, None) if !usable.is_empty() => Step::SecondFactor(set(usable)),
                (Standing::Active, Right, None) if account.holder == Holder::Staff => {
                    session(Assurance::Enrolment, "login.enrolment")
                }
                (Standing::Active, Right, None) => session(Assurance::SingleFactor, "login.password"),
                (Standing::Active, Right, Some((factor, true))) if usable.contains(letter(factor)) => {
                    let rule = match letter(factor) {
                        'P' => "login.password-passkey",
                        'T' => "login.password-totp",
                        'S' => "login.password-sms",
                        _ => "login.password-recovery-code",
                    };
                    session(Assurance::MultiFactor, rule)
                }
                (Standing::Active, NotShown, Some((SecondFactor::Passkey, true))) if usable.contains('P') => {
                    session(Assurance::MultiFactor, "login.passkey")
                }
                _ => Step::Refused,
            };
            assert_eq!(log_in(&account, shown), expected, "{account:?} {shown:?}");
        }
    }

    #[test]
    fn every_step_up() {
        for (account, usable, shown) in everything() {
            for session in [Assurance::Enrolment, Assurance::SingleFactor, Assurance::MultiFactor] {
                let expected = match (account.standing, session, shown.password, shown.factor) {
                    (_, Assurance::Enrolment, ..) => None,
                    (Standing::Active, _, NotShown, Some((factor, true))) if usable.contains(letter(factor)) => {
                        Some(Assurance::MultiFactor)
                    }
                    (Standing::Active, session, Right, None) if usable.is_empty() => Some(session),
                    _ => None,
                };
                assert_eq!(step_up(&account, shown, session), expected, "{account:?} {shown:?}");
            }
        }
    }

    /// What the table must never say, whatever it says.
    #[test]
    fn invariants_of_every_log_in() {
        for (account, _, shown) in everything() {
            let Step::Session { assurance, .. } = log_in(&account, shown) else {
                continue;
            };
            assert_eq!(account.standing, Standing::Active);
            assert_ne!(shown.password, Wrong);
            assert!(shown.factor.is_none_or(|(_, right)| right));
            assert!(
                account.holder == Holder::Client || assurance != Assurance::SingleFactor,
                "staff have two factors or set one up"
            );
            if assurance == Assurance::MultiFactor {
                let (factor, _) = shown.factor.expect("two factors are two");
                assert!(account.registered.contains(factor), "a factor that is set up");
                assert!(shown.password == Right || factor == SecondFactor::Passkey);
                assert!(account.holder == Holder::Client || factor != SecondFactor::Sms);
            } else {
                assert!(
                    account.registered.usable_by(account.holder).is_empty(),
                    "nobody gets round a factor"
                );
            }
        }
    }

    #[test]
    fn a_password_alone_changes_no_factors_once_there_are_some() {
        for (account, usable, _) in everything() {
            let active = account.standing == Standing::Active;
            assert_eq!(may_change_factors(&account, Assurance::MultiFactor), active);
            for session in [Assurance::Enrolment, Assurance::SingleFactor] {
                let may = active && usable.is_empty();
                assert_eq!(may_change_factors(&account, session), may, "{account:?}");
            }
        }
    }

    #[test]
    fn staff_keep_a_factor() {
        for (left, client, staff) in TABLE {
            assert!(may_be_left_with(Holder::Client, set(left)), "{client}");
            assert_eq!(may_be_left_with(Holder::Staff, set(left)), !staff.is_empty(), "{left}");
        }
    }

    #[test]
    fn who_did_without_is_told_what_is_better() {
        let names = |assurance| serde_json::to_string(suggested(assurance)).unwrap();
        assert_eq!(names(Assurance::SingleFactor), r#"["passkey","totp"]"#);
        assert_eq!(names(Assurance::Enrolment), r#"["passkey","totp"]"#);
        assert_eq!(names(Assurance::MultiFactor), "[]");
    }
}
