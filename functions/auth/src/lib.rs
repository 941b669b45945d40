//! Accounts: clinics, invitations, enrolment, log-in and sessions. The one authority on who somebody is.

mod account;
mod email;
mod enrolment;
mod invitation;
mod invitations;
mod log_in;
mod password;
mod routes;
mod sessions;
mod slots;
mod throttle;
mod totp;
#[cfg_attr(not(test), expect(dead_code, reason = "no route uses passkeys yet"))]
mod webauthn;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Auth, &crate::ROUTES);
