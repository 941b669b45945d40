//! FHIR R4 and the owners' own JSON, made of each other: bundles are taken apart on the way in and put together on the way out.
//!
//! One table says for each kind how its elements and fields belong together, and is read in both directions. Whoever reads takes
//! what it maps out of the tree; what is left over is what the report names. So nothing is dropped in silence, in neither direction.
//! Nothing here does I/O, keeps anything, or prints what it read.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod assessment;
mod bundle;
mod clinical;
mod export;
mod finances;
mod import;
mod mapping;
mod money;
mod node;
mod person;
mod report;

pub use bundle::{Bundle, Invalid, Problem, Source};
pub use export::{Export, Exported};
pub use import::{Handling, Import, NotImported, Part, Refused, Settings};
pub use mapping::Kind;
pub use node::Node;
pub use report::{Line, Reason, Report};
