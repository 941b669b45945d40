//! Log-in with every factor, sessions, and what their owner logs in with. The one authority on who somebody is.
//! How accounts come to be and who may come in is `accounts`. Towards all other functions the two are one.

mod confirmation;
mod credentials;
mod log_in;
mod new_password;
mod offered;
#[cfg(test)]
mod openapi;
mod opening;
mod own_factors;
mod passkey_log_in;
mod passkey_settings;
mod password_change;
mod reset;
mod routes;
mod second_factor;
mod service_log_in;
mod sessions;
mod sms_codes;
mod step_up;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Auth, &crate::ROUTES, outbound);
