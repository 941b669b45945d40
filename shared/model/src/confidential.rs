//! Values about people, which must not reach a log by accident.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// A personal value: it serialises into sealed documents and answers, and prints as `[confidential]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Confidential<T>(T);

impl<T> Confidential<T> {
    /// Marks a value as personal.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one who has a reason to look at it.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: JsonSchema> JsonSchema for Confidential<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<T> fmt::Debug for Confidential<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[confidential]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_not_print_what_it_holds() {
        let name = Confidential::new("Ada Okafor".to_owned());
        assert_eq!(
            format!("{name:?} {:?}", Some(&name)),
            "[confidential] Some([confidential])"
        );
    }
}
