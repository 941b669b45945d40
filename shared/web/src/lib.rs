//! HTTP in, HTTP out: `http::Request<Vec<u8>>` to `http::Response<Vec<u8>>`, with no server and no platform in sight.
//!
//! [`serve`] is the frame of every function: it bounds the request, finds the route, parses the keyring, runs the
//! handler and dresses the answer. Handlers get an [`Exchange`] and return a [`Reply`] or a [`Problem`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod asking;
mod call;
mod check;
mod common_headers;
mod cookie;
mod cors;
mod exchange;
pub mod import;
mod json;
pub mod listing;
mod network;
mod page;
mod payment_card;
mod problem;
mod query;
mod rate_limit;
mod reply;
mod residency;
mod rewrap;
mod route;
mod serve;
mod stream;

pub use asking::Asking;
pub use check::Check;
pub use exchange::Exchange;
pub use json::Part;
pub use network::CLIENT_ADDRESS;
pub use page::{PageQuery, VersionsPage, page_size};
pub use payment_card::CardSearch;
pub use problem::{Problem, ProblemDetails, Violation};
pub use rate_limit::RateLimit;
pub use reply::Reply;
pub use rewrap::{RewrapAnswer, rewrap};
pub use route::{Handler, Route};
pub use serve::{BODY_LIMIT, serve};
