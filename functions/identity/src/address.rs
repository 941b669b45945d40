//! Where letters and invoices go (FHIR `Address`).

use datatype::person::{self, ADDRESS_LINES, ADDRESSES, LINE};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use crate::calendar::Period;
use crate::codes::codes;
use crate::form;
use crate::several::Element;

codes! {
    /// FHIR `AddressUse`; what is not in use any more has a period with an end.
    AddressUse {
        Home = "home",
        Work = "work",
        Temp = "temp",
        Billing = "billing",
    }
}

/// A postal address: with a line, a city or a postal code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#use: Option<AddressUse>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = ADDRESS_LINES))]
    line: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    district: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    postal_code: Option<String>,
    /// A code of ISO 3166-1 of two letters.
    country: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
}

impl Element for Address {
    const MOST: usize = ADDRESSES;

    fn normalised(self, check: &mut Check, at: &str) -> Self {
        check.that(
            !self.line.is_empty() || self.city.is_some() || self.postal_code.is_some(),
            at,
            "any-of",
            "must have line, city or postal_code",
        );
        let country = person::country(&self.country);
        check.that(
            country.is_some(),
            format!("{at}/country"),
            "iso-3166",
            "must be a country's code of two letters, such as DE",
        );
        let code = self.postal_code.as_deref().map(person::postal_code);
        check.that(
            !matches!(code, Some(None)),
            format!("{at}/postal_code"),
            "postal-code",
            "must have up to 16 Latin letters, digits, spaces and hyphens",
        );
        if let Some(period) = &self.period {
            period.check(check, &format!("{at}/period"));
        }
        let mut part = |text: &Option<String>, field: &str| {
            form::optional_line(text.as_ref(), check, &format!("{at}/{field}"), LINE)
        };
        Self {
            r#use: self.r#use,
            city: part(&self.city, "city"),
            district: part(&self.district, "district"),
            state: part(&self.state, "state"),
            line: form::lines(&self.line, check, &format!("{at}/line"), ADDRESS_LINES),
            postal_code: code.flatten(),
            country: country.unwrap_or(self.country),
            period: self.period,
        }
    }

    /// The same place, whatever for and however long.
    fn is_same(&self, other: &Self) -> bool {
        self.line == other.line
            && self.city == other.city
            && self.district == other.district
            && self.state == other.state
            && self.postal_code == other.postal_code
            && self.country == other.country
            && self.period == other.period
            && self.r#use == other.r#use
    }
}
