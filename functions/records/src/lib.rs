//! Clinical records: what was noted, assessed, planned, found and prescribed and, kept apart, psychotherapy notes.

mod answer;
mod attachment;
mod chart;
mod content;
mod handlers;
mod keys;
#[cfg(test)]
mod openapi;
mod record;
mod routes;
#[cfg(test)]
mod tests;
mod timeline;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Records, &crate::ROUTES);
