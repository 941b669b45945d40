//! Sessions, and the tokens that are proof of them.

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{Label, Mac, Secret, mac};
use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClientId, ClinicId, Region, Role, SessionId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const CSRF: Label = Label::new("confide 2026-11 session cross-site request forgery token");
const TOKEN: Label = Label::new("confide 2026-11 session token");

const TOKEN_PREFIX: &str = "cfs_";
const SLOT_LENGTH: usize = 16;
const SECRET_LENGTH: usize = 32;

/// A bearer token: where the session lies (128 bits) and what proves that it is yours (256 bits).
/// Printed only by [`Token::reveal`], wiped when dropped.
pub struct Token(Zeroizing<[u8; SLOT_LENGTH + SECRET_LENGTH]>);

impl Token {
    /// The token of a slot and a fresh secret.
    #[must_use]
    pub fn new(slot: &[u8; SLOT_LENGTH], secret: &[u8; SECRET_LENGTH]) -> Self {
        let mut bytes = Zeroizing::new([0; SLOT_LENGTH + SECRET_LENGTH]);
        for (to, from) in bytes.iter_mut().zip(slot.iter().chain(secret)) {
            *to = *from;
        }
        Self(bytes)
    }

    /// Parses what a client presents.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; SLOT_LENGTH + SECRET_LENGTH]);
        let decoded = Base64UrlUnpadded::decode(text.strip_prefix(TOKEN_PREFIX)?, bytes.as_mut_slice()).ok()?;
        (decoded.len() == SLOT_LENGTH + SECRET_LENGTH).then_some(Self(bytes))
    }

    /// The text that the client keeps.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(self.0.as_slice()));
        Zeroizing::new(format!("{TOKEN_PREFIX}{}", *encoded))
    }

    pub(crate) fn slot(&self) -> &[u8] {
        self.0.split_at(SLOT_LENGTH).0
    }

    pub(crate) fn code(&self, index: &Secret) -> Mac {
        mac(index, TOKEN, &[self.0.split_at(SLOT_LENGTH).1])
    }

    pub(crate) fn csrf_code(&self, index: &Secret) -> Mac {
        mac(index, CSRF, &[self.0.as_slice()])
    }

    /// What a browser that keeps the token as a cookie must send beside it to change anything.
    #[must_use]
    pub fn csrf_token(&self, index: &Secret) -> Zeroizing<String> {
        Zeroizing::new(Base64UrlUnpadded::encode_string(self.csrf_code(index).as_bytes()))
    }

    /// What a session keeps of the token: enough to recognise it, not enough to make it.
    #[must_use]
    pub fn verifier(&self, index: &Secret) -> [u8; 32] {
        *self.code(index).as_bytes()
    }
}

/// How sure it is who somebody is (NIST SP 800-63B-4, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A password, where that is not enough: it opens what sets up a second factor, and nothing else.
    Enrolment,
    /// A password, where that is enough: AAL1.
    SingleFactor,
    /// Two factors, or one that is two: AAL2.
    MultiFactor,
}

/// A session as `auth` attests it. Stored in its fields' order: a change of form takes another document class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who logged in.
    pub account: AccountId,
    /// To which clinic.
    pub clinic: ClinicId,
    /// Where that clinic's data is kept, and nowhere else.
    pub region: Region,
    /// As what.
    pub roles: Vec<Role>,
    /// Which client the account belongs to, for clients.
    pub client: Option<ClientId>,
    /// Recognises the token's secret.
    pub verifier: [u8; 32],
    /// How sure it is that it is her.
    pub assurance: Assurance,
    /// When she last proved it: at the log-in, or since.
    #[serde(with = "nanosecond::required")]
    pub proven_at: Timestamp,
    /// When it began.
    #[serde(with = "nanosecond::required")]
    pub created_at: Timestamp,
    /// When it ends whatever happens.
    #[serde(with = "nanosecond::required")]
    pub expires_at: Timestamp,
    /// How long it may lie idle, in seconds.
    pub idle_seconds: u32,
    /// When it was ended before its time.
    #[serde(with = "nanosecond::optional")]
    pub revoked_at: Option<Timestamp>,
}

impl Session {
    /// Whether it is neither ended, over nor idle, when it was last used at this time.
    #[must_use]
    pub fn is_live(&self, last_used_at: Timestamp, now: Timestamp) -> bool {
        let idle = SignedDuration::from_secs(i64::from(self.idle_seconds));
        self.revoked_at.is_none() && now < self.expires_at && now.duration_since(last_used_at) <= idle
    }
}

/// Someone who has proven who they are. Made by [`Sessions::authenticate`] alone.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) session: Session,
}

impl Caller {
    /// The account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.session.account
    }

    /// The clinic.
    #[must_use]
    pub fn clinic(&self) -> ClinicId {
        self.session.clinic
    }

    /// What the account is to its clinic.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.session.roles
    }

    /// The client that the account belongs to.
    #[must_use]
    pub fn client(&self) -> Option<ClientId> {
        self.session.client
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }
}
