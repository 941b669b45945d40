//! How a consent stands at a moment: what every proof of it is made from. Decisions on data alone.

use model::{ClientId, ClinicId, Timestamp};

use crate::ledger::{Consent, ConsentHistory, Withdrawal};

/// A consent with what had become of it at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'c> {
    pub(crate) clinic: ClinicId,
    pub(crate) client: ClientId,
    pub(crate) consent: &'c Consent,
    /// Its withdrawal, where that had happened.
    pub(crate) withdrawal: Option<&'c Withdrawal>,
    pub(crate) as_of: Timestamp,
}

impl<'c> Standing<'c> {
    /// When it was given: the moment that the answer to giving it speaks of, however late that answer is repeated.
    pub(crate) fn when_given(clinic: ClinicId, client: ClientId, consent: &'c Consent) -> Self {
        Self {
            clinic,
            client,
            consent,
            withdrawal: None,
            as_of: consent.given_at,
        }
    }

    /// With all that the ledger says of it. Hosts' clocks may differ, so that something is in the ledger that is still to come here: it
    /// has happened, and the moment is never before it.
    pub(crate) fn at(clinic: ClinicId, client: ClientId, history: &'c ConsentHistory, moment: Timestamp) -> Self {
        let consent = &history.given.consent;
        let withdrawal = history.withdrawal.as_ref();
        let withdrawn_at = withdrawal.map_or(consent.given_at, |withdrawal| withdrawal.withdrawn_at);
        Self {
            clinic,
            client,
            consent,
            withdrawal,
            as_of: moment.max(consent.given_at).max(withdrawn_at),
        }
    }

    /// When the time that was agreed had run out, where it had. The first moment after it is no longer covered.
    pub(crate) fn expired_at(&self) -> Option<Timestamp> {
        self.consent.expires_at.filter(|end| *end <= self.as_of)
    }

    /// When it had ended, where it had: by its withdrawal or by its time, whichever came first.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        let withdrawn_at = self.withdrawal.map(|withdrawal| withdrawal.withdrawn_at);
        withdrawn_at.into_iter().chain(self.expired_at()).min()
    }

    /// Where the notice is published that it was given on.
    pub(crate) fn notice_path(&self) -> String {
        format!("/v1/consent/notices/{}/{}", self.clinic, self.consent.notice_id)
    }
}
