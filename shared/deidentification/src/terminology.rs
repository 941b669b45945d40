//! Codes that may leave: those of published terminologies, in the form that the terminology gives its codes, so that a number of somebody's
//! cannot pass for one (45 CFR 164.514(b)(2)(i)(R)). Words beside a code never leave; who receives it looks them up.

/// Units of measure; the units themselves stand in [`crate::number`].
pub(crate) const UCUM: &str = "http://unitsofmeasure.org";

/// A terminology, and which codes it has.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) uri: &'static str,
    codes: Codes,
}

#[derive(Debug)]
enum Codes {
    /// Every code, where there are few.
    These(&'static [&'static str]),
    /// Whatever has this form.
    Form(fn(&str) -> bool),
}

impl System {
    const fn these(uri: &'static str, codes: &'static [&'static str]) -> Self {
        Self {
            uri,
            codes: Codes::These(codes),
        }
    }

    const fn form(uri: &'static str, form: fn(&str) -> bool) -> Self {
        Self {
            uri,
            codes: Codes::Form(form),
        }
    }

    /// Whether its codes are known by their form alone: one of somebody's own numbers may have that form.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.codes, Codes::Form(_))
    }

    pub(crate) fn has(&self, code: &str) -> bool {
        match self.codes {
            Codes::These(codes) => codes.contains(&code),
            Codes::Form(is_form) => is_form(code),
        }
    }
}

pub(crate) static LOINC: System = System::form("http://loinc.org", |code| is_loinc(code) || is_loinc_answer(code));
pub(crate) static SNOMED: System = System::form("http://snomed.info/sct", is_sctid);
pub(crate) static ICD_10: System = System::form("http://hl7.org/fhir/sid/icd-10", is_icd_10);
pub(crate) static ICD_10_CM: System = System::form("http://hl7.org/fhir/sid/icd-10-cm", is_icd_10);
pub(crate) static ICD_9_CM: System = System::form("http://hl7.org/fhir/sid/icd-9-cm", is_icd_9_cm);
pub(crate) static ICD_11: System = System::form("http://id.who.int/icd/release/11/mms", is_icd_11);
pub(crate) static RXNORM: System = System::form("http://www.nlm.nih.gov/research/umls/rxnorm", is_rxcui);
pub(crate) static CVX: System = System::form("http://hl7.org/fhir/sid/cvx", is_cvx);

pub(crate) static CONDITION_CLINICAL: System = System::these(
    "http://terminology.hl7.org/CodeSystem/condition-clinical",
    &["active", "recurrence", "relapse", "inactive", "remission", "resolved"],
);
pub(crate) static CONDITION_VERIFICATION: System = System::these(
    "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    &[
        "unconfirmed",
        "provisional",
        "differential",
        "confirmed",
        "refuted",
        "entered-in-error",
    ],
);
pub(crate) static CONDITION_CATEGORY: System = System::these(
    "http://terminology.hl7.org/CodeSystem/condition-category",
    &["problem-list-item", "encounter-diagnosis"],
);
pub(crate) static OBSERVATION_CATEGORY: System = System::these(
    "http://terminology.hl7.org/CodeSystem/observation-category",
    &[
        "social-history",
        "vital-signs",
        "imaging",
        "laboratory",
        "procedure",
        "survey",
        "exam",
        "therapy",
        "activity",
    ],
);
pub(crate) static OBSERVATION_INTERPRETATION: System = System::these(
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
    &[
        "A", "AA", "H", "HH", "HU", "L", "LL", "LU", "N", "NEG", "POS", "IND", "B", "W", "U", "D",
    ],
);
pub(crate) static ACT_CODE: System = System::these(
    "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    &[
        "AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONAC", "OBSENC", "PRENC", "SS", "VR",
    ],
);
pub(crate) static DIAGNOSTIC_SECTION: System = System::these(
    "http://terminology.hl7.org/CodeSystem/v2-0074",
    &[
        "AU", "BG", "BLB", "CG", "CH", "CP", "CT", "CTH", "CUS", "EC", "EN", "GE", "HM", "ICU", "IMM", "LAB", "MB",
        "MCB", "MYC", "NMR", "NMS", "NRS", "OSL", "OT", "OTH", "OUS", "PAR", "PAT", "PF", "PHR", "PHY", "PT", "RAD",
        "RC", "RT", "RUS", "RX", "SP", "SR", "TX", "VR", "VUS", "XRC",
    ],
);
pub(crate) static DISCHARGE: System = System::these(
    "http://terminology.hl7.org/CodeSystem/discharge-disposition",
    &[
        "home",
        "alt-home",
        "other-hcf",
        "hosp",
        "long",
        "aadvice",
        "exp",
        "psy",
        "rehab",
        "snf",
        "oth",
    ],
);
pub(crate) static MARITAL_STATUS: System = System::these(
    "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus",
    &["A", "C", "D", "I", "L", "M", "P", "S", "T", "U", "W"],
);
pub(crate) static GOAL_ACHIEVEMENT: System = System::these(
    "http://terminology.hl7.org/CodeSystem/goal-achievement",
    &[
        "in-progress",
        "improving",
        "worsening",
        "no-change",
        "achieved",
        "sustaining",
        "not-achieved",
        "no-progress",
        "not-attainable",
    ],
);
pub(crate) static DOSE_RATE: System = System::these(
    "http://terminology.hl7.org/CodeSystem/dose-rate-type",
    &["calculated", "ordered"],
);

/// Codes of LOINC and SNOMED CT that say an age, in whatever value stands beside them: reported, calculated, estimated, at the taking of a
/// specimen, current, at onset. They never leave; the year of birth does, or "90 or older".
pub(crate) static AGES: [&str; 8] = [
    "30525-0",
    "21612-7",
    "29553-5",
    "21611-9",
    "35659-2",
    "424144002",
    "397669002",
    "445518008",
];

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits from the right, the check digit first.
fn from_right(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.bytes().rev().map(|byte| usize::from(byte.saturating_sub(b'0')))
}

/// Luhn's check, ISO/IEC 7812-1, annex B: every second digit doubled, and the digits of the sum added.
fn is_luhn(text: &str) -> bool {
    let sum: usize = from_right(text)
        .enumerate()
        .map(|(at, digit)| {
            if at % 2 == 0 {
                digit
            } else {
                digit * 2 / 10 + digit * 2 % 10
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Verhoeff's check, as SNOMED CT's Release File Specification, section 6 "SCTID check-digit", prints it: multiplication in the dihedral
/// group of order ten, and a permutation by position.
fn is_verhoeff(text: &str) -> bool {
    const PERMUTATION: [[usize; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    const PRODUCT: [[usize; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    let product = from_right(text).enumerate().try_fold(0, |product, (at, digit)| {
        let permuted = PERMUTATION.get(at % 8)?.get(digit)?;
        PRODUCT.get(product)?.get(*permuted).copied()
    });
    product == Some(0)
}

/// A code of LOINC (LOINC Users' Guide, "LOINC codes"): up to six digits, a hyphen and a check digit.
pub(crate) fn is_loinc(code: &str) -> bool {
    is_loinc_with("", code)
}

/// An answer in a list of LOINC, `LA6568-5`: the check digit is over the letters as well, each worth its place in ASCII after `0`.
fn is_loinc_answer(code: &str) -> bool {
    code.strip_prefix("LA").is_some_and(|rest| is_loinc_with("LA", rest))
}

fn is_loinc_with(letters: &str, code: &str) -> bool {
    code.split_once('-').is_some_and(|(number, check)| {
        digits(number)
            && number.len() <= 6
            && !number.starts_with('0')
            && digits(check)
            && check.len() == 1
            && is_luhn(&format!("{letters}{number}{check}"))
    })
}

/// An identifier of a concept in SNOMED CT (Release File Specification, section 6): 6 to 18 digits, a partition of concepts, `00` or with a
/// namespace `10`, and Verhoeff's check digit.
fn is_sctid(code: &str) -> bool {
    let partition = code.len().checked_sub(3).and_then(|start| code.get(start..start + 2));
    digits(code)
        && (6..=18).contains(&code.len())
        && !code.starts_with('0')
        && (partition == Some("00") || (partition == Some("10") && code.len() > 10))
        && is_verhoeff(code)
}

/// ICD-10 and ICD-10-CM: a letter, a digit, a digit or letter; after a point up to four more.
fn is_icd_10(code: &str) -> bool {
    let (category, rest) = code
        .split_once('.')
        .map_or((code, None), |(category, rest)| (category, Some(rest)));
    let is_category = matches!(category.as_bytes(), [letter, first, second]
        if letter.is_ascii_uppercase() && first.is_ascii_digit() && (second.is_ascii_digit() || matches!(second, b'A' | b'B')));
    // Of the places after the point all are digits but the extensions of ICD-10-CM, `X` and the last one.
    let is_rest = |rest: &str| {
        (1..=4).contains(&rest.len())
            && rest.bytes().enumerate().all(|(at, byte)| {
                byte.is_ascii_digit() || byte == b'X' || (byte.is_ascii_uppercase() && at + 1 == rest.len())
            })
    };
    is_category && rest.is_none_or(is_rest)
}

/// ICD-9-CM, diagnoses: three digits, `V` and two or `E` and three; after a point up to two more.
fn is_icd_9_cm(code: &str) -> bool {
    let (category, rest) = code
        .split_once('.')
        .map_or((code, None), |(category, rest)| (category, Some(rest)));
    let (number, length) = match category.strip_prefix('V') {
        Some(number) => (number, 2),
        None => (category.strip_prefix('E').unwrap_or(category), 3),
    };
    digits(number) && number.len() == length && rest.is_none_or(|rest| digits(rest) && rest.len() <= 2)
}

/// ICD-11, stem codes of Mortality and Morbidity Statistics (ICD-11 Reference Guide, section 2.10): a chapter, a letter, a digit, a digit or
/// letter; after a point up to two more. Clusters, which join several, do not pass.
fn is_icd_11(code: &str) -> bool {
    let is_place = |byte: &u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !matches!(byte, b'I' | b'O'));
    let (stem, rest) = code
        .split_once('.')
        .map_or((code, None), |(stem, rest)| (stem, Some(rest)));
    let is_stem = matches!(stem.as_bytes(), [chapter, letter, number, last]
        if is_place(chapter) && letter.is_ascii_uppercase() && is_place(letter) && number.is_ascii_digit() && is_place(last));
    is_stem && rest.is_none_or(|rest| (1..=2).contains(&rest.len()) && rest.as_bytes().iter().all(is_place))
}

/// RxNorm: concept identifiers are counted up; in 2026 they are below three million.
fn is_rxcui(code: &str) -> bool {
    digits(code) && !code.starts_with('0') && code.parse().is_ok_and(|number: u32| number < 3_000_000)
}

/// CVX: up to three digits, some with a leading zero.
fn is_cvx(code: &str) -> bool {
    digits(code) && (2..=3).contains(&code.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_form_of_their_terminology() {
        for (system, codes) in [
            (
                &LOINC,
                &[
                    "8302-2", "718-7", "44261-6", "70274-6", "30525-0", "LA6568-5", "LA6571-9", "LA33-6", "LA137-2",
                    "29463-7", "85354-9",
                ][..],
            ),
            // Of the international edition, the edition of the United States and one of nineteen digits less one.
            (
                &SNOMED,
                &[
                    "35489007",
                    "370143000",
                    "428191000124101",
                    "787301000000101",
                    "22298006",
                    "900000000000441003",
                ],
            ),
            (
                &ICD_10_CM,
                &[
                    "F32.1", "F43.10", "Z00", "C7A.1", "S72.001A", "T36.0X1A", "O60.10X0", "M80.00XA",
                ],
            ),
            (&ICD_10, &["F32.1", "F43"]),
            (&ICD_9_CM, &["296.22", "V62.84", "E950", "311"]),
            (&ICD_11, &["6A70.1", "6B40", "QE84", "6A70.1Z", "BA00"]),
            (&RXNORM, &["313782", "834061", "1", "2999999"]),
            (&CVX, &["140", "08", "208"]),
            (&ACT_CODE, &["AMB", "VR"]),
        ] {
            for code in codes {
                assert!(system.has(code), "{} {code}", system.uri);
            }
        }
    }

    /// Numbers of people and things, in every terminology.
    #[test]
    fn numbers_of_people_have_not() {
        let all = [
            &LOINC,
            &SNOMED,
            &ICD_10,
            &ICD_10_CM,
            &ICD_9_CM,
            &ICD_11,
            &RXNORM,
            &CVX,
            &CONDITION_CLINICAL,
            &CONDITION_VERIFICATION,
            &CONDITION_CATEGORY,
            &OBSERVATION_CATEGORY,
            &OBSERVATION_INTERPRETATION,
            &ACT_CODE,
            &DIAGNOSTIC_SECTION,
            &DISCHARGE,
            &MARITAL_STATUS,
            &GOAL_ACHIEVEMENT,
            &DOSE_RATE,
        ];
        for number in [
            "",
            " ",
            "Ada",
            "Okafor",
            "ada@example.org",
            "555-767-7476",
            "+493012345678",
            "(555) 767-7476",
            "5557677476",
            "999-48-8934",
            "999488934",
            "S99922788",
            "X80145436X",
            "1484a42d-0eaf-4654-9cbf-6b050a5cd73b",
            "https://example.org/ada",
            "192.0.2.7",
            "2001:db8::7",
            "1987-03-21",
            "19870321",
            "03/21/1987",
            "01906",
            "01906-1234",
            "B-AB 1234",
            "7ABC123",
            "1HGBH41JXMN109186",
            "01234567890128",
            "４２",
            "8302-3",
            "370143001",
            "F32.1 Ada",
            "8302-2 Ada",
            "35489007\n",
            "4111111111111111",
            "42.564647",
            "-71.164516",
            "3000000",
        ] {
            for system in all {
                assert!(!system.has(number), "{} {number}", system.uri);
            }
        }
    }

    #[test]
    fn codes_of_ages_are_codes() {
        assert!(AGES.iter().all(|code| LOINC.has(code) || SNOMED.has(code)));
    }

    /// A single wrong digit, and two that changed places, are found, as the authors of both checks promise.
    #[test]
    fn check_digits_check() {
        assert!(is_luhn("83022") && !is_luhn("83023") && !is_luhn("80322"));
        for wrong in 0..10 {
            let code = format!("37014{wrong}000");
            assert_eq!(is_verhoeff(&code), wrong == 3, "{code}");
        }
        assert!(!is_verhoeff("371043000"));
    }
}
