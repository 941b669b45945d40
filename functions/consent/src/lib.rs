//! Notices, policies and agreements, consents and care teams: the one authority for what a client's permissions say.

mod acceptance;
mod acceptances;
mod care_team;
mod clients;
mod consents;
mod content;
mod duties;
mod file;
mod index;
mod jurisdiction;
mod language;
mod ledger;
mod notice;
#[cfg(test)]
mod notice_tests;
mod notices;
mod routes;
mod terms;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Consent, &crate::ROUTES);
