//! The subcommands, one module each.

pub mod init;
pub mod jobs;
pub mod keys;
pub mod up;
pub mod verify;
