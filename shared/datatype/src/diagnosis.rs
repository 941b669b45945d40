//! What says that somebody has something, where no health record is.

/// The beginnings of the URIs of ICD and DSM (FHIR R4, Terminologies, "External code systems").
const CLASSIFICATIONS: [&str; 4] = [
    "http://hl7.org/fhir/sid/icd-",
    "http://id.who.int/icd",
    "urn:oid:2.16.840.1.113883.6.90",
    "urn:oid:2.16.840.1.113883.6.344",
];

/// What SNOMED CT's fully specified names end in that are of diagnoses (SNOMED CT Editorial Guide, "Semantic tag").
const SEMANTIC_TAGS: [&str; 2] = ["(disorder)", "(finding)"];

/// Whether a code says by itself what somebody has: one of a classification of diseases, or one that is displayed as a disorder or
/// finding of SNOMED CT. Many codes do so only to those who look them up: that this is `false` proves nothing.
#[must_use]
pub fn says_diagnosis(system: &str, display: Option<&str>) -> bool {
    let is_tagged = |display: &str| SEMANTIC_TAGS.iter().any(|tag| display.trim_end().ends_with(tag));
    CLASSIFICATIONS
        .iter()
        .any(|classification| system.starts_with(classification))
        || display.is_some_and(is_tagged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_diseases_and_names_of_disorders_say_a_diagnosis() {
        for (system, display, says) in [
            ("http://hl7.org/fhir/sid/icd-10-cm", None, true),
            ("http://id.who.int/icd/release/11/mms", Some("x"), true),
            ("urn:oid:2.16.840.1.113883.6.344", None, true),
            ("http://snomed.info/sct", Some("Viral sinusitis (disorder)"), true),
            (
                "http://snomed.info/sct",
                Some("Body mass index 30+ - obesity (finding) "),
                true,
            ),
            (
                "http://snomed.info/sct",
                Some("Encounter for check up (procedure)"),
                false,
            ),
            (
                "http://www.ama-assn.org/go/cpt",
                Some("Psychotherapy, 45 minutes"),
                false,
            ),
            ("http://snomed.info/sct", None, false),
        ] {
            assert_eq!(says_diagnosis(system, display), says, "{system} {display:?}");
        }
    }
}
