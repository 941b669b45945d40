//! What insurers are asked for, and what they say came of it: claims and explanations of benefit, as FHIR R4 has them.
//!
//! They come by import alone, and nobody changes them here: what they say is their source's. Neither diagnoses nor a link to a health record is among
//! it (45 CFR 164.502(b), GDPR 5(1)(c)).

mod claim;
mod content;
mod document;
mod explanation_of_benefit;
mod export;
mod file;
mod import;
mod money;
mod parts;
mod reading;

#[cfg(test)]
pub(crate) use self::{
    claim::Claim,
    explanation_of_benefit::ExplanationOfBenefit,
    parts::Status,
    reading::{DocumentAnswer, VersionsAnswer},
};
pub(crate) use export::export;
pub(crate) use import::{check, import};
pub(crate) use reading::{
    claim_versions, explanation_versions, list_claims, list_explanations, read_claim, read_explanation,
};
