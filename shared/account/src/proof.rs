//! What somebody shows besides the password, held against the account and used up there.

use access::Assurance;
use crypto::Secret;
use model::{SessionId, Timestamp};
use web::Problem;

use crate::account::Account;
use crate::challenge::Ceremony;
use crate::factor::{RecoveryCode, SecondFactor, Totp};
use crate::pending::PendingId;
use crate::step::{self, Evidence, PasswordEvidence, Step};
use webauthn::{AuthenticationResponse, RelyingParty};

/// What a code that is sent is for. One for one thing is right for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeUse {
    /// A log-in that is half done.
    LogIn(PendingId),
    /// Proving again to be there, in this session.
    StepUp(SessionId),
    /// Showing that a number is the caller's own.
    Confirmation(SessionId),
    /// Setting a password beside a link with this number.
    Reset([u8; 8]),
}

/// A second factor as somebody shows it.
pub enum Proof<'p> {
    /// A code of an app.
    Totp(&'p str),
    /// A code that was sent.
    Sms(&'p str, CodeUse),
    /// A code from the list.
    RecoveryCode(&'p str),
    /// An assertion.
    Passkey(&'p PasskeyProof<'p>),
}

/// An assertion, and what it has to be one of.
pub struct PasskeyProof<'p> {
    /// Whom it has to be made for.
    pub rp: RelyingParty,
    /// What its challenge has to be for.
    pub ceremony: Ceremony,
    /// What the browser sent.
    pub response: &'p AuthenticationResponse,
}

impl CodeUse {
    /// What a code is a keyed hash over besides its digits.
    pub fn about<'a>(&'a self, account: &'a Account) -> [&'a [u8]; 4] {
        let (kind, within): (&[u8], &[u8]) = match self {
            Self::LogIn(log_in) => (b"log-in", log_in),
            Self::StepUp(session) => (b"step-up", session.as_bytes()),
            Self::Confirmation(session) => (b"confirmation", session.as_bytes()),
            Self::Reset(number) => (b"reset", number),
        };
        [account.clinic.as_bytes(), account.id.as_bytes(), kind, within]
    }
}

impl Proof<'_> {
    /// Which kind it is.
    pub fn factor(&self) -> SecondFactor {
        match self {
            Self::Totp(_) => SecondFactor::Totp,
            Self::Sms(..) => SecondFactor::Sms,
            Self::RecoveryCode(_) => SecondFactor::RecoveryCode,
            Self::Passkey(_) => SecondFactor::Passkey,
        }
    }
}

impl Account {
    /// Whether the factor is right. It is used up with that, so that it is right once: a request that shows it decides on
    /// a copy, and then, by compare-and-swap, on the account.
    fn show(&mut self, proof: &Proof<'_>, index: &Secret, now: Timestamp) -> Result<bool, Problem> {
        match proof {
            // An account without an app takes as long.
            Proof::Totp(code) => match &mut self.factors.totp {
                Some(totp) => totp.use_up(code, now),
                None => Totp::nobody().use_up(code, now),
            },
            Proof::Sms(text, code_use) => {
                let about = code_use.about(self);
                let code = self.factors.sms.as_ref().and_then(|sms| sms.code.as_ref());
                let right = code.is_some_and(|code| code.is_right(index, &about, text, now));
                if let Some(sms) = self.factors.sms.as_mut().filter(|_| right) {
                    sms.code = None;
                }
                Ok(right)
            }
            Proof::RecoveryCode(text) => {
                let (clinic, account) = (self.clinic, self.id);
                let presented = RecoveryCode::parse(text).zip(self.factors.recovery_codes.as_mut());
                Ok(presented.is_some_and(|(code, codes)| codes.use_up(index, clinic, account, &code, now)))
            }
            Proof::Passkey(proof) => Ok(self.show_passkey(proof, index, now).is_some()),
        }
    }

    /// Which step refused is told to nobody who has not logged in (WebAuthn Level 3, section 14.6.2).
    fn show_passkey(&mut self, proof: &PasskeyProof<'_>, index: &Secret, now: Timestamp) -> Option<()> {
        let PasskeyProof { rp, ceremony, response } = proof;
        let challenge = response.challenge()?;
        let unused = ceremony.recognise(index, &challenge, now)?;
        let passkey = self.factors.passkeys.find_mut(response.credential_id())?;
        let assertion = rp.verify(&challenge, response, self.id, &passkey.credential).ok()?;
        let right = self.used_challenges.use_up(unused, now) && passkey.credential.note_use(&assertion);
        passkey.last_used_at = Some(now);
        right.then_some(())
    }

    /// Makes the app from enrolment a factor, where the account has none yet, with a code that proves that it has the
    /// secret. Where it is one already, a right code shows no more than that it is: a request that is repeated, with the
    /// same code or a later one, comes to the same end. Other apps take a session to set up: who has the password and an
    /// old secret must not get round a factor.
    ///
    /// # Errors
    /// 500 where the clock stands before 1970.
    pub fn confirm_first_totp(&mut self, code: &str, now: Timestamp) -> Result<bool, Problem> {
        if let Some(totp) = &mut self.factors.totp {
            return Ok(totp.was_confirmed_by(code, now)? || totp.use_up(code, now)?);
        }
        let is_first = self.factors.registered().usable_by(self.holder()).is_empty();
        let confirmed = match &self.factors.totp_candidate {
            Some(secret) if is_first => secret.confirm(code, now)?,
            _ => None,
        };
        if confirmed.is_some() {
            self.factors.totp = confirmed;
            self.factors.totp_candidate = None;
            self.enrolled_at.get_or_insert(now);
        }
        Ok(self.factors.totp.is_some())
    }

    fn evidence(
        &mut self,
        password: PasswordEvidence,
        proof: Option<&Proof<'_>>,
        index: &Secret,
        now: Timestamp,
    ) -> Result<Evidence, Problem> {
        let factor = match proof {
            Some(proof) => Some((proof.factor(), self.show(proof, index, now)?)),
            None => None,
        };
        Ok(Evidence { password, factor })
    }

    /// What a session is worth that shows this, or `None` where it proves nothing. What is right is used up.
    ///
    /// # Errors
    /// 500 where the clock stands before 1970.
    pub fn step_up(
        &mut self,
        password: PasswordEvidence,
        proof: Option<&Proof<'_>>,
        session: Assurance,
        index: &Secret,
        now: Timestamp,
    ) -> Result<Option<Assurance>, Problem> {
        let circumstances = self.circumstances();
        let evidence = self.evidence(password, proof, index, now)?;
        Ok(step::step_up(&circumstances, evidence, session))
    }

    /// Whether this is enough to set a password beside a link that was mailed. What is right is used up.
    ///
    /// # Errors
    /// 500 where the clock stands before 1970.
    pub fn may_reset(&mut self, proof: Option<&Proof<'_>>, index: &Secret, now: Timestamp) -> Result<bool, Problem> {
        let circumstances = self.circumstances();
        let evidence = self.evidence(PasswordEvidence::NotShown, proof, index, now)?;
        Ok(step::may_reset(&circumstances, evidence.factor))
    }

    /// Whether the factor is set up, and may be used by whoever has the account.
    ///
    /// # Errors
    /// 409 where it is not.
    pub fn check_usable(&self, factor: SecondFactor) -> Result<(), Problem> {
        if self.factors.registered().usable_by(self.holder()).contains(factor) {
            Ok(())
        } else {
            Err(Problem::conflict(
                "no-such-factor",
                "The account has no such second factor, or it must not be used for it.",
            ))
        }
    }

    /// What comes next in a log-in that shows this. What is right is used up.
    ///
    /// # Errors
    /// 500 where the clock stands before 1970.
    pub fn log_in(
        &mut self,
        password: PasswordEvidence,
        proof: Option<&Proof<'_>>,
        index: &Secret,
        now: Timestamp,
    ) -> Result<Step, Problem> {
        // As it was before anything was used up: the last recovery code is still one when it is shown.
        let circumstances = self.circumstances();
        let evidence = self.evidence(password, proof, index, now)?;
        Ok(step::log_in(&circumstances, evidence))
    }
}
