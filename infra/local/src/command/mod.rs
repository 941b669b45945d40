//! The subcommands, one module each.

pub mod init;
pub mod jobs;
pub mod keys;
pub(crate) mod typed;
pub mod up;
pub mod verify;
