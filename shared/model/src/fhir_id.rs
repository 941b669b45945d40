/// An id as FHIR takes it: no underscore (`[A-Za-z0-9\-\.]{1,64}`, FHIR R4, datatype `id`).
#[must_use]
pub fn fhir_id(id: &str) -> String {
    id.replace('_', "-")
}
