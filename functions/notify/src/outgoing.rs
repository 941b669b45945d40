//! A message on its way: what is kept of it, and every step that it can take. Pure: no store, no provider.
//!
//! ```text
//!            begin                 finish
//! Waiting ─────────▶ Sending ─────────────────▶ Sent ──callback──▶ (delivered, undelivered)
//!    ▲ │                │ │ outcome unknown,
//!    │ │ expired,       │ │ not to be repeated ─▶ Unknown
//!    │ ▼ decoy          │ └ refused, too often, unreachable ─▶ Ended
//!    │ Ended            │
//!    └──────────────────┘ not sent, or to be repeated: later; given to nobody (take_back)
//! ```
//!
//! A message is marked as leaving *before* it leaves. So after a crash it is known that it may have left, and how often
//! it was tried. What then happens:
//!
//! * where the provider knows a repeated message by its key, it is sent again under the same key: exactly once;
//! * where it doesn't, a code is not sent again (at most once: a second code would make people doubt the first, and
//!   whoever waits asks for a new one), and everything else is (at least once: a notice that never came is worse than one
//!   that came twice).

use jiff::SignedDuration;
use model::{Confidential, Function, MessageId, Timestamp};
use notification::{Channel, Content, Recipient, State, Template};
use serde::{Deserialize, Serialize};

use crate::backoff::{self, TRIES};
use crate::provider::{By, Outcome, ProviderName};

/// How long a message counts as leaving. Longer than any request lives: whoever marked it then has died.
pub(crate) const LEAVING: SignedDuration = SignedDuration::from_secs(60);

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outgoing {
    pub(crate) id: MessageId,
    /// The function that asked for it.
    pub(crate) from: Function,
    /// Recognises the repeated request.
    pub(crate) fingerprint: [u8; 16],
    pub(crate) template: Template,
    pub(crate) channel: Channel,
    pub(crate) language: Confidential<String>,
    pub(crate) accepted_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// To whom: the proof of delivery is worth little without it.
    pub(crate) recipient: Recipient,
    /// What it says. Gone as soon as it need not leave any more: codes and tokens are kept no longer than they must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Content>,
    /// How often it began to leave.
    pub(crate) tries: u32,
    /// The provider with whom it may be, after a try of which nobody knows what came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) maybe_with: Option<ProviderName>,
    pub(crate) progress: Progress,
    /// What the provider said later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<Delivery>,
    /// Whether it stands among the dead letters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_dead_letter: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Progress {
    Waiting {
        due_at: Timestamp,
    },
    Sending {
        since: Timestamp,
        /// A key is known only to the provider that was sent it.
        provider: ProviderName,
    },
    Sent {
        at: Timestamp,
        provider: ProviderName,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_id: Option<String>,
    },
    Unknown {
        at: Timestamp,
        provider: ProviderName,
    },
    Ended {
        at: Timestamp,
        why: End,
    },
}

/// Why a message will never leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Decoy,
    Expired,
    Unreachable,
    /// The provider refused it for good.
    Refused,
    TriedTooOften,
}

/// What came of a message that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delivery {
    pub(crate) at: Timestamp,
    pub(crate) arrived: bool,
}

/// What to do with a message now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It is marked as leaving: send it, as this try.
    Send { attempt: u32 },
    /// Not before.
    Later { due_at: Timestamp },
    /// Never, or not again.
    Settled,
}

impl Outgoing {
    /// Where it stands, in the words of the API.
    pub(crate) fn state(&self) -> State {
        match (&self.progress, self.delivery) {
            (Progress::Waiting { .. }, _) => State::Pending,
            (Progress::Sending { .. }, _) => State::Sending,
            (Progress::Sent { .. }, Some(delivery)) if delivery.arrived => State::Delivered,
            (Progress::Sent { .. }, Some(_)) => State::Undelivered,
            (Progress::Sent { .. }, None) => State::Sent,
            (Progress::Unknown { .. }, _) => State::Unknown,
            (Progress::Ended { why, .. }, _) => match why {
                // A decoy looks like what it stands in for.
                End::Decoy => State::Sent,
                End::Expired => State::Expired,
                End::Unreachable => State::Unreachable,
                End::Refused | End::TriedTooOften => State::Failed,
            },
        }
    }

    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether nothing is left to be done.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self.progress, Progress::Waiting { .. } | Progress::Sending { .. })
    }

    /// The provider with whom it may be, where it must therefore not leave once more by this one: a key is known only to
    /// the provider that was sent it.
    fn must_not_repeat(&self, by: By) -> Option<ProviderName> {
        self.maybe_with
            .filter(|provider| self.template == Template::SignInCode && !(by.is_idempotent && by.provider == *provider))
    }

    /// When to look at it again; `None` where nothing is left to be done.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        match self.progress {
            Progress::Waiting { due_at } => Some(due_at),
            Progress::Sending { since, .. } => Some(backoff::after(since, LEAVING)),
            Progress::Sent { .. } | Progress::Unknown { .. } | Progress::Ended { .. } => None,
        }
    }

    /// Whether it is for people to look at why it never left.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(
            self.progress,
            Progress::Ended {
                why: End::Unreachable | End::Refused | End::TriedTooOften,
                ..
            }
        )
    }

    fn settle(&mut self, progress: Progress) {
        self.progress = progress;
        self.content = None;
    }

    fn end(&mut self, why: End, at: Timestamp) -> Begun {
        self.settle(Progress::Ended { at, why });
        Begun::Settled
    }

    /// Marks it as leaving, where it may leave now. `eager` does not wait for the end of a delay: its caller waits.
    pub(crate) fn begin(&mut self, by: By, eager: bool, now: Timestamp) -> Begun {
        match self.progress {
            Progress::Waiting { .. } if matches!(self.recipient, Recipient::Nobody { .. }) => {
                return self.end(End::Decoy, now);
            }
            Progress::Waiting { due_at } if due_at > now && !eager && !self.has_expired(now) => {
                return Begun::Later { due_at };
            }
            Progress::Waiting { .. } => {}
            Progress::Sending { since, provider } => {
                let due_at = backoff::after(since, LEAVING);
                if due_at > now {
                    return Begun::Later { due_at };
                }
                // Whoever marked it is dead, and nobody knows whether it left.
                self.maybe_with = Some(provider);
            }
            Progress::Sent { .. } | Progress::Unknown { .. } | Progress::Ended { .. } => return Begun::Settled,
        }
        if let Some(provider) = self.must_not_repeat(by) {
            self.settle(Progress::Unknown { at: now, provider });
            return Begun::Settled;
        }
        if self.has_expired(now) {
            return self.end(End::Expired, now);
        }
        if self.tries >= TRIES {
            return self.end(End::TriedTooOften, now);
        }
        self.tries += 1;
        self.progress = Progress::Sending {
            since: now,
            provider: by.provider,
        };
        Begun::Send { attempt: self.tries }
    }

    /// Takes the mark of a try back that gave the message to nobody: it waits, and the try does not count.
    pub(crate) fn take_back(&mut self, attempt: u32, due_at: Timestamp) {
        if self.tries == attempt && matches!(self.progress, Progress::Sending { .. }) {
            self.tries = attempt.saturating_sub(1);
            self.progress = Progress::Waiting { due_at };
        }
    }

    /// Takes down what came of a try. `delay` is how long to wait before another.
    pub(crate) fn finish(&mut self, by: By, attempt: u32, outcome: &Outcome, delay: SignedDuration, now: Timestamp) {
        // A callback may have been faster, or another try may have taken over.
        if self.tries != attempt || !matches!(self.progress, Progress::Sending { .. }) {
            return;
        }
        let provider = by.provider;
        match outcome {
            Outcome::Accepted { provider_id } => self.settle(Progress::Sent {
                at: now,
                provider,
                provider_id: provider_id.clone(),
            }),
            Outcome::Refused { .. } => drop(self.end(End::Refused, now)),
            Outcome::Unreachable => drop(self.end(End::Unreachable, now)),
            Outcome::Unknown | Outcome::Later { .. } | Outcome::Misconfigured => {
                if *outcome == Outcome::Unknown {
                    self.maybe_with = Some(provider);
                }
                if let Some(provider) = self.must_not_repeat(by) {
                    self.settle(Progress::Unknown { at: now, provider });
                } else if self.tries >= TRIES {
                    self.end(End::TriedTooOften, now);
                } else {
                    self.progress = Progress::Waiting {
                        due_at: backoff::after(now, delay),
                    };
                }
            }
        }
    }

    /// Takes down what the provider says later. `false` where it says nothing new: callbacks come more than once, and in
    /// any order. A message that bounced after it was taken for delivered did not arrive; never the other way.
    pub(crate) fn delivered(
        &mut self,
        by: ProviderName,
        provider_id: Option<&str>,
        arrived: bool,
        now: Timestamp,
    ) -> bool {
        // What never left and what left by somebody else did not arrive by this one.
        let left_by = match self.progress {
            Progress::Sending { provider, .. }
            | Progress::Unknown { provider, .. }
            | Progress::Sent { provider, .. } => Some(provider),
            Progress::Waiting { .. } | Progress::Ended { .. } => self.maybe_with,
        };
        if left_by != Some(by) || self.delivery.is_some_and(|delivery| !delivery.arrived || arrived) {
            return false;
        }
        if !matches!(self.progress, Progress::Sent { .. }) {
            // So it did leave.
            self.settle(Progress::Sent {
                at: now,
                provider: by,
                provider_id: provider_id.map(str::to_owned),
            });
        }
        self.delivery = Some(Delivery { at: now, arrived });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ClientId;
    use proptest::prelude::*;

    const TWILIO: By = By {
        provider: ProviderName::Twilio,
        is_idempotent: false,
    };
    const RESEND: By = By {
        provider: ProviderName::Resend,
        is_idempotent: true,
    };

    fn now() -> Timestamp {
        "2026-12-01T08:00:00Z".parse().unwrap()
    }

    fn later(seconds: i64) -> Timestamp {
        now() + SignedDuration::from_secs(seconds)
    }

    fn code() -> Outgoing {
        Outgoing {
            id: MessageId::from_bytes([1; 16]),
            from: Function::Auth,
            fingerprint: [0; 16],
            template: Template::SignInCode,
            channel: Channel::Sms,
            language: Confidential::new("en".to_owned()),
            accepted_at: now(),
            expires_at: Some(later(600)),
            recipient: Recipient::Phone(Confidential::new("+493012345678".to_owned())),
            content: Some(Content::SignInCode {
                code: Confidential::new("123456".to_owned()),
            }),
            tries: 0,
            maybe_with: None,
            progress: Progress::Waiting { due_at: now() },
            delivery: None,
            is_dead_letter: false,
        }
    }

    fn notice() -> Outgoing {
        Outgoing {
            template: Template::PasswordChanged,
            content: Some(Content::PasswordChanged),
            expires_at: None,
            recipient: Recipient::Client {
                client_id: ClientId::from_bytes([2; 16]),
                channel: Channel::Sms,
            },
            ..code()
        }
    }

    fn accepted() -> Outcome {
        Outcome::Accepted {
            provider_id: Some("SM1".to_owned()),
        }
    }

    fn tried(mut outgoing: Outgoing, by: By, outcome: &Outcome) -> Outgoing {
        let Begun::Send { attempt } = outgoing.begin(by, false, now()) else {
            panic!("{outgoing:?}")
        };
        outgoing.finish(by, attempt, outcome, SignedDuration::from_secs(30), now());
        outgoing
    }

    #[test]
    fn what_came_of_a_try_decides() {
        let later_outcome = Outcome::Later { after: None };
        for (outgoing, by, outcome, state) in [
            (code(), TWILIO, accepted(), State::Sent),
            (code(), TWILIO, Outcome::Refused { status: 400 }, State::Failed),
            (code(), TWILIO, Outcome::Unreachable, State::Unreachable),
            (code(), TWILIO, later_outcome.clone(), State::Pending),
            (code(), TWILIO, Outcome::Misconfigured, State::Pending),
            // The one case in which the provider decides: a code whose outcome nobody knows.
            (code(), TWILIO, Outcome::Unknown, State::Unknown),
            (code(), RESEND, Outcome::Unknown, State::Pending),
            (notice(), TWILIO, Outcome::Unknown, State::Pending),
            (notice(), RESEND, Outcome::Unknown, State::Pending),
            (notice(), TWILIO, later_outcome, State::Pending),
        ] {
            let outgoing = tried(outgoing, by, &outcome);
            assert_eq!(outgoing.state(), state, "{outcome:?} {:?}", by.provider);
            // Codes and tokens are gone as soon as they need not leave any more.
            assert_eq!(outgoing.content.is_some(), state == State::Pending);
            assert_eq!(outgoing.is_settled(), state != State::Pending);
        }
    }

    #[test]
    fn a_try_that_broke_off_is_repeated_where_that_does_no_harm() {
        for (outgoing, first, second, begun, state) in [
            (code(), TWILIO, TWILIO, Begun::Settled, State::Unknown),
            (code(), RESEND, RESEND, Begun::Send { attempt: 2 }, State::Sending),
            // The key is known to the provider that was sent it, and to no other.
            (code(), TWILIO, RESEND, Begun::Settled, State::Unknown),
            (code(), RESEND, TWILIO, Begun::Settled, State::Unknown),
            (notice(), TWILIO, TWILIO, Begun::Send { attempt: 2 }, State::Sending),
            (notice(), TWILIO, RESEND, Begun::Send { attempt: 2 }, State::Sending),
        ] {
            let mut outgoing = outgoing;
            assert_eq!(outgoing.begin(first, false, now()), Begun::Send { attempt: 1 });
            // While its request may live, nobody touches it, however urgent.
            for seconds in [0, 59] {
                assert_eq!(
                    outgoing.begin(second, true, later(seconds)),
                    Begun::Later { due_at: later(60) }
                );
            }
            assert_eq!(
                outgoing.begin(second, false, later(60)),
                begun,
                "{:?}",
                outgoing.template
            );
            assert_eq!(outgoing.state(), state);
        }
    }

    #[test]
    fn it_leaves_when_it_is_due_and_not_after_it_has_expired() {
        let mut outgoing = tried(code(), TWILIO, &Outcome::Later { after: None });
        assert_eq!(
            outgoing.begin(TWILIO, false, later(29)),
            Begun::Later { due_at: later(30) }
        );
        assert_eq!(
            outgoing.clone().begin(TWILIO, true, later(29)),
            Begun::Send { attempt: 2 }
        );
        assert_eq!(
            outgoing.clone().begin(TWILIO, false, later(30)),
            Begun::Send { attempt: 2 }
        );
        assert_eq!(
            outgoing.clone().begin(TWILIO, false, later(599)),
            Begun::Send { attempt: 2 }
        );
        assert_eq!(outgoing.begin(TWILIO, true, later(600)), Begun::Settled);
        assert_eq!((outgoing.state(), outgoing.content), (State::Expired, None));
    }

    #[test]
    fn tries_are_bounded() {
        let mut outgoing = notice();
        for attempt in 1..=TRIES {
            assert_eq!(outgoing.begin(TWILIO, true, now()), Begun::Send { attempt });
            outgoing.finish(TWILIO, attempt, &Outcome::Unknown, SignedDuration::ZERO, now());
        }
        assert_eq!(outgoing.state(), State::Failed);
        assert_eq!(outgoing.begin(TWILIO, true, now()), Begun::Settled);
        // Also where every one of them broke off.
        let mut outgoing = notice();
        for attempt in 1..=TRIES {
            let then = later(i64::from(attempt) * 60);
            assert_eq!(outgoing.begin(TWILIO, false, then), Begun::Send { attempt });
        }
        assert_eq!(outgoing.begin(TWILIO, false, later(86_400)), Begun::Settled);
        assert_eq!(outgoing.state(), State::Failed);
    }

    #[test]
    fn a_decoy_never_leaves() {
        let mut decoy = Outgoing {
            recipient: Recipient::Nobody { channel: Channel::Sms },
            ..code()
        };
        assert_eq!(decoy.state(), State::Pending);
        assert_eq!(decoy.begin(TWILIO, true, now()), Begun::Settled);
        assert_eq!((decoy.state(), decoy.content, decoy.tries), (State::Sent, None, 0));
    }

    #[test]
    fn a_try_that_was_overtaken_changes_nothing() {
        let mut outgoing = notice();
        outgoing.begin(RESEND, false, now());
        assert_eq!(outgoing.begin(RESEND, false, later(60)), Begun::Send { attempt: 2 });
        let before = outgoing.clone();
        outgoing.finish(
            RESEND,
            1,
            &Outcome::Refused { status: 422 },
            SignedDuration::ZERO,
            later(61),
        );
        assert_eq!(outgoing, before);
    }

    #[test]
    fn callbacks_come_often_and_in_any_order() {
        let sent = tried(code(), TWILIO, &accepted());
        let mut arrived = sent.clone();
        assert!(arrived.delivered(ProviderName::Twilio, None, true, later(1)));
        assert_eq!(arrived.state(), State::Delivered);
        assert!(!arrived.delivered(ProviderName::Twilio, None, true, later(2)));
        // A bounce after that counts, and stays.
        assert!(arrived.delivered(ProviderName::Twilio, None, false, later(3)));
        assert!(!arrived.delivered(ProviderName::Twilio, None, true, later(4)));
        assert!(!arrived.delivered(ProviderName::Twilio, None, false, later(4)));
        assert_eq!(
            (arrived.state(), arrived.delivery.unwrap().at),
            (State::Undelivered, later(3))
        );
        // Nothing is delivered that did not leave, or not by this one.
        assert!(!code().delivered(ProviderName::Twilio, None, true, now()));
        assert!(!sent.clone().delivered(ProviderName::Resend, None, true, now()));
        // It may be faster than the answer to the request, and says what became of what was unknown.
        let mut unknown = tried(code(), TWILIO, &Outcome::Unknown);
        let mut leaving = code();
        let Begun::Send { attempt } = leaving.begin(TWILIO, false, now()) else {
            panic!()
        };
        for outgoing in [&mut unknown, &mut leaving] {
            assert!(outgoing.delivered(ProviderName::Twilio, Some("SM9"), true, later(1)));
            assert_eq!((outgoing.state(), &outgoing.content), (State::Delivered, &None));
        }
        leaving.finish(TWILIO, attempt, &Outcome::Unknown, SignedDuration::ZERO, later(2));
        assert_eq!(leaving.state(), State::Delivered);
    }

    /// Where the operator takes another provider meanwhile, that one knows no key of the first.
    #[test]
    fn a_code_that_may_have_left_leaves_by_no_other_provider() {
        let mut outgoing = tried(code(), RESEND, &Outcome::Unknown);
        assert_eq!(outgoing.state(), State::Pending);
        let Begun::Send { attempt } = outgoing.begin(RESEND, true, now()) else {
            panic!()
        };
        outgoing.finish(
            RESEND,
            attempt,
            &Outcome::Later { after: None },
            SignedDuration::ZERO,
            now(),
        );
        assert_eq!(outgoing.begin(TWILIO, true, now()), Begun::Settled);
        assert_eq!(outgoing.state(), State::Unknown);
        assert!(outgoing.delivered(ProviderName::Resend, None, true, now()));
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Begins, and takes down this outcome after so many seconds; or dies before.
        Try(By, bool, Option<Outcome>, i64),
        Callback(By, bool),
        Wait(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let by = || prop_oneof![Just(TWILIO), Just(RESEND)];
        let outcome = prop_oneof![
            Just(accepted()),
            Just(Outcome::Refused { status: 400 }),
            Just(Outcome::Later { after: None }),
            Just(Outcome::Unknown),
            Just(Outcome::Misconfigured),
        ];
        let step = prop_oneof![
            (by(), any::<bool>(), proptest::option::of(outcome), 0_i64..30)
                .prop_map(|(by, eager, outcome, takes)| Step::Try(by, eager, outcome, takes)),
            (by(), any::<bool>()).prop_map(|(by, arrived)| Step::Callback(by, arrived)),
            (0_i64..200).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        /// However requests, crashes, callbacks and time follow each other: a code reaches a provider that doesn't know
        /// keys at most once, what is settled stays settled, and nothing leaves after it has expired.
        #[test]
        fn a_code_leaves_once(steps in steps()) {
            let mut outgoing = code();
            let mut second = 0;
            let mut may_have_left = 0;
            let mut idempotent_provider_has_it = false;
            for step in steps {
                let was_settled = outgoing.is_settled();
                match step {
                    Step::Wait(seconds) => second += seconds,
                    Step::Callback(by, arrived) => {
                        outgoing.delivered(by.provider, None, arrived, later(second));
                    }
                    Step::Try(by, eager, outcome, takes) => {
                        if let Begun::Send { attempt } = outgoing.begin(by, eager, later(second)) {
                            prop_assert!(later(second) < code().expires_at.unwrap());
                            prop_assert!(attempt <= TRIES);
                            let leaves = !matches!(
                                outcome,
                                Some(Outcome::Later { .. } | Outcome::Misconfigured | Outcome::Refused { .. })
                            );
                            if leaves && !(by.is_idempotent && idempotent_provider_has_it) {
                                may_have_left += 1;
                            }
                            idempotent_provider_has_it |= leaves && by.is_idempotent;
                            second += takes;
                            if let Some(outcome) = outcome {
                                outgoing.finish(by, attempt, &outcome, SignedDuration::from_secs(5), later(second));
                            }
                        }
                    }
                }
                prop_assert!(may_have_left <= 1);
                prop_assert!(!was_settled || outgoing.is_settled());
                prop_assert_eq!(outgoing.content.is_some(), !outgoing.is_settled());
            }
        }
    }
}
