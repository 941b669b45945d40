//! Standardised instruments, by the names that people give them.

/// An instrument whose scoring is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instrument {
    /// Patient Health Questionnaire: Kroenke, Spitzer, Williams, J Gen Intern Med 2001; 16(9):606–613.
    Phq9,
    /// Generalized Anxiety Disorder: Spitzer, Kroenke, Williams, Löwe, Arch Intern Med 2006; 166(10):1092–1097.
    Gad7,
    /// PTSD Checklist for DSM-5: Weathers, Litz, Keane, Palmieri, Marx, Schnurr, National Center for PTSD, 2013.
    Pcl5,
}

impl Instrument {
    const ALL: [Self; 3] = [Self::Phq9, Self::Gad7, Self::Pcl5];

    /// Its name, as its authors write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phq9 => "PHQ-9",
            Self::Gad7 => "GAD-7",
            Self::Pcl5 => "PCL-5",
        }
    }

    /// How many items it has.
    #[must_use]
    pub const fn items(self) -> usize {
        match self {
            Self::Phq9 => 9,
            Self::Gad7 => 7,
            Self::Pcl5 => 20,
        }
    }

    /// However it is written, `PHQ9` or with some other dash: by another spelling nobody gets round the answers, and what they say of
    /// somebody's life.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        fn letters(name: &str) -> impl Iterator<Item = char> {
            let letters = name.chars().filter(|character| character.is_alphanumeric());
            letters.flat_map(char::to_lowercase)
        }
        Self::ALL
            .into_iter()
            .find(|known| letters(known.name()).eq(letters(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_letters_and_digits() {
        for (written, instrument) in [
            ("PHQ-9", Some(Instrument::Phq9)),
            ("PHQ9", Some(Instrument::Phq9)),
            ("PHQ\u{2011}9", Some(Instrument::Phq9)),
            (" phq \u{2013} 9 ", Some(Instrument::Phq9)),
            ("gad7", Some(Instrument::Gad7)),
            ("PCL 5", Some(Instrument::Pcl5)),
            ("PHQ-15", None),
            ("PHQ-9 total", None),
            ("PHQ", None),
            ("", None),
        ] {
            assert_eq!(Instrument::named(written), instrument, "{written}");
        }
    }
}
