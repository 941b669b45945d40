//! Accounts: clinics, invitations, enrolment, log-in and sessions. The one authority on who somebody is.
#![allow(
    dead_code,
    unused_imports,
    reason = "the routes that use all of the account model come next"
)]

mod account;
mod challenge;
mod email;
mod enrolment;
mod factor;
mod invitation;
mod invitations;
mod log_in;
mod password;
mod pending;
mod proof;
mod routes;
mod sessions;
mod slots;
mod step;
mod throttle;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Auth, &crate::ROUTES);
