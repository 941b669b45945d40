//! What a document holds: its attachment, and the uploads by which it came or was to come.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use crypto::{ContentKey, CryptoError};
use jiff::SignedDuration;
use model::{Confidential, Timestamp};
use ports::{Entropy, EntropyExt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The most that a document holds, in bytes: 25 MiB.
pub(crate) const LONGEST: u64 = 25 * 1024 * 1024;

/// The most uploads of one document that are noted at once. Each may have left its chunks.
pub(crate) const MOST_UPLOADS: usize = 8;

/// How long after its beginning an upload is attached.
const LASTS: SignedDuration = SignedDuration::from_hours(1);

/// When an upload is over at the latest. So much later than it could be attached that no clocks of hosts are that far apart.
const OVER_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// The content of a document, as its record keeps it. Name and key are nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attachment {
    /// What its chunks are named by.
    pub(crate) name: String,
    key: Confidential<Zeroizing<String>>,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) attached_at: Timestamp,
}

/// An upload that began. While it is noted, so are the chunks that there may be of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upload {
    /// What its chunks are named by: fresh randomness.
    pub(crate) name: String,
    /// The version of the draft that it is attached to, or to none.
    pub(crate) version: u64,
    pub(crate) begun_at: Timestamp,
    /// How long it is at most, in bytes.
    pub(crate) longest: u64,
}

/// What becomes of an upload that is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The record names it, or may come to name it: nothing.
    Stays,
    /// Its chunks are removed, and it stays noted: whoever writes them may be about to write more.
    IsEmptied,
    /// Its chunks are removed, and it is forgotten.
    IsForgotten,
}

impl Attachment {
    /// Of nothing yet. The key is kept before it seals, which uses it up.
    pub(crate) fn new(name: String, key: &ContentKey, now: Timestamp) -> Self {
        Self {
            name,
            key: Confidential::new(Zeroizing::new(Base64::encode_string(key.wrappable()))),
            size: 0,
            attached_at: now,
        }
    }

    /// The same, once all of it is there.
    pub(crate) fn complete(self, size: u64, now: Timestamp) -> Self {
        Self {
            size,
            attached_at: now,
            ..self
        }
    }

    /// The key of its chunks.
    pub(crate) fn key(&self) -> Result<ContentKey, CryptoError> {
        let bytes = Base64::decode_vec(self.key.expose()).map_err(|_| CryptoError::Tampered)?;
        ContentKey::from_wrapped(&Zeroizing::new(bytes))
    }
}

impl Upload {
    /// One that begins now, of a content of this length where its sender says so.
    pub(crate) fn new(entropy: &dyn Entropy, version: u64, now: Timestamp, length: Option<u64>) -> Self {
        Self {
            name: Base64UrlUnpadded::encode_string(&entropy.bytes::<16>()),
            version,
            begun_at: now,
            longest: length.unwrap_or(LONGEST),
        }
    }

    /// Whether it may still be attached.
    pub(crate) fn is_timely(&self, now: Timestamp) -> bool {
        now.duration_since(self.begun_at) < LASTS
    }

    /// What becomes of it where the record has this version and names this content. Of uploads in `ended` nobody writes any more, and
    /// only the record may name them.
    ///
    /// An upload is attached by a swap of the version that it began from. So one of an earlier version that the record does not name never
    /// will be named, whoever still writes it; nor will one that is too old.
    pub(crate) fn fate(&self, version: u64, named: Option<&str>, ended: &[&str], now: Timestamp) -> Fate {
        let has_ended = ended.contains(&self.name.as_str()) || now.duration_since(self.begun_at) >= OVER_AFTER;
        if named == Some(&self.name) {
            Fate::Stays
        } else if has_ended {
            Fate::IsForgotten
        } else if self.version < version {
            Fate::IsEmptied
        } else {
            Fate::Stays
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minutes: i64) -> Timestamp {
        let start: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        start + SignedDuration::from_mins(minutes)
    }

    fn upload() -> Upload {
        Upload {
            name: "mine".to_owned(),
            version: 3,
            begun_at: at(0),
            longest: LONGEST,
        }
    }

    #[test]
    fn what_is_named_or_may_be_stays() {
        let (mine, other) = (Some("mine"), Some("other"));
        for (version, named, ended, minutes, fate) in [
            (3, None, [].as_slice(), 0, Fate::Stays),
            (3, other, &[], 119, Fate::Stays),
            (3, other, &["mine"], 0, Fate::IsForgotten),
            (3, other, &[], 120, Fate::IsForgotten),
            (4, mine, &["mine"], 500, Fate::Stays),
            (4, other, &["other"], 119, Fate::IsEmptied),
            (4, None, &[], 0, Fate::IsEmptied),
            (4, None, &["mine"], 0, Fate::IsForgotten),
            (9, other, &[], 120, Fate::IsForgotten),
        ] {
            assert_eq!(
                upload().fate(version, named, ended, at(minutes)),
                fate,
                "{version} {named:?} {ended:?} {minutes}"
            );
        }
    }

    proptest! {
        /// Whatever may still be attached keeps its chunks, unless its own request gave it up.
        #[test]
        fn nothing_is_removed_that_may_be_attached(minutes in 0..300_i64, version in 1..6_u64) {
            let upload = upload();
            let may_be_attached = upload.is_timely(at(minutes)) && upload.version == version;
            let fate = upload.fate(version, Some("other"), &["other"], at(minutes));
            prop_assert!(!may_be_attached || fate == Fate::Stays);
        }
    }

    #[test]
    fn prints_no_key() {
        let key = ContentKey::from_wrapped(&[7; 32]).unwrap();
        let attachment = Attachment::new("name".to_owned(), &key, at(0));
        assert!(!format!("{attachment:?}").contains(&Base64::encode_string(&[7; 32])));
        assert_eq!(attachment.key().unwrap().wrappable(), &[7; 32]);
    }
}
