//! Whole requests against this function and its real owners, on a platform in memory.

mod transfers;
mod unseen;
