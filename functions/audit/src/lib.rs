//! The audit trail for those who watch over it: query, verification and export of a clinic's chains.

mod handlers;
mod query;
mod routes;
#[cfg(test)]
mod tests;
mod trail;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Audit, &crate::ROUTES);
