//! On which grounds data may be used without consent, regime by regime.
//!
//! Where a clinic is under several regimes, a ground must be one under each of them. So a ground has one name under all of them,
//! and each says under which of its own articles it knows it, for which purposes and which data.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{Date, date};
use model::{DataClass, Purpose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Regime, Source};

/// A lawful ground that is no consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "GroundBasis")]
pub enum Basis {
    /// Somebody's life or health is in danger, and consent can't be had in time.
    VitalInterests,
    /// A law orders it.
    LegalObligation,
    /// To bring, exercise or defend a claim at law.
    LegalClaims,
    /// Care by, or answered for by, a professional who is bound by secrecy.
    CareByProfessional,
    /// A threat to the health of the public.
    PublicHealth,
    /// Treatment, where the law lets those who treat share what they need for it.
    Treatment,
    /// Being paid for treatment.
    Payment,
    /// Running the practice.
    Operations,
}

impl Basis {
    /// Every ground.
    pub const ALL: [Self; 8] = [
        Self::VitalInterests,
        Self::LegalObligation,
        Self::LegalClaims,
        Self::CareByProfessional,
        Self::PublicHealth,
        Self::Treatment,
        Self::Payment,
        Self::Operations,
    ];

    /// The name in stored bytes and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VitalInterests => "vital_interests",
            Self::LegalObligation => "legal_obligation",
            Self::LegalClaims => "legal_claims",
            Self::CareByProfessional => "care_by_professional",
            Self::PublicHealth => "public_health",
            Self::Treatment => "treatment",
            Self::Payment => "payment",
            Self::Operations => "operations",
        }
    }

    /// Whether somebody has to say, in words, why it holds here: for all that is no everyday business of a practice.
    #[must_use]
    pub fn needs_justification(self) -> bool {
        match self {
            Self::VitalInterests | Self::LegalObligation | Self::LegalClaims | Self::PublicHealth => true,
            Self::CareByProfessional | Self::Treatment | Self::Payment | Self::Operations => false,
        }
    }

    /// For how long it may be relied on before somebody has to look at it again. No law says so: these are Confide's own bounds,
    /// as narrow as each ground is by its nature.
    #[must_use]
    pub fn longest(self) -> SignedDuration {
        const DAY: i64 = 24;
        SignedDuration::from_hours(match self {
            Self::VitalInterests => DAY,
            Self::LegalObligation | Self::PublicHealth | Self::Operations => 30 * DAY,
            Self::LegalClaims => 90 * DAY,
            // A treatment goes on; once a year somebody sees that it does.
            Self::CareByProfessional | Self::Treatment | Self::Payment => 366 * DAY,
        })
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One ground under one regime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name in stored bytes and in the trail. Never reused for another meaning.
    pub rule: &'static str,
    /// Which ground.
    pub basis: Basis,
    /// For which purposes.
    pub purposes: &'static [Purpose],
    /// For which data.
    pub classes: &'static [DataClass],
    /// Whether it is there for those alone who wrote what is used. Whoever relies on the rule has to see to that.
    pub originator_only: bool,
    /// Where it stands.
    pub source: Source,
}

/// What is needed in an emergency, or ordered, or claimed: all but psychotherapy notes, which nothing here reaches.
const RECORD: &[DataClass] = &[DataClass::Identity, DataClass::Health, DataClass::Billing];

/// What those who treat need, where the law makes no difference between treatments.
const CARE: &[DataClass] = &[
    DataClass::Identity,
    DataClass::Health,
    DataClass::SubstanceUse,
    DataClass::Schedule,
];

/// What they need, where treatment for substance use has a law of its own.
const OTHER_CARE: &[DataClass] = &[DataClass::Identity, DataClass::Health, DataClass::Schedule];

/// What part 2 is about (42 CFR 2.11, "records").
const PART_2_RECORDS: &[DataClass] = &[DataClass::SubstanceUse];

/// What those who are paid, or run the practice, need (the minimum necessary, 45 CFR 164.502(b)).
const OFFICE: &[DataClass] = &[DataClass::Identity, DataClass::Billing, DataClass::Schedule];

const TREATMENT: &[Purpose] = &[Purpose::Treatment];
const PAYMENT: &[Purpose] = &[Purpose::Payment];
const OPERATIONS: &[Purpose] = &[Purpose::PatientAdministration, Purpose::Compliance];
const COMPLIANCE: &[Purpose] = &[Purpose::Compliance];

const GDPR: Date = date(2018, 5, 25);
const DPDP: Date = date(2027, 5, 1);
const HIPAA: Date = date(2003, 4, 14);
const PART2: Date = date(2024, 4, 16);
const PIPEDA: Date = date(2004, 1, 1);
const PHIPA: Date = date(2004, 11, 1);
const CMIA: Date = date(1982, 1, 1);

const fn rule(
    rule: &'static str,
    basis: Basis,
    purposes: &'static [Purpose],
    classes: &'static [DataClass],
    source: Source,
) -> Rule {
    Rule {
        rule,
        basis,
        purposes,
        classes,
        originator_only: false,
        source,
    }
}

/// The table. What no row allows is no ground.
///
/// A ground that reaches psychotherapy notes is in one row only: their originator's own use for treatment. What HIPAA and CMIA allow for
/// treatment does not reach records of substance use; under part 2 nothing reaches them without consent but a medical emergency.
pub static RULES: &[Rule] = &[
    rule(
        "gdpr-9-2-c",
        Basis::VitalInterests,
        TREATMENT,
        CARE,
        Source::read(Regime::Gdpr, "GDPR 6(1)(d), 9(2)(c)", GDPR),
    ),
    // No exception for health by itself (9(2)): what an obligation reaches of that needs one of those.
    rule(
        "gdpr-6-1-c",
        Basis::LegalObligation,
        COMPLIANCE,
        &[DataClass::Identity, DataClass::Billing],
        Source::read(Regime::Gdpr, "GDPR 6(1)(c)", GDPR),
    ),
    rule(
        "gdpr-9-2-f",
        Basis::LegalClaims,
        COMPLIANCE,
        RECORD,
        Source::read(Regime::Gdpr, "GDPR 9(2)(f)", GDPR),
    ),
    rule(
        "gdpr-9-2-h",
        Basis::CareByProfessional,
        TREATMENT,
        CARE,
        Source::read(Regime::Gdpr, "GDPR 9(2)(h)", GDPR),
    ),
    rule(
        "gdpr-9-2-h-treatment",
        Basis::Treatment,
        TREATMENT,
        CARE,
        Source::read(Regime::Gdpr, "GDPR 9(2)(h)", GDPR),
    ),
    rule(
        "gdpr-9-2-i",
        Basis::PublicHealth,
        COMPLIANCE,
        CARE,
        Source::read(Regime::Gdpr, "GDPR 9(2)(i)", GDPR),
    ),
    // The contract of treatment is performed by being paid, too; what is billed says that somebody is treated, so it needs an exception of
    // article 9 beside: the contract with a professional who is bound by secrecy (9(2)(h), 9(3)).
    rule(
        "gdpr-6-1-b",
        Basis::Payment,
        PAYMENT,
        &[DataClass::Billing],
        Source::read(Regime::Gdpr, "GDPR 6(1)(b), 9(2)(h)", GDPR),
    ),
    rule(
        "dpdp-7-emergency",
        Basis::VitalInterests,
        TREATMENT,
        CARE,
        Source::unverified(Regime::Dpdp, "DPDP Act s.7(f)", DPDP),
    ),
    rule(
        "dpdp-7-obligation",
        Basis::LegalObligation,
        COMPLIANCE,
        RECORD,
        Source::unverified(Regime::Dpdp, "DPDP Act s.7(d)", DPDP),
    ),
    rule(
        "dpdp-7-epidemic",
        Basis::PublicHealth,
        COMPLIANCE,
        CARE,
        Source::unverified(Regime::Dpdp, "DPDP Act s.7(g)", DPDP),
    ),
    rule(
        "hipaa-512-j",
        Basis::VitalInterests,
        TREATMENT,
        CARE,
        Source::unverified(Regime::Hipaa, "45 CFR 164.506(c), 164.512(j)(1)(i)", HIPAA),
    ),
    rule(
        "hipaa-512-a",
        Basis::LegalObligation,
        COMPLIANCE,
        RECORD,
        Source::unverified(Regime::Hipaa, "45 CFR 164.512(a)", HIPAA),
    ),
    rule(
        "hipaa-512-b",
        Basis::PublicHealth,
        COMPLIANCE,
        CARE,
        Source::unverified(Regime::Hipaa, "45 CFR 164.512(b)", HIPAA),
    ),
    rule(
        "hipaa-512-e",
        Basis::LegalClaims,
        COMPLIANCE,
        RECORD,
        Source::unverified(Regime::Hipaa, "45 CFR 164.512(e)", HIPAA),
    ),
    rule(
        "hipaa-506-c-care",
        Basis::CareByProfessional,
        TREATMENT,
        OTHER_CARE,
        Source::unverified(Regime::Hipaa, "45 CFR 164.506(c)", HIPAA),
    ),
    rule(
        "hipaa-506-c-treatment",
        Basis::Treatment,
        TREATMENT,
        OTHER_CARE,
        Source::unverified(Regime::Hipaa, "45 CFR 164.506(c)", HIPAA),
    ),
    Rule {
        originator_only: true,
        ..rule(
            "hipaa-508-a-2-originator",
            Basis::Treatment,
            TREATMENT,
            &[DataClass::Psychotherapy],
            Source::read(Regime::Hipaa, "45 CFR 164.508(a)(2)", HIPAA),
        )
    },
    rule(
        "hipaa-506-c-payment",
        Basis::Payment,
        PAYMENT,
        OFFICE,
        Source::unverified(Regime::Hipaa, "45 CFR 164.506(c)", HIPAA),
    ),
    rule(
        "hipaa-506-c-operations",
        Basis::Operations,
        OPERATIONS,
        OFFICE,
        Source::unverified(Regime::Hipaa, "45 CFR 164.506(c)", HIPAA),
    ),
    rule(
        "part2-51",
        Basis::VitalInterests,
        TREATMENT,
        PART_2_RECORDS,
        Source::unverified(Regime::Part2, "42 CFR 2.51", PART2),
    ),
    rule(
        "pipeda-7-emergency",
        Basis::VitalInterests,
        TREATMENT,
        CARE,
        Source::unverified(Regime::Pipeda, "PIPEDA s.7(2)(b), 7(3)(e)", PIPEDA),
    ),
    rule(
        "pipeda-7-obligation",
        Basis::LegalObligation,
        COMPLIANCE,
        RECORD,
        Source::unverified(Regime::Pipeda, "PIPEDA s.7(3)(c), 7(3)(i)", PIPEDA),
    ),
    rule(
        "phipa-40",
        Basis::VitalInterests,
        TREATMENT,
        CARE,
        Source::unverified(Regime::Phipa, "PHIPA s.40(1)", PHIPA),
    ),
    rule(
        "phipa-43",
        Basis::LegalObligation,
        COMPLIANCE,
        RECORD,
        Source::unverified(Regime::Phipa, "PHIPA s.43(1)(h)", PHIPA),
    ),
    rule(
        "phipa-41",
        Basis::LegalClaims,
        COMPLIANCE,
        RECORD,
        Source::unverified(Regime::Phipa, "PHIPA s.37(1)(h), 41(1)", PHIPA),
    ),
    // Implied consent within the circle of care.
    rule(
        "phipa-20-care",
        Basis::CareByProfessional,
        TREATMENT,
        CARE,
        Source::unverified(Regime::Phipa, "PHIPA s.20", PHIPA),
    ),
    rule(
        "phipa-20-treatment",
        Basis::Treatment,
        TREATMENT,
        CARE,
        Source::unverified(Regime::Phipa, "PHIPA s.20", PHIPA),
    ),
    rule(
        "phipa-37-payment",
        Basis::Payment,
        PAYMENT,
        OFFICE,
        Source::unverified(Regime::Phipa, "PHIPA s.37(1)(i)", PHIPA),
    ),
    rule(
        "cmia-56-10-c-emergency",
        Basis::VitalInterests,
        TREATMENT,
        CARE,
        Source::unverified(Regime::Cmia, "California Civil Code 56.10(c)(1)", CMIA),
    ),
    rule(
        "cmia-56-10-b",
        Basis::LegalObligation,
        COMPLIANCE,
        RECORD,
        Source::unverified(Regime::Cmia, "California Civil Code 56.10(b)", CMIA),
    ),
    rule(
        "cmia-56-10-c-care",
        Basis::CareByProfessional,
        TREATMENT,
        OTHER_CARE,
        Source::unverified(Regime::Cmia, "California Civil Code 56.10(c)(1)", CMIA),
    ),
    rule(
        "cmia-56-10-c-treatment",
        Basis::Treatment,
        TREATMENT,
        OTHER_CARE,
        Source::unverified(Regime::Cmia, "California Civil Code 56.10(c)(1)", CMIA),
    ),
    rule(
        "cmia-56-10-c-payment",
        Basis::Payment,
        PAYMENT,
        OFFICE,
        Source::unverified(Regime::Cmia, "California Civil Code 56.10(c)(2)", CMIA),
    ),
];

fn under(regime: Regime, basis: Basis, purpose: Purpose, class: DataClass) -> Option<&'static Rule> {
    RULES.iter().find(|rule| {
        rule.source.regime == regime
            && rule.basis == basis
            && rule.purposes.contains(&purpose)
            && rule.classes.contains(&class)
    })
}

/// The rule that lets data of this class be used for this purpose on this ground, if every one of the regimes has one; of theirs it
/// is the first regime's, unless another's is for originators alone. Part 2 is about records of substance use and has no say in anything
/// else. Under no regime that has a say there is no ground at all.
#[must_use]
pub fn allowed(regimes: &[Regime], basis: Basis, purpose: Purpose, class: DataClass) -> Option<&'static Rule> {
    let has_say = |regime: &&Regime| **regime != Regime::Part2 || class == DataClass::SubstanceUse;
    let having_say = regimes.iter().filter(has_say);
    let mut rules = having_say.map(|regime| under(*regime, basis, purpose, class));
    let first = rules.next()??;
    rules.try_fold(first, |strictest, rule| {
        let rule = rule?;
        Some(if rule.originator_only { rule } else { strictest })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;
    use crate::Status;

    #[test]
    fn names_are_stable() {
        let names = [
            "vital_interests",
            "legal_obligation",
            "legal_claims",
            "care_by_professional",
            "public_health",
            "treatment",
            "payment",
            "operations",
        ];
        for (basis, name) in Basis::ALL.into_iter().zip(names) {
            assert_eq!(basis.name(), name);
            assert_eq!(serde_json::to_value(basis).unwrap(), name);
        }
    }

    /// The table a second time: which grounds a regime knows at all.
    #[test]
    fn every_regime_has_its_grounds() {
        for (regime, wanted) in [
            (
                Regime::Gdpr,
                "vital_interests legal_obligation legal_claims care_by_professional treatment payment public_health",
            ),
            (Regime::Dpdp, "vital_interests legal_obligation public_health"),
            (
                Regime::Hipaa,
                "vital_interests legal_obligation public_health legal_claims care_by_professional treatment payment operations",
            ),
            (Regime::Part2, "vital_interests"),
            (Regime::Pipeda, "vital_interests legal_obligation"),
            (
                Regime::Phipa,
                "vital_interests legal_obligation legal_claims care_by_professional treatment payment",
            ),
            (
                Regime::Cmia,
                "vital_interests legal_obligation care_by_professional treatment payment",
            ),
        ] {
            let known: BTreeSet<&str> = RULES
                .iter()
                .filter(|rule| rule.source.regime == regime)
                .map(|rule| rule.basis.name())
                .collect();
            assert_eq!(known, wanted.split_whitespace().collect(), "{regime}");
        }
    }

    #[test]
    fn rows_are_unique_cited_and_about_what_consent_is_about() {
        let mut rules = BTreeSet::new();
        for rule in RULES {
            assert!(rules.insert(rule.rule), "{}", rule.rule);
            assert!(
                rule.rule.starts_with(&format!("{}-", rule.source.regime)),
                "{}",
                rule.rule
            );
            assert!(!rule.source.citation.is_empty());
            assert!(!rule.purposes.is_empty() && !rule.classes.is_empty(), "{}", rule.rule);
            assert!(rule.classes.iter().all(|class| class.is_consentable()), "{}", rule.rule);
            assert!(
                !rule.purposes.iter().any(|purpose| purpose.is_prohibited()),
                "{}",
                rule.rule
            );
        }
        // Articles that were read: of GDPR, and the one of HIPAA about psychotherapy notes.
        for rule in RULES {
            let is_read = rule.source.regime == Regime::Gdpr || rule.rule == "hipaa-508-a-2-originator";
            assert_eq!(rule.source.status == Status::Read, is_read, "{}", rule.rule);
        }
    }

    #[test]
    fn psychotherapy_notes_are_their_originators() {
        for regime in Regime::ALL {
            for basis in Basis::ALL {
                for purpose in Purpose::ALL {
                    let found = allowed(&[regime], basis, purpose, DataClass::Psychotherapy);
                    let is_originators =
                        (regime, basis, purpose) == (Regime::Hipaa, Basis::Treatment, Purpose::Treatment);
                    assert_eq!(found.map(|rule| rule.originator_only), is_originators.then_some(true));
                }
            }
        }
    }

    /// Article 6 alone is no ground for what article 9 prohibits.
    #[test]
    fn gdpr_lets_health_be_used_by_article_9_alone() {
        for rule in RULES.iter().filter(|rule| rule.source.regime == Regime::Gdpr) {
            let is_special = [DataClass::Health, DataClass::SubstanceUse, DataClass::Psychotherapy];
            let reaches_health = rule.classes.iter().any(|class| is_special.contains(class));
            assert!(
                !reaches_health || rule.source.citation.contains("9(2)"),
                "{}",
                rule.rule
            );
        }
        let obliged = |class| allowed(&[Regime::Gdpr], Basis::LegalObligation, Purpose::Compliance, class);
        assert!(obliged(DataClass::Health).is_none() && obliged(DataClass::Identity).is_some());
    }

    /// An invoice that is not paid when consent is withdrawn is still owed where the law knows the contract, or payment, as a ground.
    #[test]
    fn what_is_owed_may_be_billed_without_consent_where_the_law_says_so() {
        let known: Vec<Regime> = Regime::ALL
            .into_iter()
            .filter(|regime| allowed(&[*regime], Basis::Payment, Purpose::Payment, DataClass::Billing).is_some())
            .collect();
        assert_eq!(known, [Regime::Gdpr, Regime::Hipaa, Regime::Phipa, Regime::Cmia]);
        let paid = |class, purpose| allowed(&[Regime::Gdpr], Basis::Payment, purpose, class);
        assert_eq!(
            paid(DataClass::Billing, Purpose::Payment).map(|rule| rule.source.citation),
            Some("GDPR 6(1)(b), 9(2)(h)")
        );
        for class in DataClass::ALL {
            for purpose in Purpose::ALL {
                let is_wanted = (class, purpose) == (DataClass::Billing, Purpose::Payment);
                assert_eq!(paid(class, purpose).is_some(), is_wanted, "{class} {purpose}");
            }
        }
    }

    #[test]
    fn treatment_alone_opens_no_records_of_substance_use() {
        let both = [Regime::Hipaa, Regime::Part2];
        for (regimes, basis, class, wanted) in [
            (&both[..1], Basis::Treatment, DataClass::Health, true),
            (&both[..1], Basis::Treatment, DataClass::SubstanceUse, false),
            (&both, Basis::Treatment, DataClass::Health, true),
            (&both, Basis::Treatment, DataClass::SubstanceUse, false),
            (&both, Basis::VitalInterests, DataClass::SubstanceUse, true),
            (&both[1..], Basis::VitalInterests, DataClass::SubstanceUse, true),
            (&both[1..], Basis::VitalInterests, DataClass::Health, false),
            (&[], Basis::VitalInterests, DataClass::Health, false),
        ] {
            let found = allowed(regimes, basis, Purpose::Treatment, class);
            assert_eq!(found.is_some(), wanted, "{regimes:?} {basis} {class}");
        }
    }

    #[test]
    fn an_emergency_is_short_and_has_to_be_explained() {
        assert!(Basis::VitalInterests.needs_justification());
        for basis in Basis::ALL {
            assert!(Basis::VitalInterests.longest() <= basis.longest());
            assert!(basis.longest() <= SignedDuration::from_hours(366 * 24));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn another_regime_never_allows_more(
            regimes in subsequence(&Regime::ALL, 1..=Regime::ALL.len()),
            another in select(&Regime::ALL),
            basis in select(&Basis::ALL),
            purpose in select(&Purpose::ALL),
            class in select(&DataClass::ALL),
        ) {
            let more: Vec<Regime> = regimes.iter().copied().chain([another]).collect();
            let alone = |regime| allowed(&[regime], basis, purpose, class);
            let found = allowed(&more, basis, purpose, class);
            // Exactly what each of them allows alone that has a say.
            let having_say = |regimes: &[Regime]| -> Vec<Regime> {
                let is_about = |regime: &Regime| *regime != Regime::Part2 || class == DataClass::SubstanceUse;
                regimes.iter().copied().filter(is_about).collect()
            };
            let (had, have) = (having_say(&regimes), having_say(&more));
            prop_assert_eq!(found.is_some(), !have.is_empty() && have.iter().all(|regime| alone(*regime).is_some()));
            if let Some(found) = found {
                prop_assert!(had.is_empty() || allowed(&regimes, basis, purpose, class).is_some());
                prop_assert_eq!(found.basis, basis);
                prop_assert!(found.purposes.contains(&purpose) && found.classes.contains(&class));
                let any_for_originators = more.iter().filter_map(|regime| alone(*regime)).any(|rule| rule.originator_only);
                prop_assert_eq!(found.originator_only, any_for_originators);
            }
        }
    }
}
