//! Where a request over a whole trail goes on that was too long for one.
//!
//! A cursor names stored entries by their hash, and what they must come to. What this function says of a trail it says because it came to it from
//! a head, which is authenticated; a cursor that anybody could write would let it start from what nobody ever wrote, and sign that. So a
//! cursor is sealed for the clinic and for what it goes on with, and one that comes back was given out here.

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{KeySet, Label, Opener, Place, Sealer};
use model::{ClinicId, Function};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Link, StoreError};
use web::{Exchange, Problem};

const CURSOR: Label = Label::new("confide 2026-11 audit cursor");

/// A chain, and the place in it from which on it was not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) function: Function,
    pub(crate) shard: u8,
    /// What is to be read next of it; without it, the chain was not begun.
    pub(crate) link: Option<Link>,
}

impl Position {
    /// Which chain.
    pub(crate) fn chain(self) -> (Function, u8) {
        (self.function, self.shard)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionDocument {
    function: Function,
    shard: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PositionDocument {
            function: self.function,
            shard: self.shard,
            link: self.link.map(|link| Base64UrlUnpadded::encode_string(&link.to_bytes())),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PositionDocument { function, shard, link } = PositionDocument::deserialize(deserializer)?;
        let link = link
            .map(|text| {
                let bytes = Base64UrlUnpadded::decode_vec(&text).ok();
                bytes
                    .and_then(|bytes| Link::from_bytes(&bytes))
                    .ok_or_else(|| serde::de::Error::custom("a link is none"))
            })
            .transpose()?;
        Ok(Self { function, shard, link })
    }
}

/// What a cursor goes on with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CursorOf {
    Export,
    Query,
    Verification,
}

/// The cursors of one clinic for one purpose.
pub(crate) struct Cursors<'a> {
    exchange: &'a Exchange<'a>,
    keys: KeySet,
    place: Place,
}

impl<'a> Cursors<'a> {
    pub(crate) fn new(exchange: &'a Exchange<'a>, clinic: ClinicId, of: CursorOf) -> Result<Self, Problem> {
        let key = match of {
            CursorOf::Export => "export",
            CursorOf::Query => "query",
            CursorOf::Verification => "verification",
        };
        Ok(Self {
            exchange,
            keys: KeySet::lasting(exchange.keyring.key("index")?, CURSOR),
            place: Place {
                clinic: Some(clinic),
                store: "audit",
                key: key.to_owned(),
                class: "audit cursor",
                version: 0,
            },
        })
    }

    pub(crate) fn seal(&self, cursor: &impl Serialize) -> Result<String, Problem> {
        let plain = serde_json::to_vec(cursor).map_err(|_| Problem::defect("a cursor does not serialise"))?;
        let sealed = self.keys.seal(self.exchange.platform.entropy, &self.place, &plain);
        Ok(Base64UrlUnpadded::encode_string(&sealed.map_err(StoreError::from)?))
    }

    /// # Errors
    /// 400 for what is no cursor of this clinic and purpose.
    pub(crate) fn open<T: DeserializeOwned>(&self, cursor: &str) -> Result<T, Problem> {
        let sealed = Base64UrlUnpadded::decode_vec(cursor).ok();
        let plain = sealed.and_then(|sealed| self.keys.open(&self.place, &sealed).ok());
        plain
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .ok_or_else(|| {
                Problem::malformed(
                    "cursor",
                    "cursor",
                    "must be the `next` of an earlier answer to the same clinic",
                )
            })
    }
}
