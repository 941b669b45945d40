//! What a notice has to tell, regime by regime: what a person must know before she agrees to anything.

use jiff::civil::date;
use model::{DataClass, Purpose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Regime, Source};

/// Something that a law wants told, or done when consent is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// A text in plain language that is understood on its own.
    Text,
    /// A language that the law accepts.
    Language,
    /// Each purpose.
    Purposes,
    /// Which data, item by item, each with the goods, services or uses that it enables.
    Items,
    /// Who is answerable for the data.
    Controller,
    /// Whom to ask about privacy: the data protection officer, where there is one.
    PrivacyContact,
    /// On which legal basis.
    LegalBasis,
    /// Which interests, where they are the basis.
    LegitimateInterests,
    /// Who may disclose.
    Discloser,
    /// Who receives.
    Recipients,
    /// Whether data leave for other countries or international organisations, and under which safeguards.
    Transfers,
    /// For how long data are kept.
    StoragePeriod,
    /// When or with what event the permission expires.
    Expiry,
    /// Which rights she has, and how to exercise them.
    Rights,
    /// Where online to exercise them.
    RightsLink,
    /// That she may withdraw at any time, and how.
    Withdrawal,
    /// Where online to withdraw.
    WithdrawalLink,
    /// To whom she may complain, and how.
    Complaint,
    /// Where online to complain.
    ComplaintLink,
    /// Whether she has to give the data, and what follows if she does not.
    Mandatory,
    /// Whether anything is decided by automated means, by which logic, and with which consequences.
    AutomatedDecisions,
    /// What her agreeing leads to, and the risk of harm in it.
    Consequences,
    /// Whether treatment, payment, enrolment or eligibility depend on her agreeing, and what follows from refusing.
    Conditioning,
    /// That recipients may disclose it again, and whether the law still protects it then.
    Redisclosure,
    /// Who the patient is.
    Patient,
    /// Her signature, or her representative's with his authority.
    Signature,
    /// The date of the signature.
    Date,
    /// A copy for her.
    Copy,
    /// Letters of the size that the law prescribes, or her own hand.
    Typeface,
}

impl Element {
    /// Every element.
    pub const ALL: [Self; 29] = [
        Self::Text,
        Self::Language,
        Self::Purposes,
        Self::Items,
        Self::Controller,
        Self::PrivacyContact,
        Self::LegalBasis,
        Self::LegitimateInterests,
        Self::Discloser,
        Self::Recipients,
        Self::Transfers,
        Self::StoragePeriod,
        Self::Expiry,
        Self::Rights,
        Self::RightsLink,
        Self::Withdrawal,
        Self::WithdrawalLink,
        Self::Complaint,
        Self::ComplaintLink,
        Self::Mandatory,
        Self::AutomatedDecisions,
        Self::Consequences,
        Self::Conditioning,
        Self::Redisclosure,
        Self::Patient,
        Self::Signature,
        Self::Date,
        Self::Copy,
        Self::Typeface,
    ];

    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Language => "language",
            Self::Purposes => "purposes",
            Self::Items => "items",
            Self::Controller => "controller",
            Self::PrivacyContact => "privacy_contact",
            Self::LegalBasis => "legal_basis",
            Self::LegitimateInterests => "legitimate_interests",
            Self::Discloser => "discloser",
            Self::Recipients => "recipients",
            Self::Transfers => "transfers",
            Self::StoragePeriod => "storage_period",
            Self::Expiry => "expiry",
            Self::Rights => "rights",
            Self::RightsLink => "rights_link",
            Self::Withdrawal => "withdrawal",
            Self::WithdrawalLink => "withdrawal_link",
            Self::Complaint => "complaint",
            Self::ComplaintLink => "complaint_link",
            Self::Mandatory => "mandatory",
            Self::AutomatedDecisions => "automated_decisions",
            Self::Consequences => "consequences",
            Self::Conditioning => "conditioning",
            Self::Redisclosure => "redisclosure",
            Self::Patient => "patient",
            Self::Signature => "signature",
            Self::Date => "date",
            Self::Copy => "copy",
            Self::Typeface => "typeface",
        }
    }

    /// Where a notice tells it, as a JSON pointer (RFC 6901), or `None` where no notice can: it is part of giving consent, and the
    /// proof of it is the record of that.
    #[must_use]
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("/text"),
            Self::Language => Some("/language"),
            Self::Purposes => Some("/purposes"),
            Self::Items => Some("/items"),
            Self::Controller => Some("/controller"),
            Self::PrivacyContact => Some("/contact"),
            Self::LegalBasis => Some("/legal_basis"),
            Self::LegitimateInterests => Some("/legitimate_interests"),
            Self::Discloser => Some("/discloser"),
            Self::Recipients => Some("/recipients"),
            Self::Transfers => Some("/transfers"),
            Self::StoragePeriod => Some("/storage_period"),
            Self::Expiry => Some("/expiry"),
            Self::Rights => Some("/rights"),
            Self::RightsLink => Some("/links/rights"),
            Self::Withdrawal => Some("/withdrawal"),
            Self::WithdrawalLink => Some("/links/withdrawal"),
            Self::Complaint => Some("/complaint"),
            Self::ComplaintLink => Some("/links/complaint"),
            Self::Mandatory => Some("/mandatory"),
            Self::AutomatedDecisions => Some("/automated_decisions"),
            Self::Consequences => Some("/consequences"),
            Self::Conditioning => Some("/conditioning"),
            Self::Redisclosure => Some("/redisclosure"),
            Self::Patient | Self::Signature | Self::Date | Self::Copy | Self::Typeface => None,
        }
    }

    /// What has to be told or done, in words that go on from "must".
    #[must_use]
    pub fn duty(self) -> &'static str {
        match self {
            Self::Text => "say it in plain language, understood on its own",
            Self::Language => {
                "be in English or a language of the Eighth Schedule to the Constitution of India, or translate a notice that is"
            }
            Self::Purposes => "name each purpose",
            Self::Items => "itemise the data, each item with the goods, services or uses that it enables",
            Self::Controller => "say who is answerable for the data, and how to reach them",
            Self::PrivacyContact => "say whom to ask about privacy",
            Self::LegalBasis => "name the legal basis",
            Self::LegitimateInterests => "name the legitimate interests that are its basis",
            Self::Discloser => "name who may disclose the data",
            Self::Recipients => "name who receives the data",
            Self::Transfers => {
                "say whether data go to other countries or international organisations, and with which safeguards"
            }
            Self::StoragePeriod => "say how long the data are kept",
            Self::Expiry => "name the date or event with which it expires",
            Self::Rights => "name the rights over the data, and how to exercise them",
            Self::RightsLink => "give a link to exercise the rights",
            Self::Withdrawal => "say that consent may be withdrawn at any time, and how",
            Self::WithdrawalLink => "give a link to withdraw consent",
            Self::Complaint => "say to whom to complain, and how",
            Self::ComplaintLink => "give a link to complain",
            Self::Mandatory => "say whether the data have to be given, and what follows if they are not",
            Self::AutomatedDecisions => {
                "say whether decisions are made by automated means, by which logic and with which consequences"
            }
            Self::Consequences => "say what agreeing leads to, and the risk of harm in it",
            Self::Conditioning => "say whether treatment, payment, enrolment or eligibility depend on agreeing",
            Self::Redisclosure => {
                "say that recipients may disclose the data again, and whether they are still protected then"
            }
            Self::Patient => "name the patient",
            Self::Signature => "be signed",
            Self::Date => "be dated",
            Self::Copy => "be given to her as a copy",
            Self::Typeface => "be in 14 point or larger, or in her own hand",
        }
    }
}

/// The legal bases of GDPR 6(1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LegalBasis {
    /// (a): consent.
    Consent,
    /// (b): a contract with her, or steps before one.
    Contract,
    /// (c): a legal obligation.
    LegalObligation,
    /// (d): vital interests.
    VitalInterests,
    /// (e): a task in the public interest.
    PublicTask,
    /// (f): legitimate interests.
    LegitimateInterests,
}

/// Of which notices something is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// Of all.
    Always,
    /// Of those that rest on this basis.
    OnBasis(LegalBasis),
    /// Of those that ask for an authorization: they serve a purpose beyond these, or reach one of these classes.
    Authorization {
        /// What needs none.
        beyond: &'static [Purpose],
        /// What always needs one.
        or_for: &'static [DataClass],
    },
}

/// One element that one regime requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// Its name in answers. Never reused for another meaning.
    pub rule: &'static str,
    /// What it requires.
    pub element: Element,
    /// Of which notices.
    pub applies: Applies,
    /// Where it stands.
    pub source: Source,
}

/// What decides which requirements apply to a notice.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'n> {
    /// What the notice asks to use data for.
    pub purposes: &'n [Purpose],
    /// Which data.
    pub classes: &'n [DataClass],
    /// On which bases.
    pub legal_basis: &'n [LegalBasis],
}

/// Treatment, payment and operations (45 CFR 164.506(c)) and what is given to the person herself (164.502(a)(1)(i)) need no
/// authorization. Administration and compliance are operations, as HL7 has them under HOPERAT. A purpose that is not here needs one.
const WITHOUT_AUTHORIZATION: &[Purpose] = &[
    Purpose::Treatment,
    // The practice's own treatment, of somebody in danger (164.506(c)(1)).
    Purpose::BreakGlass,
    Purpose::Payment,
    Purpose::PatientAdministration,
    Purpose::SystemAdministration,
    Purpose::Compliance,
    // An operation: 164.501, health care operations (1).
    Purpose::QualityImprovement,
    Purpose::PatientRequest,
    // Who may act for her is treated as she is (164.502(g)(1)).
    Purpose::FamilyRequest,
];

/// An authorization in the sense of 45 CFR 164.508(a).
const AUTHORIZATION: Applies = Applies::Authorization {
    beyond: WITHOUT_AUTHORIZATION,
    or_for: &[DataClass::Psychotherapy],
};

const fn gdpr(rule: &'static str, element: Element, citation: &'static str) -> Requirement {
    Requirement {
        rule,
        element,
        applies: Applies::Always,
        source: Source::read(Regime::Gdpr, citation, date(2018, 5, 25)),
    }
}

const fn dpdp(rule: &'static str, element: Element, citation: &'static str) -> Requirement {
    Requirement {
        rule,
        element,
        applies: Applies::Always,
        source: Source::read(Regime::Dpdp, citation, date(2027, 5, 1)),
    }
}

const fn hipaa(rule: &'static str, element: Element, citation: &'static str) -> Requirement {
    Requirement {
        rule,
        element,
        applies: AUTHORIZATION,
        source: Source::read(Regime::Hipaa, citation, date(2003, 4, 14)),
    }
}

/// Whoever is under part 2 keeps nothing about a patient that does not say that she is one: all of it needs the written consent.
const fn part2(rule: &'static str, element: Element) -> Requirement {
    Requirement {
        rule,
        element,
        applies: Applies::Always,
        source: Source::read(Regime::Part2, "42 CFR 2.31(a)", date(2024, 4, 16)),
    }
}

const fn pipeda(rule: &'static str, element: Element, citation: &'static str) -> Requirement {
    Requirement {
        rule,
        element,
        applies: Applies::Always,
        source: Source::read(Regime::Pipeda, citation, date(2015, 6, 18)),
    }
}

const fn phipa(rule: &'static str, element: Element) -> Requirement {
    Requirement {
        rule,
        element,
        applies: Applies::Always,
        source: Source::unverified(Regime::Phipa, "PHIPA s.18", date(2004, 11, 1)),
    }
}

/// California wants the form of an authorization for what federal law wants one for.
const fn cmia(rule: &'static str, element: Element) -> Requirement {
    Requirement {
        rule,
        element,
        applies: AUTHORIZATION,
        source: Source::unverified(Regime::Cmia, "California Civil Code 56.11", date(1982, 1, 1)),
    }
}

/// The table: at most one row for an element and a regime.
pub static REQUIREMENTS: &[Requirement] = &[
    gdpr("gdpr-7-text", Element::Text, "GDPR 7"),
    gdpr("gdpr-13-1-a", Element::Controller, "GDPR 13(1)(a)"),
    gdpr("gdpr-13-1-b", Element::PrivacyContact, "GDPR 13(1)(b)"),
    gdpr("gdpr-13-1-c-purposes", Element::Purposes, "GDPR 13(1)(c)"),
    gdpr("gdpr-13-1-c-basis", Element::LegalBasis, "GDPR 13(1)(c)"),
    Requirement {
        applies: Applies::OnBasis(LegalBasis::LegitimateInterests),
        ..gdpr("gdpr-13-1-d", Element::LegitimateInterests, "GDPR 13(1)(d)")
    },
    gdpr("gdpr-13-1-e", Element::Recipients, "GDPR 13(1)(e)"),
    gdpr("gdpr-13-1-f", Element::Transfers, "GDPR 13(1)(f)"),
    gdpr("gdpr-13-2-a", Element::StoragePeriod, "GDPR 13(2)(a)"),
    gdpr("gdpr-13-2-b", Element::Rights, "GDPR 13(2)(b)"),
    gdpr("gdpr-13-2-c", Element::Withdrawal, "GDPR 13(2)(c)"),
    gdpr("gdpr-13-2-d", Element::Complaint, "GDPR 13(2)(d)"),
    gdpr("gdpr-13-2-e", Element::Mandatory, "GDPR 13(2)(e)"),
    gdpr("gdpr-13-2-f", Element::AutomatedDecisions, "GDPR 13(2)(f)"),
    dpdp("dpdp-rule-3-text", Element::Text, "DPDP Rules 2025, rule 3"),
    dpdp("dpdp-5-language", Element::Language, "DPDP Act s.5"),
    dpdp(
        "dpdp-rule-3-items",
        Element::Items,
        "DPDP Act s.5(1); DPDP Rules 2025, rule 3",
    ),
    dpdp(
        "dpdp-rule-3-purposes",
        Element::Purposes,
        "DPDP Act s.5(1); DPDP Rules 2025, rule 3",
    ),
    dpdp("dpdp-5-1-withdrawal", Element::Withdrawal, "DPDP Act s.5(1), 6(4)"),
    dpdp(
        "dpdp-rule-3-withdrawal-link",
        Element::WithdrawalLink,
        "DPDP Rules 2025, rule 3",
    ),
    dpdp("dpdp-5-1-rights", Element::Rights, "DPDP Act s.5(1)"),
    dpdp(
        "dpdp-rule-3-rights-link",
        Element::RightsLink,
        "DPDP Rules 2025, rule 3",
    ),
    dpdp("dpdp-5-1-complaint", Element::Complaint, "DPDP Act s.5(1)"),
    dpdp(
        "dpdp-rule-3-complaint-link",
        Element::ComplaintLink,
        "DPDP Rules 2025, rule 3",
    ),
    dpdp("dpdp-6-3", Element::PrivacyContact, "DPDP Act s.6(3)"),
    hipaa("hipaa-508-c-1-i", Element::Items, "45 CFR 164.508(c)(1)(i)"),
    hipaa("hipaa-508-c-1-ii", Element::Discloser, "45 CFR 164.508(c)(1)(ii)"),
    hipaa("hipaa-508-c-1-iii", Element::Recipients, "45 CFR 164.508(c)(1)(iii)"),
    hipaa("hipaa-508-c-1-iv", Element::Purposes, "45 CFR 164.508(c)(1)(iv)"),
    hipaa("hipaa-508-c-1-v", Element::Expiry, "45 CFR 164.508(c)(1)(v)"),
    hipaa("hipaa-508-c-1-vi", Element::Signature, "45 CFR 164.508(c)(1)(vi)"),
    hipaa("hipaa-508-c-1-vi-date", Element::Date, "45 CFR 164.508(c)(1)(vi)"),
    hipaa("hipaa-508-c-2-i", Element::Withdrawal, "45 CFR 164.508(c)(2)(i)"),
    hipaa("hipaa-508-c-2-ii", Element::Conditioning, "45 CFR 164.508(c)(2)(ii)"),
    hipaa("hipaa-508-c-2-iii", Element::Redisclosure, "45 CFR 164.508(c)(2)(iii)"),
    hipaa("hipaa-508-c-3", Element::Text, "45 CFR 164.508(c)(3)"),
    hipaa("hipaa-508-c-4", Element::Copy, "45 CFR 164.508(c)(4)"),
    part2("part2-31-a-patient", Element::Patient),
    part2("part2-31-a-discloser", Element::Discloser),
    part2("part2-31-a-description", Element::Items),
    part2("part2-31-a-recipients", Element::Recipients),
    part2("part2-31-a-purposes", Element::Purposes),
    part2("part2-31-a-revocation", Element::Withdrawal),
    part2("part2-31-a-expiry", Element::Expiry),
    part2("part2-31-a-signature", Element::Signature),
    part2("part2-31-a-date", Element::Date),
    part2("part2-31-a-redisclosure", Element::Redisclosure),
    part2("part2-31-a-refusal", Element::Conditioning),
    pipeda("pipeda-6-1-text", Element::Text, "PIPEDA s.6.1"),
    pipeda("pipeda-3-items", Element::Items, "PIPEDA Schedule 1, Principle 3"),
    pipeda(
        "pipeda-3-purposes",
        Element::Purposes,
        "PIPEDA s.6.1; Schedule 1, Principle 3",
    ),
    pipeda(
        "pipeda-3-recipients",
        Element::Recipients,
        "PIPEDA Schedule 1, Principle 3",
    ),
    pipeda(
        "pipeda-3-consequences",
        Element::Consequences,
        "PIPEDA s.6.1; Schedule 1, Principle 3",
    ),
    phipa("phipa-18-text", Element::Text),
    phipa("phipa-18-purposes", Element::Purposes),
    cmia("cmia-56-11-typeface", Element::Typeface),
    cmia("cmia-56-11-signature", Element::Signature),
    cmia("cmia-56-11-date", Element::Date),
    cmia("cmia-56-11-limits", Element::Items),
    cmia("cmia-56-11-recipients", Element::Recipients),
    cmia("cmia-56-11-expiry", Element::Expiry),
    cmia("cmia-56-11-copy", Element::Copy),
];

impl Applies {
    /// Whether it is required of a notice of this scope.
    #[must_use]
    pub fn to(self, scope: Scope<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::OnBasis(basis) => scope.legal_basis.contains(&basis),
            Self::Authorization { beyond, or_for } => {
                scope.purposes.iter().any(|purpose| !beyond.contains(purpose))
                    || scope.classes.iter().any(|class| or_for.contains(class))
            }
        }
    }
}

/// Everything that any of these regimes requires of a notice of this scope.
pub fn required<'n>(regimes: &'n [Regime], scope: Scope<'n>) -> impl Iterator<Item = &'static Requirement> + 'n {
    REQUIREMENTS
        .iter()
        .filter(move |requirement| regimes.contains(&requirement.source.regime) && requirement.applies.to(scope))
}

/// What a notice of this scope still has to tell, where `tells` says what it tells already.
pub fn missing<'n>(
    regimes: &'n [Regime],
    scope: Scope<'n>,
    tells: impl Fn(Element) -> bool + 'n,
) -> impl Iterator<Item = &'static Requirement> + 'n {
    required(regimes, scope)
        .filter(move |requirement| requirement.element.field().is_some() && !tells(requirement.element))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;
    use crate::Status;

    const BASES: [LegalBasis; 6] = [
        LegalBasis::Consent,
        LegalBasis::Contract,
        LegalBasis::LegalObligation,
        LegalBasis::VitalInterests,
        LegalBasis::PublicTask,
        LegalBasis::LegitimateInterests,
    ];

    const EVERYTHING: Scope<'static> = Scope {
        purposes: &Purpose::ALL,
        classes: &DataClass::ALL,
        legal_basis: &BASES,
    };

    const CARE: Scope<'static> = Scope {
        purposes: &[Purpose::Treatment, Purpose::PatientAdministration, Purpose::Payment],
        classes: &[DataClass::Identity, DataClass::Health, DataClass::Billing],
        legal_basis: &[LegalBasis::Consent],
    };

    fn elements(regime: Regime, scope: Scope<'_>) -> Vec<&'static str> {
        required(&[regime], scope)
            .map(|requirement| requirement.element.name())
            .collect()
    }

    /// The table a second time, as people read the law.
    #[test]
    fn every_regime_has_its_elements() {
        for (regime, wanted) in [
            (
                Regime::Gdpr,
                "text controller privacy_contact purposes legal_basis legitimate_interests recipients transfers \
                 storage_period rights withdrawal complaint mandatory automated_decisions",
            ),
            (
                Regime::Dpdp,
                "text language items purposes withdrawal withdrawal_link rights rights_link complaint complaint_link \
                 privacy_contact",
            ),
            (
                Regime::Hipaa,
                "items discloser recipients purposes expiry signature date withdrawal conditioning redisclosure text copy",
            ),
            (
                Regime::Part2,
                "patient discloser items recipients purposes withdrawal expiry signature date redisclosure conditioning",
            ),
            (Regime::Pipeda, "text items purposes recipients consequences"),
            (Regime::Phipa, "text purposes"),
            (Regime::Cmia, "typeface signature date items recipients expiry copy"),
        ] {
            let wanted: Vec<&str> = wanted.split_whitespace().collect();
            assert_eq!(elements(regime, EVERYTHING), wanted, "{regime}");
        }
    }

    #[test]
    fn an_authorization_is_asked_for_where_the_law_asks_for_one() {
        for regime in [Regime::Hipaa, Regime::Cmia] {
            assert!(elements(regime, CARE).is_empty(), "{regime}");
            let research = Scope {
                purposes: &[Purpose::Treatment, Purpose::Research],
                ..CARE
            };
            let psychotherapy = Scope {
                classes: &[DataClass::Psychotherapy],
                ..CARE
            };
            for scope in [research, psychotherapy] {
                assert_eq!(elements(regime, scope), elements(regime, EVERYTHING), "{regime}");
            }
        }
        assert!(!elements(Regime::Gdpr, CARE).contains(&"legitimate_interests"));
    }

    /// Beside treatment, which needs none.
    #[test]
    fn each_purpose_asks_for_an_authorization_or_does_not() {
        for purpose in Purpose::ALL {
            let is_free = match purpose {
                Purpose::Treatment
                | Purpose::Payment
                | Purpose::PatientAdministration
                | Purpose::SystemAdministration
                | Purpose::Compliance
                | Purpose::QualityImprovement
                | Purpose::PatientRequest
                | Purpose::FamilyRequest
                | Purpose::BreakGlass => true,
                Purpose::Research
                | Purpose::Marketing
                | Purpose::Profiling
                | Purpose::DataMining
                | Purpose::AutomatedDecision => false,
            };
            let purposes = [Purpose::Treatment, purpose];
            let scope = Scope {
                purposes: &purposes,
                ..CARE
            };
            for regime in [Regime::Hipaa, Regime::Cmia] {
                assert_eq!(elements(regime, scope).is_empty(), is_free, "{regime} {purpose}");
            }
        }
    }

    #[test]
    fn rows_are_unique_cited_and_named_after_their_regime() {
        let mut rules = BTreeSet::new();
        let mut pairs = BTreeSet::new();
        for requirement in REQUIREMENTS {
            let source = requirement.source;
            assert!(rules.insert(requirement.rule), "{}", requirement.rule);
            assert!(
                pairs.insert((source.regime, requirement.element)),
                "{}",
                requirement.rule
            );
            assert!(
                requirement.rule.starts_with(&format!("{}-", source.regime)),
                "{}",
                requirement.rule
            );
            assert!(!source.citation.is_empty());
            let is_unverified = matches!(source.regime, Regime::Phipa | Regime::Cmia);
            assert_eq!(
                source.status == Status::Unverified,
                is_unverified,
                "{}",
                requirement.rule
            );
        }
        for element in Element::ALL {
            let is_required = REQUIREMENTS.iter().any(|requirement| requirement.element == element);
            assert!(is_required, "{}", element.name());
        }
    }

    #[test]
    fn names_and_fields_are_unique() {
        let names: BTreeSet<&str> = Element::ALL.into_iter().map(Element::name).collect();
        assert_eq!(names.len(), Element::ALL.len());
        let fields: Vec<&str> = Element::ALL.into_iter().filter_map(Element::field).collect();
        assert_eq!(fields.iter().collect::<BTreeSet<_>>().len(), fields.len());
        assert_eq!(fields.len(), Element::ALL.len() - 5);
    }

    /// What is never told by a notice is never missing from one.
    #[test]
    fn what_is_part_of_giving_is_not_missing() {
        let missing: Vec<_> = missing(&Regime::ALL, EVERYTHING, |_| false).collect();
        assert!(missing.iter().all(|requirement| requirement.element.field().is_some()));
        let required = required(&Regime::ALL, EVERYTHING).count();
        let formalities = REQUIREMENTS
            .iter()
            .filter(|requirement| requirement.element.field().is_none())
            .count();
        assert_eq!(missing.len() + formalities, required);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn another_regime_never_requires_less(
            regimes in subsequence(&Regime::ALL, 0..=Regime::ALL.len()),
            another in proptest::sample::select(&Regime::ALL),
            purposes in subsequence(&Purpose::ALL, 0..=Purpose::ALL.len()),
            classes in subsequence(&DataClass::ALL, 0..=DataClass::ALL.len()),
            legal_basis in subsequence(&BASES, 0..=BASES.len()),
            told in subsequence(&Element::ALL, 0..=Element::ALL.len()),
        ) {
            let scope = Scope { purposes: &purposes, classes: &classes, legal_basis: &legal_basis };
            let rules = |regimes: &[Regime]| -> (BTreeSet<&str>, BTreeSet<&str>) {
                let rule = |requirement: &Requirement| requirement.rule;
                (
                    required(regimes, scope).map(rule).collect(),
                    missing(regimes, scope, |element| told.contains(&element)).map(rule).collect(),
                )
            };
            let more: Vec<Regime> = regimes.iter().copied().chain([another]).collect();
            let ((required, missing), (required_of_more, missing_of_more)) = (rules(&regimes), rules(&more));
            prop_assert!(required.is_subset(&required_of_more));
            prop_assert!(missing.is_subset(&missing_of_more));
            prop_assert!(missing.is_subset(&required));
        }
    }
}
