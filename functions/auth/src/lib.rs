//! Accounts: clinics, invitations, enrolment, log-in and sessions. The one authority on who somebody is.

mod accounts;
mod confirmation;
mod credentials;
mod documents;
mod enrolment;
mod invitation;
mod invitations;
mod listing;
mod log_in;
mod offered;
mod opening;
mod own_factors;
mod passkey_log_in;
mod passkey_settings;
mod password_change;
mod recovery;
mod registration;
mod reset;
mod routes;
mod second_factor;
mod service;
mod sessions;
mod sms_codes;
mod step_up;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Auth, &crate::ROUTES);
