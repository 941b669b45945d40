//! An embedded host for Spin applications: serves a manifest unmodified, by Spin's rules, in one process.
//!
//! [`host::Host`] is the way in; `README.md` says what it is exact about and where it differs.

pub mod client;
pub mod command;
pub mod console;
pub mod functions;
pub mod home;
pub mod host;
pub mod jobs;
pub mod manifest;
pub mod tour;

mod allowed_hosts;
mod dotenv;
mod engine;
mod guest_log;
mod imports;
mod keyvalue;
mod memory;
mod outbound;
mod request;
mod routes;
mod server;
mod signal;
mod sources;
mod template;
mod variables;
