//! The age at which the authority of parents and guardians ends.

use jiff::civil::{Date, date};

use crate::{Regime, Source};

/// When somebody decides alone about her own data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Majority {
    /// The birthday with which it begins, in years.
    pub age: u8,
    /// Where that stands.
    pub source: Source,
}

const fn unverified(regime: Regime, age: u8, citation: &'static str, year: i16, month: i8, day: i8) -> Majority {
    Majority {
        age,
        source: Source::unverified(regime, citation, date(year, month, day)),
    }
}

/// Only one of these is a rule of the regime itself that was read: most leave the age to the law of the place.
static MAJORITIES: [Majority; 6] = [
    Majority {
        age: 18,
        source: Source::read(Regime::Dpdp, "DPDP Act s.9", date(2027, 5, 1)),
    },
    // For services of the information society, and down to 13 where a State says so; for all else the States' own law counts.
    unverified(Regime::Gdpr, 16, "GDPR 8(1)", 2018, 5, 25),
    // Both leave it to State law, which mostly says 18.
    unverified(Regime::Hipaa, 18, "45 CFR 164.502(g)(3)", 2003, 4, 14),
    unverified(Regime::Part2, 18, "42 CFR 2.14", 2024, 4, 16),
    // Whoever is capable decides at any age; a parent may decide, too, for a child under 16.
    unverified(Regime::Phipa, 16, "PHIPA s.23(1)", 2004, 11, 1),
    unverified(Regime::Cmia, 18, "California Family Code 6500", 1994, 1, 1),
];

/// The age of majority under a regime, or `None` where it names none: PIPEDA looks at what a child understands, and provinces at
/// her age.
#[must_use]
pub fn majority(regime: Regime) -> Option<&'static Majority> {
    MAJORITIES.iter().find(|majority| majority.source.regime == regime)
}

/// The highest age with which a place makes somebody of age, to which most regimes leave it: 18 in most, 19 in British Columbia, Nova Scotia and other provinces and
/// territories, in Alabama and in Nebraska, 21 in Mississippi.
const OF_THE_PLACE: u8 = 21;

/// The latest day on which somebody who is born on this one is of age under these regimes, wherever she lives: the date of a minority that is later was typed
/// wrongly. An age below that of the place is for what its regime is about, such as services of the information society, and the authority of parents goes on
/// beyond it. Who is born on 29 February is of age on 1 March.
#[must_use]
pub fn latest_majority(regimes: &[Regime], born: Date) -> Date {
    let ages = regimes
        .iter()
        .filter_map(|regime| majority(*regime))
        .map(|majority| majority.age);
    let year = born.year().saturating_add(i16::from(ages.fold(OF_THE_PLACE, u8::max)));
    Date::new(year, born.month(), born.day())
        .or_else(|_| Date::new(year, 3, 1))
        .unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    #[test]
    fn ages_are_as_the_laws_say() {
        let ages = Regime::ALL.map(|regime| majority(regime).map(|majority| majority.age));
        assert_eq!(ages, [Some(16), Some(18), Some(18), Some(18), None, Some(16), Some(18)]);
        for majority in &MAJORITIES {
            let is_read = majority.source.status == Status::Read;
            assert_eq!(
                is_read,
                majority.source.regime == Regime::Dpdp,
                "{}",
                majority.source.citation
            );
        }
    }

    #[test]
    fn nobody_who_is_born_is_of_age_later() {
        for (born, latest) in [
            (date(2026, 12, 1), date(2047, 12, 1)),
            (date(2026, 2, 28), date(2047, 2, 28)),
            (date(2028, 2, 29), date(2049, 3, 1)),
            (date(2028, 3, 1), date(2049, 3, 1)),
            (Date::MAX, Date::MAX),
        ] {
            for regimes in [
                &[][..],
                &[Regime::Pipeda],
                &[Regime::Gdpr],
                &[Regime::Dpdp],
                &Regime::ALL,
            ] {
                assert_eq!(latest_majority(regimes, born), latest, "{regimes:?}");
            }
        }
        // A regime that named a higher age than any place would count: none does.
        assert!(MAJORITIES.iter().all(|majority| majority.age <= OF_THE_PLACE));
    }
}
