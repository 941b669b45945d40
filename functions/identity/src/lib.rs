//! Who a client is: name, birth date, contact, preferences.

mod contact;
mod details;
mod handlers;
mod keys;
mod lookup;
mod private_contact;
mod register;
mod routes;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Identity, &crate::ROUTES);
