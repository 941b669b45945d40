/// Four patients by name, as transaction bundles of FHIR R4. Synthea made them up; see `data/fhir-r4`.
pub const PATIENTS: [(&str, &str); 4] = [
    ("Clemente", include_str!("../data/fhir-r4/Clemente.json")),
    ("Laurie", include_str!("../data/fhir-r4/Laurie.json")),
    ("Liz", include_str!("../data/fhir-r4/Liz.json")),
    ("Milan", include_str!("../data/fhir-r4/Milan.json")),
];
