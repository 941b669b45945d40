//! A claim or an explanation of benefit as it is kept, and what an import makes of it. Pure.

use std::fmt;

use model::{AccountId, ClaimId, Confidential, ExplanationOfBenefitId, Timestamp};
use serde::{Deserialize, Serialize};
use web::import::{Imported, Step, There};

use super::content::{Content, Kind};

/// Why there is another version than the first.
const IMPORTED_AGAIN: &str = "imported again";

/// Of either kind, which its letters tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "String")]
pub(crate) enum DocumentId {
    Claim(ClaimId),
    ExplanationOfBenefit(ExplanationOfBenefitId),
}

impl DocumentId {
    pub(crate) fn from_bytes(kind: Kind, bytes: [u8; 16]) -> Self {
        match kind {
            Kind::Claim => Self::Claim(ClaimId::from_bytes(bytes)),
            Kind::ExplanationOfBenefit => Self::ExplanationOfBenefit(ExplanationOfBenefitId::from_bytes(bytes)),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        match self {
            Self::Claim(id) => id.as_bytes(),
            Self::ExplanationOfBenefit(id) => id.as_bytes(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Claim(_) => Kind::Claim,
            Self::ExplanationOfBenefit(_) => Kind::ExplanationOfBenefit,
        }
    }
}

/// A text that is no document's id.
#[derive(Debug)]
pub(crate) struct NoDocumentId;

impl fmt::Display for NoDocumentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be the id of a claim or of an explanation of benefit")
    }
}

impl TryFrom<String> for DocumentId {
    type Error = NoDocumentId;

    fn try_from(text: String) -> Result<Self, NoDocumentId> {
        let claim = text.parse().map(Self::Claim);
        claim.or_else(|_| text.parse().map(Self::ExplanationOfBenefit).map_err(|_| NoDocumentId))
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(id) => id.fmt(formatter),
            Self::ExplanationOfBenefit(id) => id.fmt(formatter),
        }
    }
}

/// A version of the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    /// Counts the versions, from 1.
    pub(crate) revision: u64,
    pub(crate) written_by: AccountId,
    pub(crate) written_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
    pub(crate) content: Content,
}

/// A claim or an explanation of benefit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) created_by: AccountId,
    pub(crate) created_at: Timestamp,
    pub(crate) current: Version,
    pub(crate) imported: Imported,
}

/// What a source says of a document, checked.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) id: DocumentId,
    /// Where it is from, as what a first version keeps of that.
    pub(crate) imported: Imported,
    pub(crate) content: Content,
}

impl Document {
    /// The first version.
    pub(crate) fn new(said: Said, author: AccountId, now: Timestamp) -> Self {
        Self {
            created_by: author,
            created_at: now,
            current: Version {
                revision: 1,
                written_by: author,
                written_at: now,
                reason: None,
                content: said.content,
            },
            imported: said.imported,
        }
    }

    /// What is to be done where its source, or another one, is heard again.
    pub(crate) fn hear(&self, said: &Said) -> Step {
        said.imported.over(There {
            imported: Some(&self.imported),
            version: self.current.revision,
            says_the_same: self.current.content == said.content,
        })
    }

    /// The next version: what its source says now.
    pub(crate) fn replace(&mut self, said: Said, author: AccountId, now: Timestamp) {
        let revision = self.current.revision.saturating_add(1);
        self.current = Version {
            revision,
            written_by: author,
            written_at: now,
            reason: Some(Confidential::new(IMPORTED_AGAIN.to_owned())),
            content: said.content,
        };
        self.imported = Imported {
            version: revision,
            ..said.imported
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use web::import::{Outcome, Source};

    const SAME: Step = Step::Leave(Outcome::Unchanged);
    const FOREIGN: Step = Step::Leave(Outcome::Kept);

    fn source(id: &str) -> Source {
        serde_json::from_value(json!({"system": "urn:ietf:rfc:3986", "id": id})).unwrap()
    }

    fn said(of: &str, provider: &str) -> Said {
        let concept = json!({"text": "professional"});
        let claim = json!({"status": "active", "type": concept, "use": "claim", "created": "2026", "provider": provider,
            "priority": concept, "insurance": [{"sequence": 1, "focal": true, "coverage": "Mutual"}]});
        let mut fingerprint = [0; 16];
        fingerprint[..provider.len()].copy_from_slice(provider.as_bytes());
        Said {
            id: DocumentId::Claim(ClaimId::from_bytes([1; 16])),
            imported: Imported {
                source: source(of),
                fingerprint,
                version: 1,
            },
            content: serde_json::from_value(claim).unwrap(),
        }
    }

    #[test]
    fn what_its_source_says_replaces_what_it_said_and_nothing_else() {
        let (me, now) = (AccountId::from_bytes([2; 16]), Timestamp::UNIX_EPOCH);
        let mut document = Document::new(said("a", "one"), me, now);
        assert_eq!(document.hear(&said("a", "one")), SAME);
        assert_eq!(document.hear(&said("a", "two")), Step::Update);
        assert_eq!(document.hear(&said("b", "two")), FOREIGN);
        assert_eq!(document.hear(&said("b", "one")), SAME, "what is here says the same");

        document.replace(said("a", "two"), me, now);
        assert_eq!(document.current.revision, 2);
        assert_eq!(
            document.current.reason.as_ref().map(|reason| reason.expose().as_str()),
            Some(IMPORTED_AGAIN)
        );
        assert_eq!(document.hear(&said("a", "two")), SAME);
        assert_eq!(document.hear(&said("a", "one")), Step::Update);

        // Whatever else comes to write a version, it stays, and its source is not heard any more.
        document.current.revision = 3;
        document.current.content = said("a", "three").content;
        assert_eq!(document.hear(&said("a", "one")), FOREIGN);
        assert_eq!(document.hear(&said("a", "two")), SAME, "it was imported before");
        assert_eq!(document.hear(&said("a", "three")), SAME);
    }

    #[test]
    fn an_id_tells_its_kind() {
        for (kind, letters) in [(Kind::Claim, "clm"), (Kind::ExplanationOfBenefit, "eob")] {
            let id = DocumentId::from_bytes(kind, [7; 16]);
            let text = id.to_string();
            assert!(text.starts_with(letters), "{text}");
            assert_eq!(id.kind(), kind);
            assert_eq!(serde_json::to_value(id).unwrap(), json!(text));
            assert_eq!(serde_json::from_value::<DocumentId>(json!(text)).unwrap(), id);
            for other in [text.replace(letters, "inv"), text.to_uppercase(), text[1..].to_owned()] {
                assert!(serde_json::from_value::<DocumentId>(json!(other)).is_err(), "{other}");
            }
        }
    }
}
