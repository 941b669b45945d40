//! Messages to people: taken in from other functions, sent by providers, proven. The one function that may call outside.

mod accept;
mod app_origin;
mod backoff;
mod callbacks;
mod capture;
mod dispatch;
mod drain;
mod html;
#[cfg(test)]
mod openapi;
mod outbox;
mod outgoing;
mod provider;
mod recipient;
mod review;
mod routes;
mod settings;
mod standard_webhooks;
#[cfg(test)]
mod tests;
mod texts;

pub use routes::ROUTES;

spin_adapter::export!(model::Function::Notify, &crate::ROUTES, outbound);
