//! The audit trail for those who watch over it: query, verification and export of a clinic's chains.

mod cursor;
mod handlers;
#[cfg(test)]
mod openapi;
mod parts;
mod query;
mod routes;
#[cfg(test)]
mod tests;
mod trail;
mod walk;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Audit, &crate::ROUTES);
