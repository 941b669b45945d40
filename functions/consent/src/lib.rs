//! Notices, policies and agreements, consents and care teams: the one authority for what a client's permissions say.

mod acceptance;
mod acceptances;
mod care_team;
mod caseload;
mod clients;
mod consent_state;
mod consents;
mod content;
mod duties;
mod emergency;
mod emergency_access;
mod explain;
mod fhir;
mod file;
mod grounds;
mod jurisdiction;
mod language;
mod ledger;
mod minority;
mod notice;
#[cfg(test)]
mod notice_tests;
mod notices;
#[cfg(test)]
mod openapi;
mod optional_body;
mod proofs;
mod receipts;
mod record;
mod redaction;
mod representations;
mod representatives;
mod restrictions;
mod roster;
mod routes;
mod shared_files;
mod terms;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Consent, &crate::ROUTES, outbound);
