//! Accounts: clinics, invitations, enrolment, log-in and sessions. The one authority on who somebody is.
#![allow(
    dead_code,
    unused_imports,
    reason = "the routes that use all of the account model come next"
)]

mod account;
mod accounts;
mod administrators;
mod challenge;
mod confirmation;
mod credentials;
mod email;
mod enrolment;
mod factor;
mod invitation;
mod invitations;
mod link;
mod listing;
mod log_in;
mod notice;
mod opening;
mod own_factors;
mod passkey_log_in;
mod passkey_settings;
mod password;
mod password_change;
mod pending;
mod proof;
mod recovery;
mod registration;
mod reset;
mod routes;
mod second_factor;
mod service;
mod sessions;
mod slots;
mod sms_codes;
mod step;
mod step_up;
#[cfg(test)]
mod tests;
mod throttle;
mod webauthn;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Auth, &crate::ROUTES);
