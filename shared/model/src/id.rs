//! Opaque prefixed identifiers: 128 random bits that say what they name and nothing else.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base32hex;

/// Length of a kind's letters with their underscore.
const PREFIX: usize = 4;

/// Length of 128 bits in base32.
const ENCODED: usize = 26;

/// What an identifier names. Implemented by the markers of this crate only.
pub trait Kind: sealed::Sealed + 'static {
    /// The three letters in front of the underscore.
    const PREFIX: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

/// An identifier of one kind of thing: `prefix_` and 26 base32 characters (128 bits).
///
/// Identifiers are opaque and carry no personal datum, so they may be printed.
pub struct Id<K: Kind>([u8; 16], PhantomData<K>);

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not begin with the kind's prefix and an underscore.
    #[error("must begin with the prefix of its kind and an underscore")]
    Prefix,
    /// What follows the prefix is not 26 characters of lower-case base32.
    #[error("must have 26 lower-case base32 characters after its prefix")]
    Encoding,
}

impl<K: Kind> Id<K> {
    /// The identifier with these 128 bits. Take them from `ports::Entropy`, or from a keyed hash
    /// where a retry must name the same thing.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The 128 bits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl<K: Kind> std::str::FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let encoded = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(IdError::Prefix)?;
        base32hex::decode(encoded)
            .map(Self::from_bytes)
            .ok_or(IdError::Encoding)
    }
}

impl<K: Kind> Id<K> {
    /// The text, without a detour over the heap: a request writes a score of them.
    fn with_text<R>(&self, write: impl FnOnce(&str) -> R) -> R {
        const { assert!(K::PREFIX.len() + 1 == PREFIX) };
        let mut text = [0; PREFIX + ENCODED];
        let (prefix, encoded) = text.split_at_mut(PREFIX);
        for (to, from) in prefix.iter_mut().zip(K::PREFIX.bytes().chain([b'_'])) {
            *to = from;
        }
        for (to, from) in encoded.iter_mut().zip(base32hex::digits(&self.0)) {
            *to = from;
        }
        // ASCII by its making.
        write(str::from_utf8(&text).unwrap_or_default())
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| formatter.write_str(text))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

// Derives would ask the same of the marker `K`.
impl<K: Kind> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K: Kind> Copy for Id<K> {}
impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K: Kind> Eq for Id<K> {}
impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K: Kind> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.with_text(|text| serializer.serialize_str(text))
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<K: Kind> JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        K::PREFIX.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": format!("^{}_[0-9a-v]{{{ENCODED}}}$", K::PREFIX) })
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<K>(PhantomData<K>);
        impl<K: Kind> serde::de::Visitor<'_> for Text<K> {
            type Value = Id<K>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "an id that begins with `{}_`", K::PREFIX)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Id<K>, E> {
                text.parse().map_err(E::custom)
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Text(PhantomData))
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Self::from_bytes)
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $alias:ident = $marker:ident, $prefix:literal;)*) => {
        /// The markers behind the identifier types.
        pub mod kind {
            $(#[doc = concat!("What the prefix `", $prefix, "_` stands for.")]
            pub enum $marker {})*
        }
        $(impl sealed::Sealed for kind::$marker {}
        impl Kind for kind::$marker {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = Id<kind::$marker>;)*
    };
}

kinds! {
    /// A review of who still needs access.
    AccessReviewId = AccessReview, "acr";
    /// What was added to a clinical record after it was signed.
    AddendumId = Addendum, "add";
    /// A person who can log in, within one clinic.
    AccountId = Account, "acc";
    /// A clinic: the tenant that everything belongs to.
    ClinicId = Clinic, "cln";
    /// What an insurer was asked to pay.
    ClaimId = Claim, "clm";
    /// A client (patient) as staff know her.
    ClientId = Client, "cli";
    /// A consent that a client gave.
    ConsentId = Consent, "cns";
    /// Access that somebody took by breaking the glass.
    EmergencyId = Emergency, "emg";
    /// An entry of the audit trail.
    EventId = Event, "aud";
    /// Something that a payment gateway told of.
    GatewayEventId = GatewayEvent, "gwe";
    /// A lawful ground other than consent.
    GroundId = Ground, "grd";
    /// What an insurer says became of a claim.
    ExplanationOfBenefitId = ExplanationOfBenefit, "eob";
    /// An invitation to open an account.
    InvitationId = Invitation, "inv";
    /// An invoice to a client.
    InvoiceId = Invoice, "ivc";
    /// A merge of two entries that were one client's.
    MergeId = Merge, "mrg";
    /// A message to somebody.
    MessageId = Message, "msg";
    /// A version of a notice.
    NoticeId = Notice, "ntc";
    /// A passkey of an account.
    PasskeyId = Passkey, "psk";
    /// A payment that the clinic itself took.
    PaymentId = Payment, "pmt";
    /// A clinical record.
    RecordId = Record, "rec";
    /// A request of an administrator to recover somebody's account.
    RecoveryId = Recovery, "rcv";
    /// A refund of a payment that the clinic itself took.
    RefundId = Refund, "rfd";
    /// What a client hides from whom.
    RestrictionId = Restriction, "rst";
    /// One HTTP request.
    RequestId = Request, "req";
    /// A log-in session.
    SessionId = Session, "ses";
    /// A client as the audit trail knows her: a random pseudonym that only her permissions document links to her.
    SubjectId = Subject, "sub";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_keeps_its_kind() {
        let id = ClientId::from_bytes([7; 16]);
        let text = id.to_string();
        assert_eq!(text.len(), 4 + 26);
        assert_eq!(text.parse::<ClientId>(), Ok(id));
        assert_eq!(text.parse::<AccountId>(), Err(IdError::Prefix));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ClientId>(&json).unwrap(), id);
    }

    #[test]
    fn one_thing_has_one_name() {
        let text = ClientId::from_bytes([0xff; 16]).to_string();
        for wrong in [
            text.to_uppercase(),
            text.replace("cli_", "cli"),
            format!("{text}0"),
            format!("{}v", &text[..text.len() - 1]),
            format!("{} ", &text[..text.len() - 1]),
            String::new(),
        ] {
            assert!(wrong.parse::<ClientId>().is_err(), "{wrong}");
        }
    }
}
