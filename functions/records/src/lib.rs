//! Clinical records: progress notes, assessments, treatment plans and, kept apart, psychotherapy notes.

mod chart;
mod content;
mod handlers;
mod keys;
mod routes;
#[cfg(test)]
mod tests;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Records, &crate::ROUTES);
