//! Content as it lies, sealed, and as it is answered: the text that it had when it was checked.
//!
//! Whoever reads a record is given what was written; nothing in between has to understand it. So reading costs no parsing of
//! what is read, and what was signed does not change with what later versions of Confide make of it.

use std::fmt;

use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use web::{Part, Problem};

use super::{Content, Kind, MediaType};

/// A content that was checked, with what lists and readers want to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) kind: Kind,
    /// When what it tells of was, or began, as far as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effective_at: Option<Timestamp>,
    /// What is to be attached to it, where it is a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<MediaType>,
    pub(crate) content: Json,
    /// What an assessment's answers come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Json>,
}

impl Written {
    /// The content once more, for what depends on when it is asked.
    pub(crate) fn read(&self) -> Result<Content, Problem> {
        let part: Part = serde_json::from_slice(self.content.0.get().as_bytes())
            .map_err(|_| Problem::defect("the content of a record is no JSON"))?;
        Content::read(self.kind, &part, "/content")
    }

    /// How long its text is, in bytes.
    pub(crate) fn length(&self) -> usize {
        self.content.0.get().len()
    }
}

/// JSON text about a person.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Json(Box<RawValue>);

impl Json {
    pub(crate) fn of<T: Serialize>(value: &T) -> Result<Self, Problem> {
        to_raw_value(value)
            .map(Self)
            .map_err(|_| Problem::defect("the content of a record does not serialise"))
    }
}

/// The same text: of one value, serialised by one program, there is no other.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[confidential]")
    }
}
