//! A telephone number as it is dialled from everywhere, of how people write it.

/// Countries whose numbers may begin with a zero that is part of them: Italy with San Marino and the Vatican, Côte d'Ivoire, Benin, Congo
/// (ITU, National Numbering Plans).
const KEEPS_ZERO: [&str; 6] = ["39", "378", "379", "225", "229", "242"];

/// Countries in which something else than one zero stands, or stood until lately, in front of a number that is dialled inside
/// them, such as 8 in Russia and 06 in Hungary (ITU-T E.164, list of dialling procedures).
const OTHER_PREFIX: [&str; 7] = ["7", "36", "370", "375", "992", "993", "998"];

/// `+` with 8 to 15 digits (ITU-T E.164), of a number that begins with `+` or `00`, or of one that is written for callers inside the
/// country of `calling_code`. `None` where it is no number, or where it is not clear which one it is: nobody is called rather than somebody else.
#[must_use]
pub fn e164(written: &str, calling_code: Option<&str>) -> Option<String> {
    let compact: String = written
        .chars()
        .filter(|character| !character.is_whitespace() && !"-./".contains(*character))
        .collect();
    let without_brackets = |part: &str| part.replace(['(', ')'], "");
    let dialled = match compact.split_once("(0") {
        // `+44 (0)20 …`: the zero is for callers inside the country alone, unless all dial it.
        Some((before, rest)) if !before.is_empty() => {
            let before = without_brackets(before);
            let code = international(&before).filter(|code| (1..=3).contains(&code.len()))?;
            let zero = if KEEPS_ZERO.contains(&code) { "0" } else { "" };
            format!("+{code}{zero}{}", without_brackets(rest))
        }
        _ => without_brackets(&compact),
    };
    let digits = match international(&dialled) {
        Some(digits) => digits.to_owned(),
        None => national(&dialled, calling_code?)?,
    };
    // Fewer than 8 are an extension or a short code. No country code begins with a zero.
    let is_number = (8..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    is_number.then(|| format!("+{digits}"))
}

/// What stands behind the sign or prefix of a number with its country code (ITU-T E.123, E.164).
fn international(number: &str) -> Option<&str> {
    number.strip_prefix('+').or_else(|| number.strip_prefix("00"))
}

/// Country code and number of what is written for callers inside a country.
fn national(number: &str, code: &str) -> Option<String> {
    match code {
        // Ten digits, of which the first is no 0 or 1, with or without the prefix 1 (North American Numbering Plan).
        "1" => {
            let ten = match number.len() {
                11 => number.strip_prefix('1')?,
                _ => number,
            };
            (ten.len() == 10 && !ten.starts_with(['0', '1'])).then(|| format!("1{ten}"))
        }
        // It may have its country code already, without a sign.
        _ if number.starts_with(code) || OTHER_PREFIX.contains(&code) => None,
        _ if KEEPS_ZERO.contains(&code) => Some(format!("{code}{number}")),
        _ => Some(format!("{code}{}", number.strip_prefix('0').unwrap_or(number))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form_or_none() {
        for (written, code, form) in [
            // With a country code, whatever is said beside it.
            ("+49 (30) 123-456.78", None, Some("+493012345678")),
            ("0049 30 12345678", Some("1"), Some("+493012345678")),
            ("(+49) 30/12345678", None, Some("+493012345678")),
            ("+1\u{a0}212\u{2009}555 0100", Some("49"), Some("+12125550100")),
            // A zero in brackets behind it is not dialled.
            ("+44 (0)20 7946 0958", None, Some("+442079460958")),
            ("+44(0)20 7946 0958", Some("44"), Some("+442079460958")),
            ("0044 (0) 20 7946 0958", None, Some("+442079460958")),
            ("(+44) (0)20 7946 0958", None, Some("+442079460958")),
            ("+49 (030) 12345678", None, Some("+493012345678")),
            ("+39 (06) 6982 1234", None, Some("+390669821234")),
            ("+39 06 6982 1234", None, Some("+390669821234")),
            ("+44 20 79 (0)46 0958", None, None),
            ("20 (0)7946 0958", Some("44"), None),
            // North America: ten digits, or eleven with its 1.
            ("617-555-0100", Some("1"), Some("+16175550100")),
            ("(617) 555-0100", Some("1"), Some("+16175550100")),
            ("1-617-555-0100", Some("1"), Some("+16175550100")),
            ("555-0100", Some("1"), None),
            ("2-617-555-0100", Some("1"), None),
            ("1-17-555-0100", Some("1"), None),
            ("117-555-0100", Some("1"), None),
            ("0617-555-0100", Some("1"), None),
            ("011 44 20 7946 0958", Some("1"), None),
            // Where the zero is part of the number.
            ("06 6982 1234", Some("39"), Some("+390669821234")),
            ("338 123 4567", Some("39"), Some("+393381234567")),
            ("0549 886377", Some("378"), Some("+3780549886377")),
            ("07 01 23 45 67", Some("225"), Some("+2250701234567")),
            // Where it is for callers inside.
            ("030 12345678", Some("49"), Some("+493012345678")),
            ("(030) 12345678", Some("49"), Some("+493012345678")),
            ("(0)30 12345678", Some("49"), Some("+493012345678")),
            ("020 7946 0958", Some("44"), Some("+442079460958")),
            ("912 34 56 78", Some("34"), Some("+34912345678")),
            // Where it is not clear.
            ("49 30 12345678", Some("49"), None),
            ("393 123 4567", Some("39"), None),
            ("8 495 123-45-67", Some("7"), None),
            ("06 1 234 5678", Some("36"), None),
            ("030 12345678", None, None),
            // At most 15 digits, at least 8.
            ("+123456789012345", None, Some("+123456789012345")),
            ("+1234567890123456", None, None),
            ("01234567890123456", Some("49"), None),
            ("+12345678", None, Some("+12345678")),
            ("+1234567", None, None),
            ("012345", Some("49"), None),
            // None at all.
            ("+0301234567", None, None),
            ("030 12345678", Some("0"), None),
            ("++4930123456", None, None),
            ("030 1234+5678", Some("49"), None),
            ("+49 30 12345 ext 6", None, None),
            ("030 12345678 x9", Some("49"), None),
            ("+٤٩٣٠١٢٣٤٥٦", None, None),
            ("617555010é", Some("1"), None),
            ("", Some("1"), None),
            ("(0", Some("49"), None),
        ] {
            assert_eq!(e164(written, code).as_deref(), form, "{written} {code:?}");
        }
    }
}
