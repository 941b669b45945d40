//! The languages of a notice under the DPDP Act.

/// The 22 languages of the Eighth Schedule to the Constitution of India, by their BCP 47 tags, in the order of the Schedule.
pub const EIGHTH_SCHEDULE: [(&str, &str); 22] = [
    ("as", "Assamese"),
    ("bn", "Bengali"),
    ("brx", "Bodo"),
    ("doi", "Dogri"),
    ("gu", "Gujarati"),
    ("hi", "Hindi"),
    ("kn", "Kannada"),
    ("ks", "Kashmiri"),
    ("kok", "Konkani"),
    ("mai", "Maithili"),
    ("ml", "Malayalam"),
    ("mni", "Manipuri"),
    ("mr", "Marathi"),
    ("ne", "Nepali"),
    ("or", "Odia"),
    ("pa", "Punjabi"),
    ("sa", "Sanskrit"),
    ("sat", "Santali"),
    ("sd", "Sindhi"),
    ("ta", "Tamil"),
    ("te", "Telugu"),
    ("ur", "Urdu"),
];

/// Whether a notice under the DPDP Act (section 5) can be in this language: English, or one of the Eighth Schedule, in any script
/// and as spoken in any region.
#[must_use]
pub fn is_notice_language(tag: &str) -> bool {
    let language = tag.split('-').next().unwrap_or_default();
    let mut accepted = EIGHTH_SCHEDULE.iter().map(|(tag, _)| *tag).chain(["en"]);
    accepted.any(|accepted| accepted.eq_ignore_ascii_case(language))
}

#[cfg(test)]
mod tests {
    use model::is_language_tag;

    use super::*;

    #[test]
    fn english_and_the_schedule_are_accepted_in_every_script() {
        for (tag, name) in EIGHTH_SCHEDULE {
            assert!(is_language_tag(tag) && is_notice_language(tag), "{name}");
        }
        for tag in ["en", "en-IN", "HI", "ks-Deva", "sd-Arab-IN"] {
            assert!(is_notice_language(tag), "{tag}");
        }
        for tag in ["", "de", "ar", "he", "hil", "t", "x-hi", "zh-Hant"] {
            assert!(!is_notice_language(tag), "{tag}");
        }
    }

    #[test]
    fn each_language_is_listed_once() {
        for (index, (tag, name)) in EIGHTH_SCHEDULE.iter().enumerate() {
            let rest = EIGHTH_SCHEDULE.get(index + 1..).unwrap();
            assert!(
                rest.iter().all(|(other, another)| other != tag && another > name),
                "{name}"
            );
        }
    }
}
