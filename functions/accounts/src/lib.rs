//! The life of accounts: clinics and their settings, invitations, registration, administration, recovery, service identities, reviews of who still needs
//! access.
//! What somebody logs in with, and how, is `auth`'s. Towards all other functions the two are one.

mod access_review;
mod administration;
mod directory;
mod documents;
mod email_change;
mod enrolment;
mod invitation;
mod invitations;
#[cfg(test)]
mod openapi;
mod profile;
mod recoveries;
mod recovery;
mod registration;
mod routes;
mod service;
mod upon_account;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Auth, &crate::ROUTES, outbound);
