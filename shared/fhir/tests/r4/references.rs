//! What a reference leads to (FHIR R4, Bundle, "Resolving references in Bundles": <http://hl7.org/fhir/R4/bundle.html#references>).

use serde_json::json;

use crate::bundles::{import, small};

/// A relative reference is one to a resource of the server that the one who refers is from. Another server's resource of the same type
/// and id is somebody else's.
#[test]
fn a_relative_reference_stays_with_its_server() {
    for (patient, observation, reference, is_hers) in [
        (
            "https://a.example/Patient/1",
            "https://a.example/Observation/9",
            "Patient/1",
            true,
        ),
        (
            "https://a.example/fhir/Patient/1",
            "https://a.example/Observation/9",
            "Patient/1",
            false,
        ),
        (
            "https://a.example/Patient/1",
            "https://b.example/Observation/9",
            "Patient/1",
            false,
        ),
        (
            "https://a.example/Patient/1",
            "https://b.example/Observation/9",
            "https://a.example/Patient/1",
            true,
        ),
        ("urn:uuid:1", "https://b.example/Observation/9", "Patient/1", false),
        ("urn:uuid:1", "https://b.example/Observation/9", "urn:uuid:1", true),
        // Who has no server refers to the resource of this type and id.
        ("urn:uuid:1", "urn:uuid:9", "Patient/1", true),
        ("https://a.example/Patient/1", "urn:oid:1.9", "Patient/1", true),
        ("urn:uuid:1", "urn:uuid:9", "Patient/2", false),
    ] {
        let import = import(&small(|bundle| {
            let entries = bundle["entry"].as_array_mut().unwrap();
            entries.truncate(3);
            entries.remove(1);
            entries[0]["fullUrl"] = json!(patient);
            entries[1]["fullUrl"] = json!(observation);
            entries[1]["resource"]["subject"] = json!({"reference": reference});
        }));
        let found = (import.parts.len(), import.not_imported.len());
        let expected = if is_hers { (1, 0) } else { (0, 1) };
        assert_eq!(found, expected, "{patient} {observation} {reference}");
    }
}
