//! Finding a client by an exact e-mail address or telephone number, or by name and birth date, without the store knowing any of them (a
//! blind index).
//!
//! One sealed document per clinic and value, named by an HMAC over the value, lists the clients that have it. It is sealed under
//! the key of the clinic's register and says nothing but ids. An entry only says where to look: whoever follows it opens the
//! client's own document, against a permit, and compares. So an entry that a crash leaves behind finds nobody, and it is never
//! removed by a search: the value may be about to be written.

use access::ClinicKey;
use crypto::{DataKey, Label, Secret, name};
use model::{ClientId, ClinicId, Confidential};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf, StoreError, UpdateError};
use web::{Check, Problem};

use crate::calendar::Day;
use crate::details::Details;
use crate::folding::{first_folded, folded};
use crate::form;
use crate::telecom::System;

const VALUE: Label = Label::new("confide 2026-11 contact index name");

/// The most clients that one value finds: a family, or a home. Further ones are kept all the same and found by what else
/// they have.
const CLIENTS: usize = 32;

/// What a client can be found by, in its one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    kind: &'static str,
    text: Confidential<String>,
}

impl Value {
    fn new(kind: &'static str, text: String) -> Self {
        Self {
            kind,
            text: Confidential::new(text),
        }
    }

    /// Folded names hold no separator, and dates none of theirs.
    fn name_and_birth(family: &str, given: &str, birth: Day) -> Self {
        Self::new("name", format!("{family}/{given}/{}", birth.text()))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clients {
    clients: Vec<ClientId>,
}

impl Details {
    /// Everything that the client can be found by: each address and number, and each family name, present or previous, with
    /// each first given name and the preferred one.
    pub(crate) fn values(&self) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::new();
        let mut add = |value: Value| {
            if !values.contains(&value) {
                values.push(value);
            }
        };
        for telecom in self.telecoms.expose() {
            let kind = match telecom.system {
                System::Email => "email",
                System::Phone | System::Sms => "phone",
            };
            add(Value::new(kind, telecom.value.clone()));
        }
        let (name, birth) = (self.name.expose(), *self.birth_date.expose());
        let previous = self.previous_names.expose();
        let mut families = vec![name.family.as_deref()];
        let mut firsts = vec![name.given.first().map(String::as_str)];
        firsts.extend(name.preferred.as_deref().map(Some));
        for name in previous {
            families.extend(name.family.as_deref().map(Some));
            firsts.extend(name.given.first().map(|given| Some(given.as_str())));
        }
        for family in &families {
            let family = family.map(folded).unwrap_or_default();
            for first in &firsts {
                let first = first.map(first_folded).unwrap_or_default();
                if !(family.is_empty() && first.is_empty()) {
                    add(Value::name_and_birth(&family, &first, birth));
                }
            }
        }
        values
    }
}

/// What somebody is sought by: one of `email`, `phone`, and `name` with `birth_date`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClientSearch")]
pub(crate) struct Sought {
    email: Option<String>,
    phone: Option<String>,
    name: Option<SoughtName>,
    birth_date: Option<Day>,
}

/// Given and family name, as far as she has them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SoughtName {
    given: Option<String>,
    family: Option<String>,
}

impl Sought {
    /// The value that is sought.
    ///
    /// # Errors
    /// 422 where it is none, more than one, or has not the form of one.
    pub(crate) fn value(&self) -> Result<Value, Problem> {
        let mut check = Check::new();
        let value = match (&self.email, &self.phone, &self.name, self.birth_date) {
            (Some(email), None, None, None) => {
                let email = form::email(email);
                check.that(email.is_some(), "/email", "email", "must be an e-mail address");
                email.map(|email| Value::new("email", email))
            }
            (None, Some(phone), None, None) => {
                let phone = form::phone(phone);
                check.that(
                    phone.is_some(),
                    "/phone",
                    "e164",
                    "must be a telephone number with its country code, such as +493012345678",
                );
                phone.map(|phone| Value::new("phone", phone))
            }
            (None, None, Some(name), Some(birth)) => {
                let family = name.family.as_deref().map(folded).unwrap_or_default();
                let given = name.given.as_deref().map(first_folded).unwrap_or_default();
                let is_name = !(family.is_empty() && given.is_empty());
                check.that(
                    is_name,
                    "/name",
                    "any-of",
                    "must have given, family or both, with letters in them",
                );
                is_name.then(|| Value::name_and_birth(&family, &given, birth))
            }
            _ => {
                check.that(
                    false,
                    "",
                    "one-of",
                    "must have either email, or phone, or name and birth_date",
                );
                None
            }
        };
        check.finish()?;
        value.ok_or_else(|| Problem::defect("a search that breaks a rule went on"))
    }
}

/// The index of one clinic.
pub(crate) struct Lookup<'a> {
    pub(crate) shelf: &'a Shelf<'a>,
    pub(crate) names: &'a Secret,
    pub(crate) clinic: ClinicId,
    pub(crate) key: ClinicKey,
}

impl Lookup<'_> {
    fn doc(&self, value: &Value) -> Doc<'_, Clients, DataKey> {
        let clinic = self.clinic;
        let parts: [&[u8]; 3] = [clinic.as_bytes(), value.kind.as_bytes(), value.text.expose().as_bytes()];
        let name = name(self.names, VALUE, &parts);
        self.shelf.doc(Some(clinic), "contact index", &name, self.key.key())
    }

    /// The clients that may have this value.
    pub(crate) fn find(&self, value: &Value) -> Result<Vec<ClientId>, StoreError> {
        let found = self.doc(value).read()?;
        Ok(found.map(|found| found.value.clients).unwrap_or_default())
    }

    /// Makes a client findable by a value, unless she is or the value has no room left.
    pub(crate) fn add(&self, value: &Value, client: ClientId) -> Result<(), Problem> {
        let doc = self.doc(value);
        let needs_nothing = |clients: &[ClientId]| clients.contains(&client) || clients.len() >= CLIENTS;
        match doc.read()? {
            Some(found) if needs_nothing(&found.value.clients) => return Ok(()),
            Some(_) => {}
            None => {
                let first = Clients { clients: vec![client] };
                if doc.create(&first)? == Creation::Created {
                    return Ok(());
                }
            }
        }
        doc.update(None, |found| {
            if !needs_nothing(&found.clients) {
                found.clients.push(client);
            }
            Ok::<_, Problem>(())
        })?;
        Ok(())
    }

    /// Makes a client no longer findable by a value.
    pub(crate) fn remove(&self, value: &Value, client: ClientId) -> Result<(), Problem> {
        let removed = self.doc(value).update(None, |found| {
            found.clients.retain(|listed| *listed != client);
            Ok::<_, Problem>(())
        });
        match removed {
            Ok(_) | Err(UpdateError::Absent) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
