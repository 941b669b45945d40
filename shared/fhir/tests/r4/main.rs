//! Bundles in and out, as HL7 published them for R4.

mod bundles;
mod exported;
mod published;
