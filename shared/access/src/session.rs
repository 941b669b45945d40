//! Sessions: attested by `auth`, checked by every function with one read and one HMAC.

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{AttestationReader, Attestor, KeySet, Label, Opener, Secret, mac, name};
use jiff::SignedDuration;
use model::{AccountId, ClientId, ClinicId, Role, SessionId, Timestamp};
use ports::Clock;
use serde::{Deserialize, Serialize};
use store::{Shelf, StoreError};
use zeroize::Zeroizing;

const SESSION: Label = Label::new("confide 2026-11 session name");
const ACTIVITY: Label = Label::new("confide 2026-11 session activity name");
const TOKEN: Label = Label::new("confide 2026-11 session token");

const CLASS: &str = "session";
const ACTIVITY_CLASS: &str = "session activity";
const TOKEN_PREFIX: &str = "cfs_";
const SLOT_LENGTH: usize = 16;
const SECRET_LENGTH: usize = 32;

/// How long the last activity may be out of date: it is written at most once in this time.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_secs(60);

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

    fn slot(&self) -> &[u8] {
        self.0.split_at(SLOT_LENGTH).0
    }

    /// What a session keeps of the token: enough to recognise it, not enough to make it.
    #[must_use]
    pub fn verifier(&self, index: &Secret) -> [u8; 32] {
        *mac(index, TOKEN, &[self.0.split_at(SLOT_LENGTH).1]).as_bytes()
    }
}

/// How sure it is who somebody is (NIST SP 800-63B-4, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A password, where that is not enough: it opens what sets up a second factor, and nothing else.
    Enrolment,
    /// A password, where that is enough: AAL1.
    SingleFactor,
    /// Two factors, or one that is two: AAL2.
    MultiFactor,
}

/// A session as `auth` attests it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who logged in.
    pub account: AccountId,
    /// To which clinic.
    pub clinic: ClinicId,
    /// As what.
    pub roles: Vec<Role>,
    /// Which client the account belongs to, for clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// How sure it is that it is her.
    pub assurance: Assurance,
    /// When she last proved it: at the log-in, or since.
    pub proven_at: Timestamp,
    /// Recognises the token's secret.
    pub verifier: [u8; 32],
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// How long it may lie idle, in seconds.
    pub idle_seconds: u32,
    /// When it was ended before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// When a session was last used, to within a minute. Not attested: whoever forges it moves the idle limit and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// The session; a slot is used again by later ones.
    pub session: SessionId,
    /// The last use.
    pub at: Timestamp,
}

/// Someone who has proven who they are. Made by [`Sessions::authenticate`] alone.
#[derive(Debug, Clone)]
pub struct Caller {
    session: Session,
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

/// Why a token opens no session. The caller is told nothing but that it doesn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// No such session, a wrong secret, expired, idle or revoked.
    #[error("no live session has this token")]
    NoSession,
    /// The state could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The keys that sessions are read with.
#[derive(Clone, Copy)]
pub struct SessionKeys<'k> {
    opener: &'k dyn Opener,
    index: &'k Secret,
    shared: &'k KeySet,
}

impl<'k> From<&'k AttestationReader> for SessionKeys<'k> {
    fn from(reader: &'k AttestationReader) -> Self {
        Self {
            opener: reader,
            index: reader.index(),
            shared: reader.shared(),
        }
    }
}

impl<'k> From<&'k Attestor> for SessionKeys<'k> {
    fn from(attestor: &'k Attestor) -> Self {
        Self {
            opener: attestor,
            index: attestor.index(),
            shared: attestor.shared(),
        }
    }
}

/// The name of the session in a slot.
#[must_use]
pub fn session_name(index: &Secret, slot: &[u8]) -> String {
    name(index, SESSION, &[slot])
}

/// The name of the activity of a slot.
#[must_use]
pub fn activity_name(index: &Secret, slot: &[u8]) -> String {
    name(index, ACTIVITY, &[slot])
}

/// The sessions store, as every function sees it.
pub struct Sessions<'a> {
    shelf: Shelf<'a>,
    keys: SessionKeys<'a>,
    clock: &'a dyn Clock,
}

impl<'a> Sessions<'a> {
    /// The sessions in this store.
    pub fn new(shelf: Shelf<'a>, keys: impl Into<SessionKeys<'a>>, clock: &'a dyn Clock) -> Self {
        Self {
            shelf,
            keys: keys.into(),
            clock,
        }
    }

    /// The store and class that sessions are documents of, for `auth`, which writes them.
    pub fn doc<'s, K: ?Sized>(&'s self, slot: &[u8], key: &'s K) -> store::Doc<'s, Session, K> {
        self.shelf.doc(None, CLASS, &session_name(self.keys.index, slot), key)
    }

    /// The activity of a slot.
    pub fn activity(&self, slot: &[u8]) -> store::Doc<'_, Activity, KeySet> {
        self.shelf.doc(
            None,
            ACTIVITY_CLASS,
            &activity_name(self.keys.index, slot),
            self.keys.shared,
        )
    }

    /// Who presents this token.
    ///
    /// # Errors
    /// [`Unauthenticated::NoSession`] whatever is wrong with the token, [`Unauthenticated::Store`] where the state can't be read.
    pub fn authenticate(&self, token: &Token) -> Result<Caller, Unauthenticated> {
        let session = self
            .doc(token.slot(), self.keys.opener)
            .read()?
            .ok_or(Unauthenticated::NoSession)?
            .value;
        // In constant time: the slot is known to whoever saw a token once, the secret must not be found byte by byte.
        let recognised = mac(self.keys.index, TOKEN, &[token.0.split_at(SLOT_LENGTH).1]).matches(&session.verifier);
        let now = self.clock.now();
        if !recognised || session.revoked_at.is_some() || session.expires_at <= now {
            return Err(Unauthenticated::NoSession);
        }
        let activity = self.activity(token.slot());
        let last = activity
            .read()?
            .filter(|last| last.value.session == session.id)
            .ok_or(Unauthenticated::NoSession)?;
        let idle = now.duration_since(last.value.at);
        if idle > SignedDuration::from_secs(i64::from(session.idle_seconds)) {
            return Err(Unauthenticated::NoSession);
        }
        if idle >= TOUCH_EVERY {
            // Somebody else touching it first is as good, and a touch that fails only brings the idle limit nearer.
            let _ = activity.update(Some(last.version), |activity| {
                activity.at = now;
                Ok::<_, ()>(())
            });
        }
        Ok(Caller { session })
    }
}
