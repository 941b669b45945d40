//! Who is to be called for a client, and who looks after her (FHIR `Patient.contact` and `RelatedPerson`). These say whom to
//! turn to. Who may act for her and read what is hers, `consent` alone says.

use datatype::person::{EMERGENCY_CONTACTS, GUARDIANS, LINE, TELECOMS};
use model::{AccountId, ClientId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use crate::codes::codes;
use crate::form;
use crate::several::{self, Element};
use crate::telecom::Telecom;

codes! {
    /// What a person is to the client (HL7 v3 `RoleCode`).
    Relationship {
        /// Spouse.
        Sps = "SPS",
        /// Domestic partner.
        DomPart = "DOMPART",
        /// Significant other.
        SigOthr = "SIGOTHR",
        /// Parent.
        Prn = "PRN",
        /// Mother.
        Mth = "MTH",
        /// Father.
        Fth = "FTH",
        /// Step-parent.
        StpPrn = "STPPRN",
        /// Foster parent.
        PrnFost = "PRNFOST",
        /// Grandparent.
        GrPrn = "GRPRN",
        /// Child.
        Child = "CHILD",
        /// Sibling.
        Sib = "SIB",
        /// Somebody else of the family.
        FamMemb = "FAMMEMB",
        /// Friend.
        Frnd = "FRND",
        /// Neighbour.
        Nbor = "NBOR",
        /// Whom she lives with.
        Room = "ROOM",
        /// Guardian by law.
        Guard = "GUARD",
        /// Holder of a power of attorney.
        PowAtt = "POWATT",
    }
}

/// Whom to call for her.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmergencyContact {
    name: String,
    relationship: Relationship,
    #[schemars(length(min = 1, max = TELECOMS))]
    telecoms: Vec<Telecom>,
}

/// Who looks after her: named by her account here, by her own entry here, or by her name. Who may act for her, `consent` alone says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Guardian {
    relationship: Relationship,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<ClientId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = TELECOMS))]
    telecoms: Vec<Telecom>,
}

impl Element for EmergencyContact {
    const MOST: usize = EMERGENCY_CONTACTS;

    fn normalised(self, check: &mut Check, at: &str) -> Self {
        let telecoms = format!("{at}/telecoms");
        check.that(
            !self.telecoms.is_empty(),
            &telecoms,
            "count",
            "must say where she is reached",
        );
        Self {
            name: form::line(&self.name, check, &format!("{at}/name"), LINE),
            telecoms: several::normalised(self.telecoms, check, &telecoms),
            ..self
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.relationship == other.relationship
    }
}

impl Element for Guardian {
    const MOST: usize = GUARDIANS;

    fn normalised(self, check: &mut Check, at: &str) -> Self {
        check.that(
            self.account_id.is_some() || self.client_id.is_some() || self.name.is_some(),
            at,
            "any-of",
            "must have account_id, client_id or name",
        );
        Self {
            name: form::optional_line(self.name.as_ref(), check, &format!("{at}/name"), LINE),
            telecoms: several::normalised(self.telecoms, check, &format!("{at}/telecoms")),
            ..self
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.account_id, self.client_id, &self.name) == (other.account_id, other.client_id, &other.name)
    }
}
