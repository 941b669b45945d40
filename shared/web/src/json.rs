//! Strict JSON: bounded depth, known fields only, none twice, errors that name the field and never repeat its value.
//!
//! A body is read into a tree first, and the tree into its type. What tracks where in the tree that is, and which fields nobody
//! asked for, is here compiled once; as layers around a parser it would be compiled for each type of body.

use std::borrow::Cow;
use std::collections::BinaryHeap;
use std::fmt;

use model::json_depth;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use zeroize::Zeroizing;

use crate::Problem;
use crate::payment_card::{self, Found};

/// How deep arrays and objects may nest.
const DEPTH: usize = 32;

/// How serde's messages begin that end with what was expected.
const EXPECTING: [&str; 5] = [
    "invalid type: ",
    "invalid value: ",
    "invalid length ",
    "unknown variant ",
    "unknown field ",
];

/// What serde expected. Only that part of its message is fixed text of ours: the rest may quote the value, and so may all that another
/// library says.
pub(crate) fn expectation(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("lacks the field {field}");
    }
    let is_serde = EXPECTING.iter().any(|beginning| message.starts_with(beginning));
    match message.rsplit_once("expected ") {
        Some((_, expected)) if is_serde => match time(expected) {
            Some(wanted) => wanted.to_owned(),
            None => format!("must be {expected}"),
        },
        _ if message.starts_with("must ") => message.to_owned(),
        _ => "does not have the form that the API describes".to_owned(),
    }
}

/// How a time is written that jiff's visitors call so.
fn time(expected: &str) -> Option<&'static str> {
    match expected {
        "a timestamp string" => Some("must be an instant such as 2026-11-30T10:00:00Z, with an offset"),
        "a date string" => Some("must be a day such as 2026-11-30"),
        _ => None,
    }
}

/// A member's name as a step of a pointer (RFC 6901, section 3).
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What is wrong with a tree, and where: an RFC 6901 pointer, which grows from its end on the way out.
#[derive(Debug)]
struct Error {
    pointer: String,
    rule: &'static str,
    detail: String,
}

impl Error {
    fn within(mut self, step: &str) -> Self {
        self.pointer = format!("/{}{}", self::step(step), self.pointer);
        self
    }

    fn at(step: &str, rule: &'static str, detail: &str) -> Self {
        let error = Self {
            pointer: String::new(),
            rule,
            detail: detail.to_owned(),
        };
        error.within(step)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            pointer: String::new(),
            rule: "type",
            detail: expectation(&message.to_string()),
        }
    }
}

/// A body. Its texts may be secrets, so they are wiped.
enum Tree {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Zeroizing<String>),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn unexpected(&self) -> Unexpected<'static> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(_) | Self::Signed(_) | Self::Float(_) => Unexpected::Other("number"),
            Self::Text(_) => Unexpected::Other("string"),
            Self::List(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyTree;

        impl<'de> Visitor<'de> for AnyTree {
            type Value = Tree;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Unsigned(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Signed(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Text(Zeroizing::new(value.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = access.next_element()? {
                    list.push(element);
                }
                Ok(Tree::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
                let mut members: Vec<(String, Tree)> = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(Tree::Object(members))
            }
        }

        deserializer.deserialize_any(AnyTree)
    }
}

/// A value of the tree, to be read into a type.
struct Node<'t>(&'t Tree);

/// The members of an object. Those that the type does not name are refused (data minimisation: what the API does not ask for
/// is not accepted, even to be ignored), and so is one that comes twice: two readers could take two values.
struct Members<'t> {
    members: std::slice::Iter<'t, (String, Tree)>,
    value: Option<&'t (String, Tree)>,
}

struct Elements<'t>(std::iter::Enumerate<std::slice::Iter<'t, Tree>>);

/// A variant of an enumeration by its name, and what it holds.
struct Variant<'t>(&'t str, Option<&'t Tree>);

fn check_twice(members: &[(String, Tree)]) -> Result<(), Error> {
    // In their order, each comes beside its like. Compared with all before it, the names of one body would keep a processor busy for half a
    // minute, and bodies are read before anybody is known.
    let mut names: BinaryHeap<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    while let Some(name) = names.pop() {
        if names.peek() == Some(&name) {
            return Err(Error::at(name, "once", "must be sent once"));
        }
    }
    Ok(())
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.value = self.members.next();
        match self.value {
            None => Ok(None),
            Some((name, _)) => seed.deserialize(StrDeserializer::new(name)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, value) = self
            .value
            .take()
            .ok_or_else(|| de::Error::custom("must be an object"))?;
        seed.deserialize(Node(value)).map_err(|error| error.within(name))
    }
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.0.next() {
            None => Ok(None),
            Some((position, element)) => seed
                .deserialize(Node(element))
                .map(Some)
                .map_err(|error| error.within(&position.to_string())),
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(StrDeserializer::new(self.0))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.1 {
            None => Ok(()),
            Some(value) => Err(de::Error::invalid_type(value.unexpected(), &"a name alone")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(Node(self.1.unwrap_or(&Tree::Null)))
            .map_err(|error| error.within(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        Node(self.1.unwrap_or(&Tree::Null))
            .deserialize_any(visitor)
            .map_err(|error| error.within(self.0))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        Node(self.1.unwrap_or(&Tree::Null))
            .deserialize_struct("", fields, visitor)
            .map_err(|error| error.within(self.0))
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Tree::Null => visitor.visit_unit(),
            Tree::Bool(value) => visitor.visit_bool(*value),
            Tree::Unsigned(value) => visitor.visit_u64(*value),
            Tree::Signed(value) => visitor.visit_i64(*value),
            Tree::Float(value) => visitor.visit_f64(*value),
            Tree::Text(text) => visitor.visit_str(text),
            Tree::List(elements) => visitor.visit_seq(Elements(elements.iter().enumerate())),
            Tree::Object(members) => {
                check_twice(members)?;
                visitor.visit_map(Members {
                    members: members.iter(),
                    value: None,
                })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Tree::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A visitor that fails is gone, and what jiff says of a time that it can't read quotes it.
        let time = time(&(&visitor as &dyn Expected).to_string());
        self.deserialize_any(visitor).map_err(|error| match time {
            Some(wanted) => de::Error::custom(wanted),
            None => error,
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Tree::Object(members) = self.0 else {
            // A struct is written as an object, and not as the list of its fields, which serde would take too.
            return Err(de::Error::invalid_type(self.0.unexpected(), &"an object"));
        };
        let unknown = members.iter().find(|(name, _)| !fields.contains(&name.as_str()));
        match unknown {
            Some((name, _)) => Err(Error::at(name, "unknown-field", "is not a field of this request")),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Tree::Text(name) => visitor.visit_enum(Variant(name, None)),
            Tree::Object(members) => match members.as_slice() {
                [(name, value)] => visitor.visit_enum(Variant(name, Some(value))),
                _ => Err(de::Error::custom("must be an object with one member")),
            },
            other => Err(de::Error::invalid_type(other.unexpected(), &"a name")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// A part of a body whose type another part says: taken as it is, and read when that is known. So each type is read in one
/// way alone, and what is wrong is found where it stands, in whatever order the parts were sent.
pub struct Part(Tree);

impl JsonSchema for Part {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Part".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Tree::deserialize(deserializer).map(Self)
    }
}

impl Part {
    /// Reads the part, which stands `at` this place of the body.
    ///
    /// # Errors
    /// 400 with the failing field.
    pub fn read<T: DeserializeOwned>(&self, at: &str) -> Result<T, Problem> {
        read(&self.0, at)
    }

    /// Looks for card data in the part, for bodies that were not searched as a whole.
    pub(crate) fn search(&self, at: &str) -> Result<(), Problem> {
        search(&self.0, at)
    }
}

fn read<T: DeserializeOwned>(tree: &Tree, at: &str) -> Result<T, Problem> {
    T::deserialize(Node(tree))
        .map_err(|error| Problem::malformed(format!("{at}{}", error.pointer), error.rule, error.detail))
}

fn tree(bytes: &[u8]) -> Result<Tree, Problem> {
    if json_depth::exceeds(bytes, DEPTH) {
        return Err(Problem::malformed(
            "",
            "depth",
            format!("JSON must not nest deeper than {DEPTH} levels"),
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::malformed(
            "",
            "json",
            format!("is not JSON at line {}, column {}", error.line(), error.column()),
        )
    })
}

/// The first place that holds something of a payment card: a pointer, which does not repeat a name that is one.
fn card_data(tree: &Tree) -> Option<(String, Found)> {
    match tree {
        Tree::Text(text) => payment_card::find(text).map(|found| (String::new(), found)),
        Tree::Unsigned(number) => payment_card::find(&number.to_string()).map(|found| (String::new(), found)),
        Tree::List(elements) => elements.iter().enumerate().find_map(|(position, element)| {
            card_data(element).map(|(pointer, found)| (format!("/{position}{pointer}"), found))
        }),
        Tree::Object(members) => members.iter().find_map(|(name, value)| {
            if let Some(found) = payment_card::find(name) {
                return Some((String::new(), found.in_a_name()));
            }
            let is_security_code = match value {
                Tree::Text(text) => payment_card::is_security_code(name, text),
                Tree::Unsigned(number) => payment_card::is_security_code(name, &number.to_string()),
                _ => false,
            };
            let found = if is_security_code {
                Some((String::new(), Found::NAMED_CODE))
            } else {
                card_data(value)
            };
            found.map(|(pointer, found)| (format!("/{}{pointer}", step(name)), found))
        }),
        Tree::Null | Tree::Bool(_) | Tree::Signed(_) | Tree::Float(_) => None,
    }
}

fn search(tree: &Tree, at: &str) -> Result<(), Problem> {
    match card_data(tree) {
        None => Ok(()),
        Some((field, found)) => Err(Problem::payment_card(format!("{at}{field}"), found)),
    }
}

/// Parses a body. What holds card data is refused before anybody asks what it means.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let tree = tree(bytes)?;
    search(&tree, "")?;
    read(&tree, "")
}

/// Parses a body whose texts all stand in parts that are searched for card data one by one, so that one of them can be refused without the
/// others.
pub(crate) fn parse_in_parts<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    read(&tree(bytes)?, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Inner {
        count: u8,
        mode: Option<Mode>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Fast,
        Slow,
    }

    #[test]
    fn errors_name_the_field_and_hide_the_value() {
        for (body, field, rule) in [
            (r#"{"inner":[{"count":"SECRET"}]}"#, "/inner/0/count", "type"),
            (r#"{"inner":[{"count":1,"mode":"SECRET"}]}"#, "/inner/0/mode", "type"),
            (
                r#"{"inner":[{"count":1,"SECRET~/":1}]}"#,
                "/inner/0/SECRET~0~1",
                "unknown-field",
            ),
            (r#"{"inner":[{}]}"#, "/inner/0", "type"),
            (r#"{"inner":{}}"#, "/inner", "type"),
            (r#"{"inner":[[1,null]]}"#, "/inner/0", "type"),
            (r#"{"inner":[],"inner":[]}"#, "/inner", "once"),
            (r#"{"inner":[{"count":256}]}"#, "/inner/0/count", "type"),
            (
                r#"{"inner":[{"count":1,"mode":{"fast":"SECRET"}}]}"#,
                "/inner/0/mode",
                "type",
            ),
            (r#"[[]]"#, "", "type"),
            (r#""SECRET""#, "", "type"),
            (r#"{"inner":[]} {}"#, "", "json"),
            (r#"{"inner":"#, "", "json"),
            ("", "", "json"),
        ] {
            let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
            let violation = &problem.violations[0];
            assert_eq!((violation.field.as_str(), violation.rule), (field, rule), "{body}");
            assert!(!violation.detail.contains("SECRET"), "{}", violation.detail);
        }
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Times {
        at: Option<jiff::Timestamp>,
        on: Option<jiff::civil::Date>,
        sent: Option<Sent>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Sent {
        At(jiff::Timestamp),
    }

    /// Whatever of it cannot be read, it is not said, because that would repeat some of it.
    #[test]
    fn errors_of_times_say_how_one_is_written() {
        let instant = "must be an instant such as 2026-11-30T10:00:00Z, with an offset";
        let day = "must be a day such as 2026-11-30";
        for (body, detail) in [
            (json!({"at": "yesterday"}), instant),
            (json!({"at": "2026-12-01"}), instant),
            (json!({"at": "2026-12-01T08:00:00"}), instant),
            (json!({"at": "2026-13-01T08:00:00Z"}), instant),
            (json!({"at": "2026-12-01T08:00:00ZSECRET"}), instant),
            (json!({"at": ""}), instant),
            (json!({"at": 1}), instant),
            (json!({"on": "SECRET"}), day),
            (json!({"on": []}), day),
            (
                json!({"sent": "2026-12-01T08:00:00ZSECRET"}),
                "does not have the form that the API describes",
            ),
        ] {
            let problem = parse::<Times>(body.to_string().as_bytes()).unwrap_err();
            assert_eq!(problem.violations[0].detail, detail, "{body}");
        }
        for unread in [
            "2026-12-01T08:00:00ZSECRET",
            "SECRET",
            "20",
            "2026-12-01Z[expected SECRET",
        ] {
            let said = unread.parse::<jiff::Timestamp>().unwrap_err().to_string();
            assert_eq!(
                expectation(&said),
                "does not have the form that the API describes",
                "{said}"
            );
        }
        assert!(parse::<Times>(br#"{"at": "2026-12-01T08:00:00+01:00", "on": "2026-12-01"}"#).is_ok());
    }

    /// Wherever in a body it stands, and before anything else about the body is said.
    #[test]
    fn card_data_is_refused_and_not_repeated() {
        for (body, field) in [
            (r#""4111 1111 1111 1111""#, ""),
            (r#"{"inner":[{"count":4111111111111111}]}"#, "/inner/0/count"),
            (
                r#"{"a/b":["x",{"note":"pan \u0034111-1111-1111-1111"}]}"#,
                "/a~1b/1/note",
            ),
            (r#"{"inner":{"4111111111111111":1}}"#, "/inner"),
            (r#"{"cvv":"123"}"#, "/cvv"),
            (r#"{"card":{"cvc":1234}}"#, "/card/cvc"),
        ] {
            let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
            assert_eq!(
                (problem.status.as_u16(), problem.kind),
                (422, "payment-card-data"),
                "{body}"
            );
            assert_eq!(problem.violations[0].field, field, "{body}");
            assert!(!format!("{problem:?}").contains("1111"), "{problem:?}");
        }
    }

    #[test]
    fn depth_is_bounded_before_parsing() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(tree(deep(DEPTH).as_bytes()).is_ok());
        let refused = tree(deep(DEPTH + 1).as_bytes()).err().unwrap();
        assert_eq!(refused.violations[0].rule, "depth");
        assert!(tree(format!("\"\\\"{}\"", "[".repeat(99)).as_bytes()).is_ok());
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct All {
        text: String,
        number: i64,
        float: f64,
        truth: bool,
        absent: Option<u8>,
        null: Option<u8>,
        list: Vec<u8>,
        pair: (u8, String),
        map: BTreeMap<String, u8>,
        plain: Mode,
        shapes: Vec<Shape>,
        tagged: Tagged,
        any: serde_json::Value,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Shape {
        Point,
        Circle(u8),
        Box { width: u8 },
        Line(u8, u8),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind", content = "values", rename_all = "snake_case", deny_unknown_fields)]
    enum Tagged {
        Held { width: u8 },
    }

    #[derive(Deserialize)]
    struct Told {
        what: Part,
    }

    #[test]
    fn a_part_is_read_when_its_type_is_known() {
        let body: Told = parse(br#"{"what":[{"box":{"width":2}}]}"#).unwrap();
        assert_eq!(
            body.what.read::<Vec<Shape>>("/what").unwrap(),
            [Shape::Box { width: 2 }]
        );
        for (body, field, rule) in [
            (
                r#"{"what":[{"box":{"width":2,"depth":1}}]}"#,
                "/what/0/box/depth",
                "unknown-field",
            ),
            (r#"{"what":[{"box":{"width":"2"}}]}"#, "/what/0/box/width", "type"),
        ] {
            let body: Told = parse(body.as_bytes()).unwrap();
            let problem = body.what.read::<Vec<Shape>>("/what").unwrap_err();
            assert_eq!(
                (problem.violations[0].field.as_str(), problem.violations[0].rule),
                (field, rule)
            );
        }
    }

    /// Before it is known what it is to be.
    #[test]
    fn a_member_that_comes_twice_is_refused_in_a_part_too() {
        let problem = parse::<Told>(br#"{"what":[{"box":{"width":2,"width":1}}]}"#)
            .err()
            .unwrap();
        assert_eq!(problem.violations[0].field, "/what/0/box/width");
        assert_eq!(problem.violations[0].rule, "once");
    }

    /// Whatever serde_json reads into a type is read into the same.
    #[test]
    fn every_form_is_read() {
        let body = r#"{"text":"a\u00e9","number":-3,"float":1.5,"truth":true,"null":null,"list":[1,2],"pair":[1,"b"],
            "map":{"x":1},"plain":"slow","shapes":["point",{"circle":1},{"box":{"width":2}},{"line":[3,4]}],
            "tagged":{"kind":"held","values":{"width":5}},"any":{"a":[1,null,"c",{"b":2.5}]}}"#;
        let read: All = parse(body.as_bytes()).unwrap();
        assert_eq!(read, serde_json::from_str(body).unwrap());
        for (body, field) in [
            (r#"["point",1]"#, "/1"),
            (r#"[{"circle":"x"}]"#, "/0/circle"),
            (r#"[{"circle":1,"box":{"width":1}}]"#, "/0"),
            (r#"[{"box":{"width":1,"depth":2}}]"#, "/0/box/depth"),
            (r#"[{"line":[3]}]"#, "/0/line"),
            (r#"[{"point":null}]"#, "/0"),
            (r#"[{}]"#, "/0"),
        ] {
            let problem = parse::<Vec<Shape>>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.violations[0].field, field, "{body}");
        }
    }
}
