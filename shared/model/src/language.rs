//! The form of language tags.

/// Whether a text has the form of a BCP 47 language tag (RFC 5646, section 2.1: `langtag`), such as `en`, `pt-BR` or
/// `zh-Hant-TW`. Whether its subtags are registered is not asked: the registry grows, the form does not.
#[must_use]
pub fn is_language_tag(text: &str) -> bool {
    let alphabetic = |subtag: &str| subtag.bytes().all(|byte| byte.is_ascii_alphabetic());
    let numeric = |subtag: &str| subtag.bytes().all(|byte| byte.is_ascii_digit());
    let variant = |subtag: &str| match subtag.len() {
        4 => subtag.starts_with(|first: char| first.is_ascii_digit()),
        length => (5..=8).contains(&length),
    };
    // Longer tags than this have the form too, but name no language that anybody speaks.
    if text.len() > 64
        || !text
            .split('-')
            .all(|subtag| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    {
        return false;
    }
    let mut subtags = text.split('-').peekable();
    let Some(language) = subtags
        .next()
        .filter(|language| language.len() >= 2 && alphabetic(language))
    else {
        return false;
    };
    if language.len() <= 3 {
        for _ in 0..3 {
            let _ = subtags.next_if(|subtag| subtag.len() == 3 && alphabetic(subtag));
        }
    }
    let _ = subtags.next_if(|script| script.len() == 4 && alphabetic(script));
    let _ =
        subtags.next_if(|region| (region.len() == 2 && alphabetic(region)) || (region.len() == 3 && numeric(region)));
    while subtags.next_if(|subtag| variant(subtag)).is_some() {}
    // Extensions and private use: a single character, then what it introduces.
    while let Some(singleton) = subtags.next() {
        if singleton.len() != 1 {
            return false;
        }
        let least = if singleton.eq_ignore_ascii_case("x") { 1 } else { 2 };
        if subtags.next_if(|subtag| subtag.len() >= least).is_none() {
            return false;
        }
        while subtags.next_if(|subtag| subtag.len() >= least).is_some() {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_language_tag;

    /// Mostly the examples of RFC 5646, appendix A.
    #[test]
    fn knows_the_form() {
        for tag in [
            "de",
            "fr",
            "ja",
            "zh-Hant",
            "zh-cmn-Hans-CN",
            "cmn-Hans-CN",
            "zh-yue-HK",
            "sr-Latn-RS",
            "sl-rozaj-biske",
            "de-CH-1901",
            "hy-Latn-IT-arevela",
            "es-419",
            "az-Arab-x-AZE-derbend",
            "de-DE-u-co-phonebk",
            "en-a-bbb-x-a-ccc",
        ] {
            assert!(is_language_tag(tag), "{tag}");
        }
        for text in [
            "",
            "e",
            "englishlanguage",
            "de_CH",
            "de-",
            "-de",
            "de--CH",
            "de-419-DE",
            "a-DE",
            "ar-a",
            "en-x",
            "d3",
            "dé",
            "123",
            "en GB",
            "verylonglanguage",
        ] {
            assert!(!is_language_tag(text), "{text}");
        }
    }
}
