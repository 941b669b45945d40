//! Which id the owner gives what is made of a resource: the same whenever it comes.

use crypto::{Label, Secret, mac};
use fhir::{Kind, Source};
use model::{ClientId, ClinicId, Id, fhir_id, kind};
use web::{Exchange, Problem};

const IMPORTED: Label = Label::new("confide 2026-11 imported resource id");

/// The ids of one client's resources. They are keyed: who knows a hospital's numbers learns nothing from ours.
pub(crate) struct Ids<'k> {
    index: &'k Secret,
    clinic: ClinicId,
    client: ClientId,
    base: String,
}

impl<'k> Ids<'k> {
    pub(crate) fn new(exchange: &Exchange<'k>, clinic: ClinicId, client: ClientId) -> Result<Self, Problem> {
        let origin = exchange.platform.secrets.secret("base_url").unwrap_or_default();
        Ok(Self {
            index: exchange.keyring.key("index")?,
            clinic,
            client,
            base: format!("{}/v1/exchange/clients/{client}", origin.trim_end_matches('/')),
        })
    }

    /// The URL below which this client's resources are named on the way out.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The URL of the client herself on the way out.
    pub(crate) fn patient(&self) -> String {
        format!("{}/Patient/{}", self.base, fhir_id(&self.client.to_string()))
    }

    pub(crate) fn of(&self, source: &Source, kind: Kind) -> String {
        match kind {
            Kind::Client => self.client.to_string(),
            Kind::Claim => self.id::<kind::Claim>(source),
            Kind::ExplanationOfBenefit => self.id::<kind::ExplanationOfBenefit>(source),
            // What was added to a record goes out as a note.
            Kind::ProgressNote => match self.own::<kind::Addendum>(source) {
                Some(addendum) => addendum.to_string(),
                None => self.id::<kind::Record>(source),
            },
            _ => self.id::<kind::Record>(source),
        }
    }

    fn id<K: model::Kind>(&self, source: &Source) -> String {
        self.own::<K>(source)
            .unwrap_or_else(|| {
                let parts: [&[u8]; 5] = [
                    self.clinic.as_bytes(),
                    self.client.as_bytes(),
                    K::PREFIX.as_bytes(),
                    source.system.as_bytes(),
                    source.id.as_bytes(),
                ];
                Id::<K>::from_bytes(mac(self.index, IMPORTED, &parts).truncated())
            })
            .to_string()
    }

    /// What went out from here comes back as what it is.
    fn own<K: model::Kind>(&self, source: &Source) -> Option<Id<K>> {
        let (_, id) = source.id.split_once('/').filter(|_| source.system == self.base)?;
        id.replacen('-', "_", 1).parse().ok()
    }
}
