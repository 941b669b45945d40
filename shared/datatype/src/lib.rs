//! Data types of FHIR R4, as bodies have them: codes of published systems, decimals, and times that are as exact as they are known; and the names of instruments.
//!
//! What can be read of a text alone is checked when it is read; what somebody may want to correct is noted in a [`web::Check`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod coding;
mod date_time;
mod decimal;
mod diagnosis;
mod instrument;
mod limits;
mod money;
pub mod person;

pub use coding::{Coding, Concept, check_code, check_system};
pub use date_time::{DateTime, PartialDate, Period, check_past, is_date_time, is_instant};
pub use decimal::Decimal;
pub use diagnosis::says_diagnosis;
pub use instrument::Instrument;
pub use limits::{LINE, Text, each, line};
pub use money::{MOST_MINOR_UNITS, MinorUnits};
