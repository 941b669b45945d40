//! What a clinic's laws want a notice to tell, held against what it tells. Decisions on data alone.

use jiff::civil::Date;
use law::notice::{Element, Requirement, Scope, missing};
use law::{Regime, Status, is_notice_language};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Check, Problem};

use crate::content::{Content, Kind};

/// Something that a notice does not tell and that a law wants told.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MissingElement")]
pub(crate) struct Missing {
    /// What is not told.
    element: &'static str,
    /// Where it would be told: a JSON pointer into the content.
    field: &'static str,
    regime: Regime,
    /// Stable, for programs: the rule that publishing would break.
    rule: &'static str,
    /// Where the law says so, as lawyers cite it.
    citation: &'static str,
    /// From when on it binds. It is asked for today all the same.
    effective_from: Date,
    status: Status,
    /// In words, for people.
    detail: String,
}

impl Missing {
    fn new(requirement: &'static Requirement, field: &'static str) -> Self {
        let Requirement {
            rule, element, source, ..
        } = requirement;
        let duty = element.duty();
        let detail = match source.status {
            Status::Read => format!("must {duty} ({})", source.citation),
            Status::Unverified => format!("must {duty} ({}, not verified in the text of the law)", source.citation),
        };
        Self {
            element: element.name(),
            field,
            regime: source.regime,
            rule,
            citation: source.citation,
            effective_from: source.effective_from,
            status: source.status,
            detail,
        }
    }
}

impl Content {
    /// Whether it tells this. `original` is the language of the notice that it translates.
    fn tells(&self, element: Element, original: Option<&str>) -> bool {
        match element {
            Element::Text => !self.text.is_empty(),
            // A translation serves who reads neither English nor a scheduled language, where the notice that it translates does the duty. That may
            // have been published before the clinic was under the law that wants it.
            Element::Language => is_notice_language(&self.language) || original.is_some_and(is_notice_language),
            Element::Purposes => !self.purposes.is_empty(),
            Element::Items => !self.items.is_empty(),
            Element::Controller => self.controller.is_some(),
            Element::PrivacyContact => !self.contact.is_empty(),
            Element::LegalBasis => !self.legal_basis.is_empty(),
            Element::LegitimateInterests => self.legitimate_interests.is_some(),
            Element::Discloser => self.discloser.is_some(),
            Element::Recipients => self.recipients.is_some(),
            Element::Transfers => self.transfers.is_some(),
            Element::StoragePeriod => self.storage_period.is_some(),
            Element::Expiry => self.expiry.is_some(),
            Element::Rights => self.rights.is_some(),
            Element::RightsLink => self.links.rights.is_some(),
            Element::Withdrawal => !self.withdrawal.is_empty(),
            Element::WithdrawalLink => self.links.withdrawal.is_some(),
            Element::Complaint => !self.complaint.is_empty(),
            Element::ComplaintLink => self.links.complaint.is_some(),
            Element::Mandatory => self.mandatory.is_some(),
            Element::AutomatedDecisions => self.automated_decisions.is_some(),
            Element::Consequences => self.consequences.is_some(),
            Element::Conditioning => self.conditioning.is_some(),
            Element::Redisclosure => self.redisclosure.is_some(),
            // Part of giving consent: no text tells it, and none lacks it.
            Element::Patient | Element::Signature | Element::Date | Element::Copy | Element::Typeface => false,
        }
    }

    /// Everything that it does not tell and that one of these laws wants told: nothing, where it is no notice.
    pub(crate) fn missing(&self, regimes: &[Regime], original: Option<&str>) -> Vec<Missing> {
        if self.kind != Kind::Notice {
            return Vec::new();
        }
        let scope = Scope {
            purposes: &self.purposes,
            classes: &self.classes,
            legal_basis: &self.legal_basis,
        };
        missing(regimes, scope, |element| self.tells(element, original))
            .filter_map(|requirement| Some(Missing::new(requirement, requirement.element.field()?)))
            .collect()
    }

    /// Whether it tells everything that these laws want told.
    ///
    /// # Errors
    /// 422 with every element that is missing, once for each law that wants it.
    pub(crate) fn check_duties(&self, regimes: &[Regime], original: Option<&str>) -> Result<(), Problem> {
        let mut check = Check::new();
        for missing in self.missing(regimes, original) {
            check.that(false, missing.field, missing.rule, missing.detail);
        }
        check.finish()
    }
}
