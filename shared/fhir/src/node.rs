//! A JSON tree out of which parts can be taken. Numbers stay as they are written.

use std::fmt;
use std::io::{self, Write};

use model::json_depth;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// How deep arrays and objects may nest. FHIR sets no limit; the deepest element of R4 in use, an extension inside a contained
/// resource, stays below half of it.
const DEPTH: usize = 32;

/// The most values, arrays and objects of one tree. A bundle has one for every 23 bytes, one of answers to questionnaires alone for
/// every 13, which is 550 000 in the largest that is exported. Each takes some 50 bytes of memory beside its text, and an instance has 128 MiB.
const NODES: usize = 600_000;

/// The most members of an object, which are looked through one by one. Real ones have 22; no type of R4 has half as many elements.
const MEMBERS: usize = 256;

/// A JSON value. It is somebody's health or person, so it does not print.
#[derive(Clone, Eq)]
pub enum Node {
    /// `null`, and where something was that has been taken.
    Nothing,
    /// `true` or `false`.
    Boolean(bool),
    /// A number, with the digits that it is written with.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, in the order of its members.
    Object(Vec<(String, Node)>),
}

/// Why bytes are no tree. It quotes nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTree {
    #[error("must not nest deeper than 32 levels")]
    TooDeep,
    #[error("must be JSON in which no object has a member twice")]
    NotJson,
    #[error("must have at most 600000 values, arrays and objects")]
    TooMany,
    #[error("must have at most 256 members in each object")]
    TooWide,
}

impl Node {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NoTree> {
        if json_depth::exceeds(bytes, DEPTH) {
            return Err(NoTree::TooDeep);
        }
        let mut growth = Growth::default();
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let tree = growth.deserialize(&mut json).and_then(|tree| json.end().map(|()| tree));
        tree.map_err(|_| growth.exceeded.unwrap_or(NoTree::NotJson))
    }

    pub(crate) fn object() -> Self {
        Self::Object(Vec::new())
    }

    pub(crate) fn from_text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// What stands here, which is gone afterwards.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Nothing)
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// A member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(member, _)| member == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(members) => members
                .iter_mut()
                .find(|(member, _)| member == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// What stands at a path of members with dots between them; `name[0]` is an entry of a list. The empty path is here.
    pub(crate) fn at_mut(&mut self, path: &str) -> Option<&mut Self> {
        let mut node = self;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let (name, position) = entry(step);
            node = node.get_mut(name)?;
            if let Some(position) = position {
                let Self::List(list) = node else { return None };
                node = list.get_mut(position)?;
            }
        }
        Some(node).filter(|node| !node.is_nothing())
    }

    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        let mut node = self;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let (name, position) = entry(step);
            node = node.get(name)?;
            if let Some(position) = position {
                node = node.as_list().get(position)?;
            }
        }
        Some(node).filter(|node| !node.is_nothing())
    }

    pub(crate) fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(Self::as_text)
    }

    /// Puts a value at a path, and what it needs above it. A list is put behind the one that is there.
    pub(crate) fn put(&mut self, path: &str, value: Self) {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        if first.is_empty() {
            match (self, value) {
                (Self::List(there), Self::List(more)) => there.extend(more),
                (here, value) => *here = value,
            }
            return;
        }
        let (name, position) = entry(first);
        if !matches!(self, Self::Object(_)) {
            *self = Self::object();
        }
        let Self::Object(members) = self else { return };
        if !members.iter().any(|(member, _)| member == name) {
            members.push((name.to_owned(), Self::Nothing));
        }
        let Some((_, below)) = members.iter_mut().find(|(member, _)| member == name) else {
            return;
        };
        match position {
            None => below.put(rest, value),
            Some(position) => {
                if !matches!(below, Self::List(_)) {
                    *below = Self::List(Vec::new());
                }
                let Self::List(list) = below else { return };
                // Whoever is asked for an entry behind the end gets the next one: a list has no gaps.
                if list.get(position).is_none() {
                    list.push(Self::Nothing);
                }
                let last = list.len().saturating_sub(1);
                if let Some(entry) = list.get_mut(position.min(last)) {
                    entry.put(rest, value);
                }
            }
        }
    }

    /// Takes away what is empty because all that was in it has been taken. What was empty from the beginning stays.
    pub(crate) fn prune(&mut self) {
        match self {
            Self::List(list) => {
                list.iter_mut().for_each(Self::prune);
                if !list.is_empty() && list.iter().all(Self::is_nothing) {
                    *self = Self::Nothing;
                }
            }
            Self::Object(members) => {
                let before = members.len();
                members.iter_mut().for_each(|(_, value)| value.prune());
                members.retain(|(_, value)| !value.is_nothing());
                if members.is_empty() && before > 0 {
                    *self = Self::Nothing;
                }
            }
            _ => {}
        }
    }

    /// How many bytes it comes to as JSON.
    #[must_use]
    pub fn size(&self) -> usize {
        struct Counted(usize);
        impl Write for Counted {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.saturating_add(bytes.len());
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut counted = Counted(0);
        match serde_json::to_writer(&mut counted, self) {
            Ok(()) => counted.0,
            Err(_) => usize::MAX,
        }
    }

    /// How many values without parts there are in it. What is empty counts as one, because it was said.
    #[must_use]
    pub fn values(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::List(list) if !list.is_empty() => list.iter().map(Self::values).sum(),
            Self::Object(members) if !members.is_empty() => members.iter().map(|(_, value)| value.values()).sum(),
            _ => 1,
        }
    }
}

/// A step of a path: its name, and its position where it is an entry of a list.
fn entry(step: &str) -> (&str, Option<usize>) {
    match step.split_once('[') {
        Some((name, position)) => (name, position.trim_end_matches(']').parse().ok()),
        None => (step, None),
    }
}

/// The members of an object have no order (RFC 8259, section 4).
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Boolean(one), Self::Boolean(other)) => one == other,
            (Self::Number(one), Self::Number(other)) | (Self::Text(one), Self::Text(other)) => one == other,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Object(one), Self::Object(members)) => {
                let has = |(name, value): &(String, Self)| other.get(name) == Some(value);
                one.len() == members.len() && one.iter().all(has)
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[confidential]")
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Number(digits) => RawValue::from_string(digits.clone())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => {
                let mut sequence = serializer.serialize_seq(Some(list.len()))?;
                for value in list {
                    sequence.serialize_element(value)?;
                }
                sequence.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Growth::default().deserialize(deserializer)
    }
}

/// How far a tree has grown.
#[derive(Default)]
struct Growth {
    nodes: usize,
    /// What there is too much of.
    exceeded: Option<NoTree>,
}

impl Growth {
    fn exceeds<E: serde::de::Error>(&mut self, bound: NoTree) -> E {
        self.exceeded = Some(bound);
        E::custom(bound)
    }

    fn grow(&mut self, raw: &RawValue) -> Result<Node, serde_json::Error> {
        // Told before it is built.
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > NODES {
            return Err(self.exceeds(NoTree::TooMany));
        }
        let text = raw.get();
        match text.bytes().next() {
            Some(b'{') => serde_json::Deserializer::from_str(text).deserialize_map(Members(self)),
            Some(b'[') => serde_json::Deserializer::from_str(text).deserialize_seq(Entries(self)),
            Some(b'"') => serde_json::from_str(text).map(Node::Text),
            Some(b't' | b'f') => serde_json::from_str(text).map(Node::Boolean),
            Some(b'n') => Ok(Node::Nothing),
            _ => Ok(Node::Number(text.to_owned())),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Growth {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        self.grow(raw).map_err(D::Error::custom)
    }
}

struct Members<'g>(&'g mut Growth);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members: Vec<(String, Node)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.len() == MEMBERS {
                return Err(self.0.exceeds(NoTree::TooWide));
            }
            if members.iter().any(|(member, _)| *member == name) {
                return Err(A::Error::custom("a member twice"));
            }
            members.push((name, map.next_value_seed(&mut *self.0)?));
        }
        // Most have fewer than there is room for, and there are many.
        members.shrink_to_fit();
        Ok(Node::Object(members))
    }
}

struct Entries<'g>(&'g mut Growth);

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element_seed(&mut *self.0)? {
            list.push(value);
        }
        list.shrink_to_fit();
        Ok(Node::List(list))
    }
}
