//! Where letters and invoices go (FHIR `Address`).

use serde::{Deserialize, Serialize};
use web::Check;

use crate::calendar::Period;
use crate::codes::codes;
use crate::form::{self, LINE};
use crate::several::Element;

const LINES: usize = 4;

/// The longest postal code: ten characters and some room.
const POSTAL_CODE: usize = 16;

codes! {
    /// FHIR `AddressUse`; what is not in use any more has a period with an end.
    AddressUse {
        Home = "home",
        Work = "work",
        Temp = "temp",
        Billing = "billing",
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#use: Option<AddressUse>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    line: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    district: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    postal_code: Option<String>,
    country: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
}

/// The officially assigned codes of ISO 3166-1 alpha-2 (2020, with its newsletters up to 2024), one after the other.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ\
DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKR\
KWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARE\
RORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";

fn country(written: &str) -> Option<String> {
    let code = written.trim().to_ascii_uppercase();
    let is_code = COUNTRIES
        .as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .any(|known| known == code.as_bytes());
    is_code.then_some(code)
}

/// In capitals, with single spaces.
fn postal_code(written: &str) -> Option<String> {
    let words: Vec<String> = written.split_whitespace().map(str::to_ascii_uppercase).collect();
    let code = words.join(" ");
    let is_code = (1..=POSTAL_CODE).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b' ' || byte == b'-');
    is_code.then_some(code)
}

impl Element for Address {
    const MOST: usize = 6;

    fn normalised(self, check: &mut Check, at: &str) -> Self {
        check.that(
            !self.line.is_empty() || self.city.is_some() || self.postal_code.is_some(),
            at,
            "any-of",
            "must have line, city or postal_code",
        );
        let country = country(&self.country);
        check.that(
            country.is_some(),
            format!("{at}/country"),
            "iso-3166",
            "must be a country's code of two letters, such as DE",
        );
        let code = self.postal_code.as_deref().map(postal_code);
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
            line: form::lines(&self.line, check, &format!("{at}/line"), LINES),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_those_of_iso_3166() {
        assert_eq!(COUNTRIES.len(), 2 * 249);
        assert!(
            COUNTRIES
                .as_bytes()
                .as_chunks::<2>()
                .0
                .is_sorted_by(|one, other| one < other)
        );
        for (written, code) in [
            ("de", Some("DE")),
            (" Gb ", Some("GB")),
            ("CA", Some("CA")),
            // No code of its own, exceptionally reserved, of three letters, and where two codes touch.
            ("UK", None),
            ("EU", None),
            ("USA", None),
            ("DA", None),
            ("", None),
            ("D", None),
            ("DEDJ", None),
        ] {
            assert_eq!(country(written).as_deref(), code, "{written}");
        }
    }

    #[test]
    fn postal_codes_come_to_one_form() {
        for (written, code) in [
            (" k1a  0b1 ", Some("K1A 0B1")),
            ("10115", Some("10115")),
            ("00-950", Some("00-950")),
            ("", None),
            ("10115\u{7}", None),
            ("１０１１５", None),
            ("12345678901234567", None),
        ] {
            assert_eq!(postal_code(written).as_deref(), code, "{written}");
        }
    }
}
