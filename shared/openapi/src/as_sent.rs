use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// What is kept and answered as it was sent, and only read into this type to see that it is one: with the fields that were there, and no
/// others. So an answer that has it is described as what is taken is.
#[derive(Debug)]
pub struct AsSent<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for AsSent<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut taken = generator.settings().clone().for_deserialize().into_generator();
        let schema = taken.subschema_for::<T>();
        let definitions = generator.definitions_mut();
        for (name, form) in taken.take_definitions(false) {
            let there = definitions.entry(&name).or_insert_with(|| form.clone());
            assert_eq!(*there, form, "{name} is answered in two forms");
        }
        schema
    }
}
