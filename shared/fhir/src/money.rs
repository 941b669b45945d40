//! FHIR's money, in decimals, and `billing`'s, in minor units.

use crate::node::Node;

/// `{currency, minor_units, exact?}` of a currency's code and a decimal. Adjudications come with fractions of a cent: then
/// `minor_units` is rounded half up and `exact` has the digits, so that nothing is lost.
pub(crate) fn read(currency: &str, digits: &str) -> Option<Node> {
    let scale = scale(currency)?;
    // An exponent, a sign: no amount that somebody was billed is written so.
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || fraction.len() > 30 || !is_plain(whole) || !is_plain(fraction) {
        return None;
    }
    let (minor, rest) = fraction.split_at_checked(scale).unwrap_or((fraction, ""));
    let minor_units: u64 = format!("{whole}{minor:0<scale$}").parse().ok()?;
    let rounds_up = rest.bytes().next().is_some_and(|digit| digit >= b'5');
    let mut made = Node::object();
    made.put("currency", Node::from_text(currency));
    let minor_units = minor_units.checked_add(u64::from(rounds_up))?;
    made.put("minor_units", Node::Number(minor_units.to_string()));
    if rest.bytes().any(|digit| digit != b'0') {
        made.put("exact", Node::from_text(digits));
    }
    Some(made)
}

/// Currency and decimal.
pub(crate) fn write(money: &Node) -> Option<(String, String)> {
    let currency = money.text_at("currency")?;
    let scale = scale(currency)?;
    if let Some(exact) = money.text_at("exact") {
        return read(currency, exact)
            .filter(|kept| kept == money)
            .map(|_| (currency.to_owned(), exact.to_owned()));
    }
    let Some(Node::Number(minor_units)) = money.at("minor_units") else {
        return None;
    };
    let minor_units: u64 = minor_units.parse().ok()?;
    let padded = format!("{minor_units:0>width$}", width = scale.saturating_add(1));
    let (whole, minor) = padded.split_at_checked(padded.len().checked_sub(scale)?)?;
    let digits = if minor.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{minor}")
    };
    Some((currency.to_owned(), digits))
}

/// How many digits stand behind the point (ISO 4217).
fn scale(currency: &str) -> Option<usize> {
    let exponent = iso_currency::Currency::from_code(currency)?.exponent()?;
    Some(usize::from(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(currency: &str, digits: &str) -> Option<String> {
        read(currency, digits).map(|kept| serde_json::to_string(&kept).unwrap())
    }

    #[test]
    fn amounts_are_whole_minor_units_and_exact_where_they_are_not() {
        for (currency, digits, minor_units, exact) in [
            ("USD", "140.52", "14052", false),
            ("USD", "140.5", "14050", false),
            ("USD", "140", "14000", false),
            ("USD", "0.005", "1", true),
            ("USD", "0.004", "0", true),
            ("USD", "28.104000000000003", "2810", true),
            ("USD", "28.100000", "2810", false),
            ("JPY", "500", "500", false),
            ("JPY", "0.5", "1", true),
            ("KWD", "1.234", "1234", false),
        ] {
            let exact = if exact {
                format!(r#","exact":"{digits}""#)
            } else {
                String::new()
            };
            let expected = format!(r#"{{"currency":"{currency}","minor_units":{minor_units}{exact}}}"#);
            assert_eq!(kept(currency, digits), Some(expected));
            let (_, written) = write(&read(currency, digits).unwrap()).unwrap();
            assert_eq!(read(currency, &written), read(currency, digits), "{digits}");
        }
        for (currency, digits) in [
            ("USD", "-1"),
            ("USD", "1e3"),
            ("USD", ""),
            ("USD", "1234567890123"),
            ("XYZ", "1"),
            ("usd", "1"),
            ("XAU", "1"),
        ] {
            assert_eq!(kept(currency, digits), None, "{currency} {digits}");
        }
    }
}
