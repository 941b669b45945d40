//! Where somebody lives (45 CFR 164.514(b)(2)(i)(B)): nothing smaller than a State, but the first three digits of a ZIP code where more than
//! 20 000 people live.
//!
//! *State* is a term of the law (45 CFR 160.103): the States, the District of Columbia, Puerto Rico, the Virgin Islands, Guam, American
//! Samoa and the Northern Mariana Islands. A province of Canada or a state of India is none, and so a geographic subdivision like any
//! other: elsewhere the country alone may leave. Postal codes elsewhere have no such exception.

use serde_json::{Map, Value, json};

/// States in the sense of 45 CFR 160.103: code of the United States Postal Service, name.
static STATES: [(&str, &str); 56] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AS", "American Samoa"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "District of Columbia"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("GU", "Guam"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("MP", "Northern Mariana Islands"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("PR", "Puerto Rico"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VI", "Virgin Islands"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];

/// The first three digits under which the Census Bureau tabulates anybody, first and last of each run: 894 of them.
///
/// 2020 Census, Demographic and Housing Characteristics, table P1 by ZIP Code Tabulation Area (`DECENNIALDHC2020.P1`,
/// `010XX00US$8600000`), summed by the first three digits, as a public tabulation of it has it (docs/design/deidentification.md). A prefix that is not here, such as military mail, has nobody counted in it:
/// nothing says that more than 20 000 people live there.
static TABULATED: [(u16, u16); 65] = [
    (6, 7),
    (9, 54),
    (56, 89),
    (100, 191),
    (193, 212),
    (214, 268),
    (270, 310),
    (312, 331),
    (333, 339),
    (341, 342),
    (344, 344),
    (346, 347),
    (349, 352),
    (354, 374),
    (376, 398),
    (400, 418),
    (420, 427),
    (430, 458),
    (460, 508),
    (510, 516),
    (520, 528),
    (530, 532),
    (534, 535),
    (537, 551),
    (553, 554),
    (556, 567),
    (570, 577),
    (580, 588),
    (590, 620),
    (622, 631),
    (633, 641),
    (644, 648),
    (650, 658),
    (660, 662),
    (664, 681),
    (683, 693),
    (700, 701),
    (703, 708),
    (710, 714),
    (716, 731),
    (734, 741),
    (743, 770),
    (772, 816),
    (820, 838),
    (840, 841),
    (843, 847),
    (850, 853),
    (855, 857),
    (859, 860),
    (863, 865),
    (870, 871),
    (873, 875),
    (877, 884),
    (890, 891),
    (893, 895),
    (897, 898),
    (900, 900),
    (902, 908),
    (910, 928),
    (930, 937),
    (939, 941),
    (943, 961),
    (967, 968),
    (970, 986),
    (988, 999),
];

/// Those of them with 20 000 people or fewer, and how many (same table). The list in the guidance of HHS of 2012 is of the 2000 Census,
/// and says itself not to rely on it once newer data is published.
static RESTRICTED: [(u16, u32); 18] = [
    (36, 13_153),
    (59, 3352),
    (102, 15_082),
    (202, 0),
    (203, 772),
    (204, 60),
    (205, 44),
    (369, 17_596),
    (556, 16_415),
    (692, 8626),
    (753, 0),
    (772, 4280),
    (821, 392),
    (823, 14_702),
    (878, 17_364),
    (879, 16_082),
    (884, 16_740),
    (893, 10_701),
];

/// Countries and territories (ISO 3166-1 alpha-2) of more than 20 000 people. No law draws that line for a country; it is the line that
/// this law draws for an area, and a territory with fewer people than that tells as much as a restricted ZIP code. Populations: United
/// Nations, World Population Prospects 2022.
static COUNTRIES: &str = "AD AE AF AG AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BM BN BO BQ BR BS BT BW BY BZ CA CD CF CG CH \
    CI CL CM CN CO CR CU CV CW CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU \
    GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD \
    ME MF MG MH MK ML MM MN MO MP MQ MR MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NZ OM PA PE PF PG PH PK PL PR PS PT PY QA RE RO RS RU \
    RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TL TM TN TO TR TT TW TZ UA UG US UY UZ VC VE VG VI VN VU WS \
    YE YT ZA ZM ZW";

/// The first three digits of a ZIP code, or `000` where too few live there. `None` where it is no ZIP code: three digits of some other
/// number are no area.
fn zip3(code: &str) -> Option<String> {
    // Three are what an earlier export left of it.
    let is_zip = match code.len() {
        3 | 5 => code.bytes().all(|byte| byte.is_ascii_digit()),
        10 => code
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 5 { byte == b'-' } else { byte.is_ascii_digit() }),
        _ => false,
    };
    let digits = if is_zip { code.get(..3)? } else { return None };
    let prefix: u16 = digits.parse().ok()?;
    let is_tabulated = TABULATED.iter().any(|(first, last)| (*first..=*last).contains(&prefix));
    let is_restricted = RESTRICTED.iter().any(|(restricted, _)| *restricted == prefix);
    Some(if is_tabulated && !is_restricted { digits } else { "000" }.to_owned())
}

/// Whether a country, as an Address says it, is the United States.
pub(crate) fn is_in_the_united_states(country: Option<&Value>) -> bool {
    matches!(country.and_then(Value::as_str), Some("US" | "USA"))
}

/// An Address (FHIR R4) as country, State and three digits. Without a country there is nothing: five digits are a postal code in many.
pub(crate) fn address(address: &Map<String, Value>) -> Option<Value> {
    let text = |name| address.get(name).and_then(Value::as_str);
    let country = text("country")?;
    let country = if is_in_the_united_states(address.get("country")) {
        "US"
    } else {
        COUNTRIES.split_ascii_whitespace().find(|known| *known == country)?
    };
    let mut kept = json!({"country": country});
    if country == "US" {
        let kept = kept.as_object_mut()?;
        let state = |text| STATES.iter().find(|(code, name)| *code == text || *name == text);
        if let Some((state, _)) = text("state").and_then(state) {
            kept.insert("state".to_owned(), json!(state));
        }
        if let Some(digits) = text("postalCode").and_then(zip3) {
            kept.insert("postalCode".to_owned(), json!(digits));
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every three digits that the Census Bureau has an area for, the small ones, and five that the list of 2000 had and that have grown.
    #[test]
    fn three_digits_stay_where_more_than_20_000_people_live() {
        let tabulated: BTreeSet<u16> = TABULATED.iter().flat_map(|(first, last)| *first..=*last).collect();
        assert_eq!(tabulated.len(), 894);
        let kept: Vec<String> = (0..1000)
            .filter_map(|prefix| zip3(&format!("{prefix:03}01")))
            .filter(|zip| zip != "000")
            .collect();
        assert_eq!(kept.len(), 894 - 18);
        for restricted in [
            "036", "059", "102", "202", "203", "204", "205", "369", "556", "692", "753", "772", "821", "823", "878",
            "879", "884", "893",
        ] {
            assert_eq!(zip3(&format!("{restricted}55")).as_deref(), Some("000"), "{restricted}");
        }
        for grown in ["063", "790", "830", "831", "890"] {
            assert_eq!(zip3(&format!("{grown}55-1234")).as_deref(), Some(grown));
        }
        for nobody in ["000", "001", "090", "213", "269", "343", "965", "987"] {
            assert_eq!(zip3(&format!("{nobody}12")).as_deref(), Some("000"), "{nobody}");
        }
        assert!(
            RESTRICTED
                .iter()
                .all(|(prefix, people)| *people <= 20_000 && tabulated.contains(prefix))
        );
        // The District of Columbia counted 689 545 people, of whom 688 669 live under 200.
        let small: u32 = RESTRICTED
            .iter()
            .filter(|(prefix, _)| (202..=205).contains(prefix))
            .map(|(_, people)| people)
            .sum();
        assert_eq!(688_669 + small, 689_545);
    }

    #[test]
    fn what_is_no_zip_code_is_no_area() {
        for code in [
            "",
            "02",
            "0213",
            "02134-",
            "02134-12345",
            "021341234",
            "O2134",
            "02134 Jane",
            "０２１３４",
            "M5V 2T6",
        ] {
            assert_eq!(zip3(code), None, "{code}");
        }
    }

    fn of(value: Value) -> Option<Value> {
        address(value.as_object().unwrap())
    }

    #[test]
    fn an_address_is_a_country_and_in_the_united_states_a_state_and_three_digits() {
        let whole = json!({"line": ["351 Simonis Spur"], "city": "Saugus", "district": "Essex", "text": "x", "use": "home",
            "state": "Massachusetts", "postalCode": "01906", "country": "US", "period": {"start": "2015-06-01"},
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/geolocation"}]});
        assert_eq!(
            of(whole),
            Some(json!({"country": "US", "state": "MA", "postalCode": "019"}))
        );
        assert_eq!(
            of(json!({"country": "USA", "state": "Jane's", "postalCode": "05901"})),
            Some(json!({"country": "US", "postalCode": "000"}))
        );
        // A province is no State, and five digits elsewhere are no ZIP code.
        assert_eq!(
            of(json!({"country": "CA", "state": "ON", "postalCode": "M5V 2T6"})),
            Some(json!({"country": "CA"}))
        );
        assert_eq!(
            of(json!({"country": "DE", "state": "BE", "postalCode": "10115"})),
            Some(json!({"country": "DE"}))
        );
        for country in [
            json!("PN"),
            json!("VA"),
            json!("AB CD"),
            json!("Jane"),
            json!(""),
            json!(1),
            Value::Null,
        ] {
            assert_eq!(
                of(json!({"country": country, "state": "MA", "postalCode": "01906"})),
                None,
                "{country}"
            );
        }
        assert_eq!(of(json!({"state": "MA", "postalCode": "01906"})), None);
    }
}
