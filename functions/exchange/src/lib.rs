//! Exchange: clients' records in and out as FHIR R4. It keeps nothing and can open nothing: what it takes apart it hands to its owners, and what
//! it puts together it asks them for, in the name of whoever asks. For research and for figures about all clients it leaves out whatever tells who they are.

mod day;
mod download;
mod export;
mod figures;
mod ids;
mod import;
#[cfg(test)]
mod openapi;
mod owners;
mod research;
mod routes;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Exchange, &crate::ROUTES, outbound);
