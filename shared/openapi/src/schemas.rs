//! The named schemas of a document.
//!
//! Taken and answered, a type has two forms: a field that may be left out of a request is always in an answer, or the other way round.

use std::collections::BTreeSet;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

pub(crate) const PREFIX: &str = "#/components/schemas/";

/// What is added to the name of what is taken, where what is answered under that name is another form.
const TAKEN: &str = "Request";

pub(crate) struct Schemas {
    /// Of what comes in.
    pub(crate) taken: SchemaGenerator,
    /// Of what goes out.
    pub(crate) answered: SchemaGenerator,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = PREFIX.trim_start_matches('#').trim_end_matches('/').into();
            settings.meta_schema = None;
        });
        Self {
            taken: settings.clone().for_deserialize().into_generator(),
            answered: settings.for_serialize().into_generator(),
        }
    }

    /// Both forms in one list. `requests` are the parts of the document that name what is taken: where it has to be called otherwise, so do they.
    pub(crate) fn into_named(mut self, mut requests: Vec<&mut Value>) -> Map<String, Value> {
        let mut taken = self.taken.take_definitions(true);
        let mut answered = self.answered.take_definitions(true);
        for schema in taken.values_mut().chain(answered.values_mut()) {
            simplify(schema);
        }
        let differing = differing(&taken, &answered);
        for schema in taken
            .values_mut()
            .chain(requests.iter_mut().map(|request| &mut **request))
        {
            rename(schema, &differing);
        }
        for (name, schema) in taken {
            if differing.contains(&name) {
                let before = answered.insert(format!("{name}{TAKEN}"), schema);
                assert_eq!(before, None, "what is taken as {name} needs the name of another type");
            } else {
                answered.insert(name, schema);
            }
        }
        answered
    }
}

/// What may be left out is not also null, though serde would take that: one way to say nothing is enough. What it is taken for then goes without
/// saying: an empty list, no.
pub(crate) fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let required = fields.get("required").cloned().unwrap_or_default();
            let is_required = |name: &str| {
                required
                    .as_array()
                    .is_some_and(|names| names.iter().any(|there| there == name))
            };
            let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
            for (_, property) in properties.into_iter().flatten().filter(|(name, _)| !is_required(name)) {
                without_null(property);
                property.as_object_mut().and_then(|property| property.remove("default"));
            }
            fields.values_mut().for_each(simplify);
        }
        Value::Array(values) => values.iter_mut().for_each(simplify),
        _ => {}
    }
}

fn without_null(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
        if let [Value::Object(only)] = choices.as_mut_slice() {
            let mut only = std::mem::take(only);
            fields.remove("anyOf");
            fields.append(&mut only);
        }
    }
}

/// The names whose two forms are not the same, or lead to one that is not.
fn differing(taken: &Map<String, Value>, answered: &Map<String, Value>) -> BTreeSet<String> {
    let mut differing = BTreeSet::new();
    loop {
        let leads_there = |schema: &Value| references(schema).iter().any(|name| differing.contains(*name));
        let found: Vec<String> = taken
            .iter()
            .filter(|(name, schema)| {
                let is_another = |other: &Value| other != *schema || leads_there(schema);
                !differing.contains(*name) && answered.get(*name).is_some_and(is_another)
            })
            .map(|(name, _)| name.clone())
            .collect();
        if found.is_empty() {
            return differing;
        }
        differing.extend(found);
    }
}

/// The names that a schema refers to.
fn references(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|reference| reference.strip_prefix(PREFIX));
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(values) => values.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn rename(schema: &mut Value, names: &BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && reference.strip_prefix(PREFIX).is_some_and(|name| names.contains(name))
            {
                reference.push_str(TAKEN);
            }
            fields.values_mut().for_each(|value| rename(value, names));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;

    // schemars reads serde's attributes, which stand for themselves here.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Same {
        name: String,
        #[schemars(default, skip_serializing_if = "Option::is_none")]
        nickname: Option<String>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Differs {
        same: Same,
        #[schemars(default)]
        count: u32,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Leads {
        there: Vec<Differs>,
    }

    #[test]
    fn a_form_is_said_twice_only_where_it_differs() {
        let mut schemas = Schemas::new();
        let mut request = schemas.taken.subschema_for::<Leads>().to_value();
        let answer = schemas.answered.subschema_for::<Leads>().to_value();
        let named = schemas.into_named(vec![&mut request]);
        let names: Vec<&str> = named.keys().map(String::as_str).collect();
        assert_eq!(names, ["Differs", "DiffersRequest", "Leads", "LeadsRequest", "Same"]);
        let reference = |name: &str| json!({ "$ref": format!("{PREFIX}{name}") });
        assert_eq!((request, answer), (reference("LeadsRequest"), reference("Leads")));
        assert_eq!(
            named["LeadsRequest"]["properties"]["there"]["items"],
            reference("DiffersRequest")
        );
        assert_eq!(named["Leads"]["properties"]["there"]["items"], reference("Differs"));
        assert_eq!(named["DiffersRequest"]["required"], json!(["same"]));
        assert_eq!(named["Differs"]["required"], json!(["same", "count"]));
    }

    #[test]
    fn what_may_be_left_out_is_not_null() {
        let mut schemas = Schemas::new();
        let _ = schemas.taken.subschema_for::<Same>();
        let named = schemas.into_named(Vec::new());
        assert_eq!(
            named["Same"],
            json!({
                "type": "object",
                "required": ["name"],
                "properties": { "name": { "type": "string" }, "nickname": { "type": "string" } },
            })
        );
    }
}
