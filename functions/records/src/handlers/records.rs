//! A client's clinical records, in one of the books that they are kept in.

use std::fmt;

use model::{DataClass, RecordId};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use web::{Exchange, Problem, Reply};

use super::{FirstStatus, attachments, signing};
use crate::content::Content;
use crate::record::Writing;

/// A class of records of these kinds.
pub(crate) trait Book {
    const CLASS: DataClass;
}

/// A client's clinical records.
pub(crate) struct Clinical;

/// Those of treatment for substance use, under keys and consents of their own.
pub(crate) struct SubstanceUse;

impl Book for Clinical {
    const CLASS: DataClass = DataClass::Health;
}

impl Book for SubstanceUse {
    const CLASS: DataClass = DataClass::SubstanceUse;
}

/// Kind and content, and what stands beside them.
struct Body {
    content: Content,
    encounter: Option<RecordId>,
    status: Option<FirstStatus>,
}

/// The members of a body that make its content. Takes out what stands beside them: flattened by serde, an error in the content
/// would not say where it is.
struct ContentMembers<'b, A> {
    members: A,
    encounter: &'b mut Option<RecordId>,
    status: &'b mut Option<FirstStatus>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for ContentMembers<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(name) = self.members.next_key::<String>()? {
            match name.as_str() {
                "encounter" => *self.encounter = self.members.next_value()?,
                "status" => *self.status = self.members.next_value()?,
                _ => return seed.deserialize(name.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BodyVisitor;

        impl<'de> Visitor<'de> for BodyVisitor {
            type Value = Body;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with kind and content")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Body, A::Error> {
                let (mut encounter, mut status) = (None, None);
                let content = Content::deserialize(MapAccessDeserializer::new(ContentMembers {
                    members,
                    encounter: &mut encounter,
                    status: &mut status,
                }))?;
                Ok(Body {
                    content,
                    encounter,
                    status,
                })
            }
        }

        deserializer.deserialize_struct("Body", &["kind", "content", "encounter", "status"], BodyVisitor)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Amendment {
    reason: Option<String>,
    record: Body,
}

impl Body {
    /// What it writes, and as what it begins.
    fn taken_apart(self, at: &str) -> Result<(Writing, Option<FirstStatus>), Problem> {
        if let Content::PsychotherapyNote(_) = self.content {
            return Err(Problem::malformed(
                format!("{at}/kind"),
                "kind",
                "psychotherapy notes are kept apart: use the path …/psychotherapy-notes",
            ));
        }
        let writing = Writing {
            content: self.content,
            encounter: self.encounter,
        };
        Ok((writing, self.status))
    }
}

pub(crate) fn write<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (writing, status) = exchange.json::<Body>()?.taken_apart("")?;
    super::write(exchange, B::CLASS, writing, status.unwrap_or_default())
}

pub(crate) fn list<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::list(exchange, B::CLASS)
}

pub(crate) fn read<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::read(exchange, B::CLASS, None)
}

pub(crate) fn amend<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Amendment { reason, record } = exchange.json()?;
    let at = "/record";
    let (writing, status) = record.taken_apart(at)?;
    if status.is_some() {
        return Err(Problem::malformed(
            format!("{at}/status"),
            "unknown-field",
            "is changed by signing",
        ));
    }
    super::amend(exchange, B::CLASS, reason, &writing, at)
}

pub(crate) fn discard<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::discard(exchange, B::CLASS)
}

pub(crate) fn versions<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::versions(exchange, B::CLASS)
}

pub(crate) fn sign<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    signing::sign_for(exchange, B::CLASS)
}

pub(crate) fn cosign<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    signing::cosign(exchange, B::CLASS)
}

pub(crate) fn give_back<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    signing::give_back(exchange, B::CLASS)
}

pub(crate) fn add<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::add(exchange, B::CLASS)
}

pub(crate) fn upload<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    attachments::upload(exchange, B::CLASS)
}

pub(crate) fn download<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    attachments::download(exchange, B::CLASS)
}
