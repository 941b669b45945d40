//! Which laws a clinic says it is under, and whom to ask there about privacy: one public document per clinic.

use access::Request;
use crypto::{KeySet, Label, Secret, name};
use http::StatusCode;
use http::header::IF_MATCH;
use law::Regime;
use model::{Action, ClinicId, DataClass, is_email_address, is_language_tag};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf, StoreError, UpdateError, Versioned};
use web::{Check, Exchange, Problem, Reply};

use crate::content::is_selection;

const JURISDICTION: Label = Label::new("confide 2026-11 jurisdiction name");

/// The longest name or telephone number, in characters.
const LINE: usize = 200;

/// The longest postal address, in characters.
const ADDRESS: usize = 500;

/// The most languages that a clinic tells its clients in.
const LANGUAGES: usize = 64;

/// What a clinic says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewJurisdiction")]
pub(crate) struct Jurisdiction {
    /// At least one, each once.
    pub(crate) regimes: Vec<Regime>,
    pub(crate) privacy_contact: PrivacyContact,
    /// In which languages it tells its clients what they have to know: BCP 47, one to 64, each once.
    pub(crate) languages: Vec<String>,
}

/// Whom to ask about privacy: the data protection officer, where there is one. A business contact, and public (GDPR 37(7), DPDP Act
/// s.6(3)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrivacyContact {
    /// 1 to 200 characters.
    name: String,
    pub(crate) email: String,
    /// 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    /// 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

/// What a clinic says of itself.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Jurisdiction")]
pub(crate) struct JurisdictionAnswer<'j> {
    clinic_id: ClinicId,
    #[serde(flatten)]
    jurisdiction: &'j Jurisdiction,
}

impl Jurisdiction {
    /// Whether a clinic can say so.
    ///
    /// # Errors
    /// 422 with every field that breaks a rule.
    fn check(&self) -> Result<(), Problem> {
        let mut check = Check::new();
        check.that(
            is_selection(&self.regimes),
            "/regimes",
            "selection",
            "must have at least one regime, and each once",
        );
        let contact = &self.privacy_contact;
        check.text(&contact.name, "/privacy_contact/name", 1, LINE);
        check.that(
            is_email_address(&contact.email),
            "/privacy_contact/email",
            "email",
            "must be an e-mail address",
        );
        if let Some(phone) = &contact.phone {
            check.text(phone, "/privacy_contact/phone", 1, LINE);
        }
        if let Some(address) = &contact.address {
            check.text(address, "/privacy_contact/address", 1, ADDRESS);
        }
        let folded: Vec<String> = self.languages.iter().map(|tag| tag.to_ascii_lowercase()).collect();
        check.that(
            folded.len() <= LANGUAGES && is_selection(&folded),
            "/languages",
            "selection",
            format!("must have one to {LANGUAGES} languages, and each once"),
        );
        for (index, tag) in self.languages.iter().enumerate() {
            check.that(
                is_language_tag(tag),
                format!("/languages/{index}"),
                "bcp-47",
                "must be a language tag such as en or pt-BR",
            );
        }
        check.finish()
    }
}

/// The jurisdictions of all clinics.
pub(crate) struct Jurisdictions<'a> {
    shelf: Shelf<'a>,
    seal: &'a KeySet,
    names: &'a Secret,
}

impl<'a> Jurisdictions<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            shelf: exchange.shelf("consent")?,
            seal: exchange.keyring.seal(DataClass::Consent)?,
            names: exchange.keyring.key("index")?,
        })
    }

    fn doc(&self, clinic: ClinicId) -> Doc<'_, Jurisdiction, KeySet> {
        let name = name(self.names, JURISDICTION, &[clinic.as_bytes()]);
        self.shelf.doc(Some(clinic), "jurisdiction", &name, self.seal)
    }

    /// What a clinic says of itself, if it has said so.
    pub(crate) fn read(&self, clinic: ClinicId) -> Result<Option<Versioned<Jurisdiction>>, StoreError> {
        self.doc(clinic).read()
    }

    /// What a clinic says of itself, without which it publishes nothing.
    ///
    /// # Errors
    /// 409 where it has not said so.
    pub(crate) fn of(&self, clinic: ClinicId) -> Result<Jurisdiction, Problem> {
        let jurisdiction = self.read(clinic)?.ok_or_else(|| {
            Problem::conflict(
                "no-jurisdiction",
                "Which laws the clinic is under decides what a notice has to tell. Say so first: `PUT /v1/consent/jurisdiction`.",
            )
        })?;
        Ok(jurisdiction.value)
    }
}

/// What a clinic says of itself, for everybody.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let clinic_id: ClinicId = exchange.parameter("clinic")?;
    let found = Jurisdictions::new(exchange)?
        .read(clinic_id)?
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here."))?;
    let answer = JurisdictionAnswer {
        clinic_id,
        jurisdiction: &found.value,
    };
    Ok(Reply::ok(&answer)?.etag(found.version))
}

/// Says it, for the first time or anew. Notices that are published stay as they are: each says which laws it was held against.
///
/// Order: the document, answer. A crash in between leaves it said; the repeated request finds that it is and answers so, whichever
/// version it names.
pub(crate) fn put(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted: Jurisdiction = exchange.json()?;
    wanted.check()?;
    let caller = exchange.caller()?;
    let clinic_id = caller.clinic();
    let request = Request::new(Action::Create, DataClass::Notice)
        .of(clinic_id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let refused = |problem: Problem| problem.recorded(recorded.event());
    let jurisdictions = Jurisdictions::new(exchange)?;
    let doc = jurisdictions.doc(clinic_id);
    let answer = JurisdictionAnswer {
        clinic_id,
        jurisdiction: &wanted,
    };
    let is_first = exchange.header(&IF_MATCH).map_err(refused)?.is_none();
    if is_first && doc.create(&wanted)? == Creation::Created {
        let location = format!("{}/{clinic_id}", exchange.path());
        return Ok(Reply::created(&location, &answer)?.etag(1).recorded(recorded.event()));
    }
    let version_that_says_so = || -> Result<Option<u64>, StoreError> {
        let current = doc.read()?.filter(|current| current.value == wanted);
        Ok(current.map(|current| current.version))
    };
    let version = match version_that_says_so()? {
        Some(version) => version,
        None => {
            let expected = exchange.if_match().map_err(refused)?;
            let updated = doc.update(Some(expected), |jurisdiction| {
                jurisdiction.clone_from(&wanted);
                Ok::<_, Problem>(())
            });
            match updated {
                Ok(updated) => updated.version,
                // Of two equal requests that meet, the later one finds said what it was to say.
                Err(UpdateError::Stale | UpdateError::Absent) => {
                    version_that_says_so()?.ok_or_else(|| refused(Problem::stale()))?
                }
                Err(error) => return Err(refused(error.into())),
            }
        }
    };
    Ok(Reply::ok(&answer)?.etag(version).recorded(recorded.event()))
}
