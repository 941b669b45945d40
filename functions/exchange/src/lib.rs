//! Exchange: clients' records in and out as FHIR R4. It keeps nothing and can open nothing: what it takes apart it hands to its owners, and what
//! it puts together it asks them for, in the name of whoever asks.

mod export;
mod ids;
mod import;
mod owners;
mod routes;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Exchange, &crate::ROUTES, outbound);
