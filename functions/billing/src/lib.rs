//! Billing: invoices, payments, refunds, statements, and what payment gateways tell of them. Knows neither names nor notes.

mod book;
mod events;
mod gateway;
mod insurance;
mod invoice;
mod invoices;
mod keys;
mod ledger;
mod money;
#[cfg(test)]
mod openapi;
mod payment;
mod payments;
mod register;
mod routes;
mod settings;
mod settlement;
mod statement;
#[cfg(test)]
mod tests;
mod webhook;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Billing, &crate::ROUTES);
