//! Notices, consents and care teams: the one authority for what a client's permissions say.

mod care_team;
mod clients;
mod consent_state;
mod consents;
mod emergency;
mod emergency_access;
mod explain;
mod fhir;
mod file;
mod ledger;
mod notice;
mod notices;
mod proofs;
mod record;
mod representatives;
mod restrictions;
mod routes;
mod terms;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Consent, &crate::ROUTES);
