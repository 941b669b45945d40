//! One form for what can be written in many: names, e-mail addresses, telephone numbers, codes. Two texts that mean the same come
//! to the same form, which is what is kept and what a search compares.

pub(crate) use datatype::person::email;
use datatype::person::{LINE, is_one_line, text};
use model::{e164, is_language_tag};
use web::Check;

/// A text of one line and at most `most` characters in its one form.
pub(crate) fn line(written: &str, check: &mut Check, at: &str, most: usize) -> String {
    let line = text(written);
    check.text(&line, at, 1, most);
    check.that(
        is_one_line(&line),
        at,
        "one-line",
        "must not contain line breaks, tabs or marks that turn the direction of text",
    );
    line
}

/// A line, where there is one.
pub(crate) fn optional_line(written: Option<&String>, check: &mut Check, at: &str, most: usize) -> Option<String> {
    written.map(|written| line(written, check, at, most))
}

/// Lines, where there are at most `count` of them.
pub(crate) fn lines(written: &[String], check: &mut Check, at: &str, count: usize) -> Vec<String> {
    check.that(
        written.len() <= count,
        at,
        "count",
        format!("must have at most {count} elements"),
    );
    let mut form = |(position, written): (usize, &String)| line(written, check, &format!("{at}/{position}"), LINE);
    written.iter().take(count).enumerate().map(&mut form).collect()
}

/// A language tag in the capitals that RFC 5646, section 2.1.1, recommends.
pub(crate) fn language_tag(written: &str, check: &mut Check, at: &str) -> String {
    check.that(
        is_language_tag(written),
        at,
        "bcp-47",
        "must be a language tag such as en or pt-BR",
    );
    let mut form = String::with_capacity(written.len());
    let mut follows_singleton = false;
    for subtag in written.split('-') {
        let is_first = form.is_empty();
        if !is_first {
            form.push('-');
        }
        match subtag.len() {
            2 if !is_first && !follows_singleton => form.push_str(&subtag.to_ascii_uppercase()),
            4 if !is_first && !follows_singleton => {
                let (initial, rest) = subtag.split_at_checked(1).unwrap_or((subtag, ""));
                form.push_str(&initial.to_ascii_uppercase());
                form.push_str(&rest.to_ascii_lowercase());
            }
            _ => form.push_str(&subtag.to_ascii_lowercase()),
        }
        // What a singleton introduces has no region and no script, whatever its length.
        follows_singleton |= subtag.len() == 1;
    }
    form
}

/// A telephone number as `+` and 8 to 15 digits (ITU-T E.164), or `None` where it is not one with its country code.
pub(crate) fn phone(text: &str) -> Option<String> {
    e164(text, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn phone_comes_to_one_form() {
        for (text, form) in [
            ("+49 (30) 123-456.78", Some("+493012345678")),
            ("0049 30 12345678", Some("+493012345678")),
            ("+44 (0)20 7946 0958", Some("+442079460958")),
            ("+39 (06) 6982 1234", Some("+390669821234")),
            ("+1\u{a0}212\u{2009}555 0100", Some("+12125550100")),
            ("+12345678", Some("+12345678")),
            ("+1234567", None),
            ("+123456789012345", Some("+123456789012345")),
            ("+1234567890123456", None),
            ("030 12345678", None),
            ("+0301234567", None),
            ("++4930123456", None),
            ("+49 30 12345 ext 6", None),
            ("+٤٩٣٠١٢٣٤٥٦", None),
            ("", None),
        ] {
            assert_eq!(phone(text).as_deref(), form, "{text}");
        }
    }

    #[test]
    fn text_comes_to_one_form() {
        assert_eq!(text(" Zoe\u{308} "), "Zoë");
        assert_eq!(text("\u{3000}山田 花子"), "山田 花子");
    }

    #[test]
    fn language_tags_come_to_one_form() {
        for (written, form) in [
            ("EN", "en"),
            ("en-gb", "en-GB"),
            ("ZH-HANT-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sl-Rozaj-BISKE", "sl-rozaj-biske"),
            ("en-CA-X-CA", "en-CA-x-ca"),
            ("de-u-CO-PHONEBK", "de-u-co-phonebk"),
        ] {
            let mut check = Check::new();
            assert_eq!(language_tag(written, &mut check, ""), form);
            assert!(check.finish().is_ok());
        }
        for wrong in ["", "e", "en_GB", "en-", "\u{e9}n"] {
            let mut check = Check::new();
            let _ = language_tag(wrong, &mut check, "");
            assert!(check.finish().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_is_one_line_that_shows_as_it_is_written() {
        for (written, is_line) in [
            ("Okafor", true),
            ("  ", false),
            ("Oka\nfor", false),
            ("Oka\u{2028}for", false),
            ("Oka\u{202e}for", false),
            ("Oka\u{2067}for", false),
            ("Oka\u{7}for", false),
            ("שרה", true),
            ("क्\u{200d}ष", true),
        ] {
            let mut check = Check::new();
            let _ = line(written, &mut check, "/family", LINE);
            assert_eq!(check.finish().is_ok(), is_line, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn forms_are_final(written in any::<String>()) {
            let once = text(&written);
            prop_assert_eq!(&text(&once), &once);
            if let Some(once) = email(&written) {
                prop_assert_eq!(email(&once), Some(once));
            }
            if let Some(once) = phone(&written) {
                prop_assert_eq!(phone(&once), Some(once));
            }
        }

        #[test]
        fn email_forms_are_final(local in "[\\p{L}\\p{M}0-9.+_-]{1,20}", domain in "[\\p{L}\\p{M}0-9-]{1,12}\\.[a-zA-Z]{2,5}") {
            if let Some(once) = email(&format!(" {local}@{domain}")) {
                prop_assert_eq!(email(&once), Some(once.clone()));
                prop_assert_eq!(email(&format!("{once} ")), Some(once));
            }
        }

        #[test]
        fn phone_forms_are_final(text in "(\\+|00)[1-9][0-9 ().-]{7,20}") {
            if let Some(once) = phone(&text) {
                prop_assert!(once.len() >= 9 && once.len() <= 16);
                prop_assert_eq!(phone(&once.replace('+', "00")), Some(once.clone()));
                prop_assert_eq!(phone(&once), Some(once));
            }
        }
    }
}
