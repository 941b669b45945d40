//! How a consent stands at a moment: what every proof of it is made from.

use access::Permissions;
use model::{ClientId, ClinicId, ConsentId, Timestamp};
use web::Problem;

use crate::ledger::{Consent, Given, History, Ledger, LedgerEntry, Minority, Withdrawal};

/// What the ledger says of one consent.
#[derive(Debug)]
pub(crate) struct ConsentHistory {
    pub(crate) given: Given,
    /// Its withdrawal, where that is what ended it.
    pub(crate) withdrawal: Option<Withdrawal>,
    /// The consent that came in its place, where that is what ended it.
    pub(crate) successor: Option<Consent>,
    /// What was said of the client's minority, oldest first, where it ends with that.
    minorities: Vec<Minority>,
}

impl ConsentHistory {
    pub(crate) fn read(ledger: &Ledger<'_>, consent: ConsentId) -> Result<Option<Self>, Problem> {
        let Some(History { begun, ended }) = ledger.find(consent.as_bytes())? else {
            return Ok(None);
        };
        let LedgerEntry::Given(given) = begun else {
            return Err(Problem::defect("something else has the id of a consent"));
        };
        let (withdrawal, successor) = match ended {
            Some(LedgerEntry::Withdrawn(withdrawal)) => (Some(withdrawal), None),
            Some(LedgerEntry::Given(successor)) => (None, Some(successor.consent)),
            _ => (None, None),
        };
        let minorities = match given.consent.until_majority {
            true => ledger.minorities()?,
            false => Vec::new(),
        };
        Ok(Some(Self {
            minorities,
            given,
            withdrawal,
            successor,
        }))
    }
}

/// When what a parent or a minor's guardian agreed to ends, or has ended, with the client's minority: as that had been said by a moment, and not as it is said today, so that what was
/// proven once stays so. What has ended no later word brings back, and that she has been of age for some time ends it when it is said.
fn majority(minorities: &[Minority], given_at: Timestamp, as_of: Timestamp) -> Option<Timestamp> {
    let mut majority: Option<Timestamp> = None;
    for said in minorities.iter().filter(|said| said.at <= as_of) {
        if said.at <= given_at {
            majority = said.until;
        } else if majority.is_none_or(|end| said.at < end) {
            majority = Some(said.until.map_or(said.at, |until| until.max(said.at)));
        }
    }
    majority
}

/// A consent with what had become of it at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConsentState<'c> {
    pub(crate) clinic: ClinicId,
    /// Whose it is: in a shared file, the participant who gave it.
    pub(crate) client: ClientId,
    pub(crate) consent: &'c Consent,
    /// Its withdrawal, where that had happened.
    pub(crate) withdrawal: Option<&'c Withdrawal>,
    /// The consent that had come in its place.
    pub(crate) successor: Option<&'c Consent>,
    /// When the client is of age, where it was given for a minor.
    majority: Option<Timestamp>,
    pub(crate) as_of: Timestamp,
}

impl<'c> ConsentState<'c> {
    /// When it was given: the moment that the answer to giving it speaks of, however late that answer is repeated.
    pub(crate) fn when_given(file: &Permissions, consent: &'c Consent) -> Self {
        Self {
            clinic: file.clinic,
            client: consent.participant_id.unwrap_or(file.client),
            consent,
            withdrawal: None,
            successor: None,
            majority: None,
            as_of: consent.given_at,
        }
    }

    /// With all that the ledger says of it. Hosts' clocks may differ, so that something is in the ledger that is still to come here: it
    /// has happened, and the moment is never before it.
    pub(crate) fn at(file: &Permissions, history: &'c ConsentHistory, moment: Timestamp) -> Self {
        let consent = &history.given.consent;
        let withdrawal = history.withdrawal.as_ref();
        let successor = history.successor.as_ref();
        let ended_at = [
            withdrawal.map(|withdrawal| withdrawal.withdrawn_at),
            successor.map(|successor| successor.given_at),
        ];
        let last = ended_at.into_iter().flatten().fold(consent.given_at, Timestamp::max);
        let as_of = moment.max(last);
        Self {
            withdrawal,
            successor,
            // What holds is there before its entry. A client who was never a minor was of age when it was given.
            majority: consent.until_majority.then(|| {
                majority(&history.minorities, consent.given_at, as_of)
                    .or(file.minor_until)
                    .unwrap_or(consent.given_at)
            }),
            as_of,
            ..Self::when_given(file, consent)
        }
    }

    /// When the time that was agreed had run out, where it had, or what was agreed to for a minor had ended with the client's minority. The
    /// first moment after it is no longer covered.
    pub(crate) fn expired_at(&self) -> Option<Timestamp> {
        let ends = [self.consent.expires_at, self.majority];
        ends.into_iter().flatten().min().filter(|end| *end <= self.as_of)
    }

    /// When it had ended, where it had: whatever ended it first.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        let withdrawn_at = self.withdrawal.map(|withdrawal| withdrawal.withdrawn_at);
        let superseded_at = self.successor.map(|successor| successor.given_at);
        [withdrawn_at, superseded_at, self.expired_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Where the notice is published that it was given on.
    pub(crate) fn notice_path(&self) -> String {
        format!("/v1/consent/notices/{}/{}", self.clinic, self.consent.notice_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments are minutes of an hour; what is said at a minute, until when she is a minor.
    #[test]
    fn what_a_parent_agreed_to_ends_as_was_said_at_the_time() {
        let at = |minute: u8| -> Timestamp { format!("2026-12-01T08:{minute:02}:00Z").parse().unwrap() };
        for (said, as_of, ends) in [
            (&[][..], 30, None),
            (&[(0, Some(20))], 30, Some(20)),
            // Said only afterwards that she is of age, as she was by then.
            (&[(0, Some(20)), (25, None)], 30, Some(20)),
            (&[(0, Some(20)), (25, Some(22))], 30, Some(20)),
            (&[(0, Some(20)), (25, Some(50))], 30, Some(20)),
            // Put right while she was a minor.
            (&[(0, Some(20)), (15, Some(40))], 30, Some(40)),
            (&[(0, Some(20)), (15, Some(40))], 14, Some(20)),
            (&[(0, Some(20)), (15, None)], 30, Some(15)),
            (&[(0, Some(20)), (15, Some(5))], 30, Some(15)),
            (&[(0, Some(5)), (8, Some(20))], 30, Some(20)),
            (&[(0, Some(20)), (15, Some(40)), (41, None)], 50, Some(40)),
        ] {
            let minorities: Vec<_> = said
                .iter()
                .map(|(said_at, until)| Minority {
                    at: at(*said_at),
                    until: until.map(at),
                })
                .collect();
            assert_eq!(
                majority(&minorities, at(10), at(as_of)),
                ends.map(at),
                "{said:?} {as_of}"
            );
        }
    }
}
