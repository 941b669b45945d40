//! Who a client is: names, birth date, where she is reached, who is near her, how she wants to be treated.

mod address;
mod calendar;
mod codes;
mod details;
mod exchange;
mod folding;
mod form;
mod handlers;
mod identifier;
mod keys;
mod lookup;
mod merge;
mod merges;
mod name;
#[cfg(test)]
mod openapi;
mod private_contact;
mod register;
mod related;
mod routes;
mod several;
mod telecom;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Identity, &crate::ROUTES);
