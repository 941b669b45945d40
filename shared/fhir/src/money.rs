//! FHIR's money, in decimals, and `billing`'s, in minor units.

use datatype::MinorUnits;

use crate::node::Node;

/// `{currency, minor_units, exact?}` of a currency's code and a decimal. Adjudications come with fractions of a cent: then
/// `minor_units` is rounded half up and `exact` has the digits, so that nothing is lost.
pub(crate) fn read(currency: &str, digits: &str) -> Option<Node> {
    let minor_units = MinorUnits::of(digits, scale(currency)?)?;
    let mut made = Node::object();
    made.put("currency", Node::from_text(currency));
    made.put("minor_units", Node::Number(minor_units.whole.to_string()));
    if minor_units.is_rounded {
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
            ("USD", "10000000000.01"),
            ("XYZ", "1"),
            ("usd", "1"),
            ("XAU", "1"),
        ] {
            assert_eq!(kept(currency, digits), None, "{currency} {digits}");
        }
    }
}
