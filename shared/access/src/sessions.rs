//! Where sessions lie: attested by `auth`, checked by every function with one read.
//!
//! A session's document has a margin: when it was last used, to within a minute, under a MAC that everybody who reads
//! sessions can make. Whoever serves a request may move it on; who forges it moves the idle limit and nothing else.

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{AttestationReader, Attestor, CryptoError, Label, Mac, Opener, Secret, mac, name};
use jiff::SignedDuration;
use model::{SessionId, Timestamp};
use ports::{Clock, Creation};
use store::{Compact, Doc, Shelf, StoreError, UpdateError};

use crate::{Caller, Session, Token};

const NAME: Label = Label::new("confide 2026-11 session name");
const LAST_USE: Label = Label::new("confide 2026-11 session last use");

const CLASS: &str = "session";

/// How long the last use may be out of date: it is written at most once in this time.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Last use: seconds since the epoch (8, big endian), then the first 16 bytes of its MAC.
const MARGIN: usize = 8 + 16;
type Margin = [u8; MARGIN];

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
}

impl<'k> From<&'k AttestationReader> for SessionKeys<'k> {
    fn from(reader: &'k AttestationReader) -> Self {
        Self {
            opener: reader,
            index: reader.index(),
        }
    }
}

impl<'k> From<&'k Attestor> for SessionKeys<'k> {
    fn from(attestor: &'k Attestor) -> Self {
        Self {
            opener: attestor,
            index: attestor.index(),
        }
    }
}

/// The name of the session in a slot.
#[must_use]
pub fn session_name(index: &Secret, slot: &[u8]) -> String {
    name(index, NAME, &[slot])
}

/// The sessions store, as every function sees it.
pub struct Sessions<'a> {
    shelf: Shelf<'a>,
    keys: SessionKeys<'a>,
    clock: &'a dyn Clock,
}

/// A session and when it was last used, to within a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The session.
    pub session: Session,
    /// Its last use.
    pub last_used_at: Timestamp,
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

    fn doc<'s, K: ?Sized>(&'s self, slot: &[u8], key: &'s K) -> Doc<'s, Session, K, Compact> {
        self.shelf
            .encoded_doc(None, CLASS, &session_name(self.keys.index, slot), key)
    }

    /// Bound to the session: the last use of one is not that of another that had the slot before.
    fn last_use_code(&self, session: SessionId, seconds: &[u8; 8]) -> Mac {
        mac(self.keys.index, LAST_USE, &[session.as_bytes(), seconds])
    }

    fn margin(&self, session: SessionId, at: Timestamp) -> Margin {
        let seconds = at.as_second().to_be_bytes();
        let code = self.last_use_code(session, &seconds).truncated();
        let mut margin = [0; MARGIN];
        for (to, from) in margin.iter_mut().zip(seconds.iter().chain(&code)) {
            *to = *from;
        }
        margin
    }

    /// The session in a slot, whatever its state.
    ///
    /// # Errors
    /// [`StoreError`] where it can't be read or is not what was written.
    pub fn read(&self, slot: &[u8]) -> Result<Option<Used>, StoreError> {
        let Some((margin, document)) = self.doc(slot, self.keys.opener).read_with_margin::<MARGIN>()? else {
            return Ok(None);
        };
        let session = document.value;
        let [a, b, c, d, e, f, g, h, code @ ..] = margin;
        let seconds = [a, b, c, d, e, f, g, h];
        if !self.last_use_code(session.id, &seconds).matches_truncated(&code) {
            return Err(CryptoError::Tampered.into());
        }
        let last_used_at = Timestamp::from_second(i64::from_be_bytes(seconds)).map_err(|_| StoreError::Form)?;
        Ok(Some(Used { session, last_used_at }))
    }

    /// Who presents this token.
    ///
    /// # Errors
    /// [`Unauthenticated::NoSession`] whatever is wrong with the token, [`Unauthenticated::Store`] where the state can't be read.
    pub fn authenticate(&self, token: &Token) -> Result<Caller, Unauthenticated> {
        let Used { session, last_used_at } = self.read(token.slot())?.ok_or(Unauthenticated::NoSession)?;
        // In constant time: the slot is known to whoever saw a token once, the secret must not be found byte by byte.
        let is_recognised = token.code(self.keys.index).matches(&session.verifier);
        let now = self.clock.now();
        if !is_recognised || !session.is_live(last_used_at, now) {
            return Err(Unauthenticated::NoSession);
        }
        if now.duration_since(last_used_at) >= TOUCH_EVERY {
            // Somebody else touching it first is as good, and a touch that fails only brings the idle limit nearer. Where
            // another session has the slot by now, its last use is not this one's to move.
            let (mine, touched) = (self.margin(session.id, last_used_at), self.margin(session.id, now));
            let _ = self
                .doc(token.slot(), self.keys.opener)
                .change_margin(|margin| (*margin == mine).then_some(touched));
        }
        Ok(Caller { session })
    }

    /// Whether this is what a browser that keeps the token as a cookie must send beside it. Compares in constant time.
    #[must_use]
    pub fn is_csrf_token(&self, token: &Token, presented: &str) -> bool {
        Base64UrlUnpadded::decode_vec(presented)
            .is_ok_and(|presented| token.csrf_code(self.keys.index).matches(&presented))
    }

    /// Begins a session in a slot of a random name that nothing was ever written under.
    ///
    /// # Errors
    /// [`StoreError`] where it is not known to be durable.
    pub fn begin(&self, attestor: &Attestor, slot: &[u8], session: &Session) -> Result<(), StoreError> {
        let margin = self.margin(session.id, session.created_at);
        self.doc(slot, attestor).create_unshared_with_margin(&margin, session)
    }

    /// Begins a session in a slot that had one before, unless a log-in that took the slot later was faster. The document
    /// is missing where the log-in that took the slot first died before it wrote it.
    ///
    /// # Errors
    /// [`StoreError`] where it is not known to be durable, or a later one is there.
    pub fn begin_again(&self, attestor: &Attestor, slot: &[u8], session: &Session) -> Result<(), StoreError> {
        let (doc, fresh) = (self.doc(slot, attestor), self.margin(session.id, session.created_at));
        let replace = || {
            doc.update_with_margin(None, |before, margin: &mut Margin| {
                if before.created_at > session.created_at {
                    return Err(StoreError::Contended);
                }
                (*before, *margin) = (session.clone(), fresh);
                Ok(())
            })
        };
        let replaced = match replace() {
            Err(UpdateError::Absent) => match doc.create_with_margin(&fresh, session)? {
                Creation::Created => return Ok(()),
                Creation::Exists => replace(),
            },
            replaced => replaced,
        };
        match replaced {
            Ok(_) => Ok(()),
            Err(UpdateError::Refused(error) | UpdateError::Store(error)) => Err(error),
            Err(UpdateError::Absent | UpdateError::Stale) => Err(StoreError::Form),
        }
    }

    /// Changes the session in a slot: ends it, or notes a step-up.
    ///
    /// # Errors
    /// As [`Doc::update`].
    pub fn change<E>(
        &self,
        attestor: &Attestor,
        slot: &[u8],
        mut change: impl FnMut(&mut Session) -> Result<(), E>,
    ) -> Result<(), UpdateError<E>> {
        self.doc(slot, attestor)
            .update_with_margin(None, |session, _: &mut Margin| change(session))
            .map(drop)
    }
}
