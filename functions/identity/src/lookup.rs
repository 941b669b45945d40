//! Finding a client by an exact e-mail address or telephone number, without the store knowing either (a blind index).
//!
//! One sealed document per clinic and value, named by an HMAC over the value, lists the clients that have it. An entry only
//! says where to look: whoever follows it opens the client's own document, against a permit, and compares. So an entry
//! that a crash leaves behind finds nobody, and it is never removed by a search: the value may be about to be written.

use crypto::{KeySet, Label, Secret, name};
use model::{ClientId, ClinicId};
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf, StoreError, UpdateError};
use web::Problem;

use crate::details::Contact;

const VALUE: Label = Label::new("confide 2026-11 contact index name");

/// The most clients that one value finds: a family, or a home. Further ones are kept all the same and found by what else
/// they have.
const CLIENTS: usize = 32;

/// What a client can be found by, in its one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    kind: &'static str,
    text: model::Confidential<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clients {
    clients: Vec<ClientId>,
}

impl Contact {
    /// Everything that the client can be found by.
    pub(crate) fn values(&self) -> Vec<Value> {
        [("email", &self.email), ("phone", &self.phone)]
            .into_iter()
            .filter_map(|(kind, text)| text.clone().map(|text| Value { kind, text }))
            .collect()
    }
}

/// The index of all clinics.
pub(crate) struct Lookup<'a> {
    pub(crate) shelf: Shelf<'a>,
    pub(crate) seal: &'a KeySet,
    pub(crate) names: &'a Secret,
}

impl Lookup<'_> {
    fn doc(&self, clinic: ClinicId, value: &Value) -> Doc<'_, Clients, KeySet> {
        let parts: [&[u8]; 3] = [clinic.as_bytes(), value.kind.as_bytes(), value.text.expose().as_bytes()];
        let name = name(self.names, VALUE, &parts);
        self.shelf.doc(Some(clinic), "contact index", &name, self.seal)
    }

    /// The clients that may have this value.
    pub(crate) fn find(&self, clinic: ClinicId, value: &Value) -> Result<Vec<ClientId>, StoreError> {
        let found = self.doc(clinic, value).read()?;
        Ok(found.map(|found| found.value.clients).unwrap_or_default())
    }

    /// Makes a client findable by a value, unless she is or the value has no room left.
    pub(crate) fn add(&self, clinic: ClinicId, value: &Value, client: ClientId) -> Result<(), Problem> {
        let doc = self.doc(clinic, value);
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
    pub(crate) fn remove(&self, clinic: ClinicId, value: &Value, client: ClientId) -> Result<(), Problem> {
        let removed = self.doc(clinic, value).update(None, |found| {
            found.clients.retain(|listed| *listed != client);
            Ok::<_, Problem>(())
        });
        match removed {
            Ok(_) | Err(UpdateError::Absent) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
