//! The categories that clients are counted in. They are fixed, and published with every figure; who is in none of them is in the last, "unknown".

use datatype::Instrument;
use jiff::civil::Date;

/// What divides clients: each is in one category of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    /// FHIR R4, `AdministrativeGender`.
    Gender,
    /// In decades; from 90 on they are one (45 CFR 164.514(b)(2)(i)(C)).
    AgeGroup,
    /// Of the latest PHQ-9, as `records` scores it.
    Phq9Severity,
    /// Of the latest GAD-7.
    Gad7Severity,
    /// Of the latest PCL-5.
    Pcl5CutPoint,
}

const UNKNOWN: &str = "unknown";

impl Dimension {
    pub(super) fn categories(self) -> &'static [&'static str] {
        match self {
            Self::Gender => &["female", "male", "other", UNKNOWN],
            Self::AgeGroup => &[
                "0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80-89", "90+", UNKNOWN,
            ],
            Self::Phq9Severity => &["minimal", "mild", "moderate", "moderately_severe", "severe", UNKNOWN],
            Self::Gad7Severity => &["minimal", "mild", "moderate", "severe", UNKNOWN],
            Self::Pcl5CutPoint => &["below", "within", "above", UNKNOWN],
        }
    }

    /// The instrument whose latest result it is of.
    pub(super) fn instrument(self) -> Option<Instrument> {
        match self {
            Self::Gender | Self::AgeGroup => None,
            Self::Phq9Severity => Some(Instrument::Phq9),
            Self::Gad7Severity => Some(Instrument::Gad7),
            Self::Pcl5CutPoint => Some(Instrument::Pcl5),
        }
    }

    /// Where a category of this name is.
    pub(super) fn position(self, name: Option<&str>) -> usize {
        let categories = self.categories();
        let found = name.and_then(|name| categories.iter().position(|category| *category == name));
        found.unwrap_or(categories.len().saturating_sub(1))
    }

    /// Where the decade of an age is.
    pub(super) fn decade(age: Option<i16>) -> usize {
        let decades = Self::AgeGroup.categories().len().saturating_sub(2);
        match age.and_then(|age| usize::try_from(age).ok()) {
            Some(age) => age.div_euclid(10).min(decades),
            None => Self::AgeGroup.position(None),
        }
    }
}

/// Whole years from a birth to a day.
pub(super) fn age(birth: Date, on: Date) -> i16 {
    let has_had_birthday = (on.month(), on.day()) >= (birth.month(), birth.day());
    let years = on.year().saturating_sub(birth.year());
    if has_had_birthday {
        years
    } else {
        years.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn ages_are_whole_years_and_from_90_on_one() {
        let today = date(2026, 12, 1);
        for (birth, years, group) in [
            (date(2026, 12, 1), 0, "0-9"),
            (date(2016, 12, 2), 9, "0-9"),
            (date(2016, 12, 1), 10, "10-19"),
            (date(1937, 1, 31), 89, "80-89"),
            (date(1936, 12, 2), 89, "80-89"),
            (date(1936, 12, 1), 90, "90+"),
            (date(1900, 1, 1), 126, "90+"),
            (date(2026, 12, 2), -1, "unknown"),
        ] {
            assert_eq!(age(birth, today), years, "{birth}");
            let group_of = |age| Dimension::AgeGroup.categories()[Dimension::decade(age)];
            assert_eq!(group_of(Some(years)), group, "{birth}");
            assert_eq!(group_of(None), "unknown");
        }
    }

    #[test]
    fn whatever_is_no_category_is_unknown() {
        for dimension in [
            Dimension::Gender,
            Dimension::AgeGroup,
            Dimension::Phq9Severity,
            Dimension::Gad7Severity,
            Dimension::Pcl5CutPoint,
        ] {
            let categories = dimension.categories();
            for (position, category) in categories.iter().enumerate() {
                assert_eq!(dimension.position(Some(category)), position);
            }
            for name in [None, Some(""), Some("SECRET")] {
                assert_eq!(categories[dimension.position(name)], "unknown");
            }
        }
    }
}
