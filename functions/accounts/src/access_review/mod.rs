//! Access reviews: every quarter somebody looks at each account on the clinic's side and says whether it is still needed (45 CFR
//! 164.308(a)(4)(ii)(C), NIST SP 800-53 Rev. 5, AC-2 j and AC-6(7)). What nobody looks at lapses.
//!
//! * [`campaign`]: which review is open, and what it asks about. Pure.
//! * [`verdict`]: what was decided about one account, and what may still be. Pure.
//! * [`evidence`]: what happened, kept for good.
//! * [`begin`], [`decide`], [`run`]: the handlers. The job begins reviews, tells those who decide, and carries out what is due.
//!
//! **Decided, carried out, entered.** A decision is claimed in the verdict's document, where one compare-and-swap decides between two
//! reviewers, and between a reviewer and the lapse. Then the account is changed, as administration changes it; then the evidence
//! is entered; then the decision stands. What dies in between is a claim, which says all that is left to do: the same request,
//! the next one about this account, or the job does it, which comes to reviews that are open only. What administration refuses, as
//! to close the last administrator, takes the claim back: the evidence never says what did not happen.

pub(crate) mod begin;
mod campaign;
pub(crate) mod decide;
mod evidence;
pub(crate) mod read;
pub(crate) mod run;
mod settle;
mod verdict;

pub(crate) use begin::begin;
pub(crate) use campaign::{Campaign, Lapse};
pub(crate) use decide::decide;
pub(crate) use read::{evidence, list, read};
pub(crate) use run::run;
pub(crate) use verdict::{Decision, Verdict};
