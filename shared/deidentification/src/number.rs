//! Numbers that may leave: measured amounts in a known unit, within what is measured in it, and no finer than two decimals.
//!
//! A record number does not fit under a blood pressure of 400, and the fourteen decimals of a device are a "unique characteristic" (45 CFR
//! 164.514(b)(2)(i)(R)) by which a row is found again in the source.

use serde_json::{Map, Number, Value, json};

use crate::life::Life;
use crate::terminology::UCUM;

/// A unit of UCUM, and the most that is measured in it.
struct Unit {
    code: &'static str,
    most: f64,
    /// Whether ages are told in it.
    is_age: bool,
}

const fn unit(code: &'static str, most: f64) -> Unit {
    Unit {
        code,
        most,
        is_age: false,
    }
}

const fn age(code: &'static str, most: f64) -> Unit {
    Unit {
        code,
        most,
        is_age: true,
    }
}

/// The Unified Code for Units of Measure, as far as practices and their laboratories use it. Bounds are generous for a living body and too
/// small for a telephone or a record number.
static UNITS: [Unit; 54] = [
    unit("cm", 300.0),
    unit("m", 3.0),
    unit("mm", 3000.0),
    unit("[in_i]", 120.0),
    unit("kg", 700.0),
    unit("g", 10_000.0),
    unit("[lb_av]", 1500.0),
    unit("kg/m2", 200.0),
    unit("m2", 5.0),
    unit("mm[Hg]", 400.0),
    unit("/min", 400.0),
    unit("{beats}/min", 400.0),
    unit("{breaths}/min", 200.0),
    unit("Cel", 50.0),
    unit("[degF]", 120.0),
    unit("%", 100.0),
    unit("{score}", 500.0),
    unit("1", 1000.0),
    unit("{#}", 1000.0),
    unit("{count}", 1000.0),
    unit("{tbl}", 100.0),
    unit("mg", 10_000.0),
    unit("ug", 10_000.0),
    unit("mL", 10_000.0),
    unit("L", 100.0),
    unit("[iU]", 10_000.0),
    unit("mg/dL", 3000.0),
    unit("ug/dL", 3000.0),
    unit("g/dL", 100.0),
    unit("g/L", 1000.0),
    unit("mg/L", 3000.0),
    unit("ug/L", 3000.0),
    unit("ng/mL", 3000.0),
    unit("ng/dL", 3000.0),
    unit("pg/mL", 3000.0),
    unit("mmol/L", 3000.0),
    unit("umol/L", 3000.0),
    unit("nmol/L", 3000.0),
    unit("pmol/L", 3000.0),
    unit("meq/L", 3000.0),
    unit("U/L", 10_000.0),
    unit("[iU]/L", 10_000.0),
    unit("m[iU]/L", 1000.0),
    unit("10*3/uL", 5000.0),
    unit("10*6/uL", 100.0),
    unit("fL", 1000.0),
    unit("pg", 1000.0),
    unit("mL/min/{1.73_m2}", 400.0),
    unit("h", 1000.0),
    unit("min", 5000.0),
    // Ages. No limit of its own: `Life` knows whose they are.
    age("a", 89.0),
    age("mo", 89.0 * 12.0),
    age("wk", 89.0 * 52.0),
    age("d", 9999.0),
];

/// Two decimals, zero without a sign.
fn rounded(value: f64) -> Option<Number> {
    let rounded: f64 = format!("{value:.2}").parse().ok()?;
    Number::from_f64(if rounded == 0.0 { 0.0 } else { rounded })
}

/// A Quantity (FHIR R4) with a known unit and a value within its bounds. `unit`, which is words, stays.
///
/// An age leaves only where the subject is known to be no older than 89: "85 years" in a record of 2010 tells of somebody over 89.
pub(crate) fn quantity(quantity: &Map<String, Value>, life: Life) -> Option<Value> {
    let text = |name| quantity.get(name).and_then(Value::as_str);
    let unit = (text("system") == Some(UCUM)).then(|| text("code"))??;
    let unit = UNITS.iter().find(|known| known.code == unit)?;
    let value = quantity.get("value").and_then(Value::as_f64)?;
    // A number without a dimension, "1" or "{score}", may be an age as well.
    let is_bare = matches!(unit.code, "1" | "{score}" | "{#}" | "{count}");
    let may_be_old = life.is_over_89() != Some(false);
    if value.abs() > unit.most || (may_be_old && (unit.is_age || (is_bare && value > 89.0))) {
        return None;
    }
    let mut kept = json!({"value": rounded(value)?, "system": UCUM, "code": unit.code});
    let comparator = match quantity.get("comparator") {
        None => return Some(kept),
        Some(comparator) => comparator.as_str()?,
    };
    // Without its comparator the value would be another finding: both or neither.
    let comparator = ["<", "<=", ">=", ">"].into_iter().find(|known| *known == comparator)?;
    kept.as_object_mut()?.insert("comparator".to_owned(), json!(comparator));
    Some(kept)
}

/// A bare whole number from zero to `most`; up to 89 of those who may be older, for it may be an age.
pub(crate) fn integer(value: &Value, most: u64, life: Life) -> Option<Value> {
    let most = if life.is_over_89() == Some(false) {
        most
    } else {
        most.min(89)
    };
    value.as_u64().filter(|value| *value <= most).map(Value::from)
}

/// A bare number from zero to `most`.
pub(crate) fn decimal(value: &Value, most: f64) -> Option<Value> {
    let value = value.as_f64().filter(|value| (0.0..=most).contains(value))?;
    rounded(value).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn of(value: Value) -> Option<Value> {
        let life = Life::new(Some("1987-03-21"), None, date(2026, 12, 1));
        quantity(value.as_object().unwrap(), life)
    }

    #[test]
    fn amounts_are_rounded_and_lose_their_words() {
        let measured = json!({"value": 168.80253764416227, "unit": "cm of Ada", "system": UCUM, "code": "cm", "id": "x", "extension": []});
        assert_eq!(
            of(measured),
            Some(json!({"value": 168.8, "system": UCUM, "code": "cm"}))
        );
        let below = json!({"value": -0.001, "comparator": "<", "system": UCUM, "code": "mg/dL"});
        assert_eq!(
            of(below).unwrap().to_string(),
            format!(r#"{{"code":"mg/dL","comparator":"<","system":"{UCUM}","value":0.0}}"#)
        );
    }

    #[test]
    fn what_is_no_amount_stays() {
        for (value, code) in [
            (json!(123_456_789), "mm[Hg]"),
            (json!(4_711), "mm[Hg]"),
            (json!(-4_711), "mm[Hg]"),
            (json!("120"), "mm[Hg]"),
            (json!(1), "Ada"),
            (json!(1e300), "1"),
        ] {
            assert_eq!(
                of(json!({"value": value, "system": UCUM, "code": code})),
                None,
                "{value} {code}"
            );
        }
        assert_eq!(of(json!({"value": 1})), None);
        assert_eq!(
            of(json!({"value": 1, "system": "http://example.org", "code": "kg"})),
            None
        );
        assert_eq!(
            of(json!({"value": 1, "system": UCUM, "code": "kg", "comparator": "Ada"})),
            None
        );
        assert_eq!(
            of(json!({"value": 1, "system": UCUM, "code": "kg", "comparator": 5})),
            None
        );
        let young = Life::new(Some("1987"), None, date(2026, 12, 1));
        for (value, kept) in [
            (json!(27), true),
            (json!(100), true),
            (json!(101), false),
            (json!(-1), false),
            (json!(2.5), false),
        ] {
            assert_eq!(integer(&value, 100, young).is_some(), kept, "{value}");
        }
        for life in [
            Life::new(Some("1930"), None, date(2026, 12, 1)),
            Life::new(None, None, date(2026, 12, 1)),
        ] {
            assert_eq!(
                (integer(&json!(89), 100, life), integer(&json!(90), 100, life)),
                (Some(json!(89)), None)
            );
        }
        assert_eq!(
            (decimal(&json!(1.556), 2.0), decimal(&json!(2.1), 2.0)),
            (Some(json!(1.56)), None)
        );
    }

    #[test]
    fn an_age_leaves_only_of_those_who_are_known_to_be_no_older_than_89() {
        let as_of = date(2026, 12, 1);
        for (birth, told) in [(Some("1937-01-01"), true), (Some("1936-12-31"), false), (None, false)] {
            for (code, value) in [("a", 85), ("mo", 600), ("wk", 2000), ("d", 5000)] {
                let of_age = json!({"value": value, "system": UCUM, "code": code});
                let kept = quantity(of_age.as_object().unwrap(), Life::new(birth, None, as_of));
                assert_eq!(kept.is_some(), told, "{birth:?} {code}");
            }
        }
        assert_eq!(of(json!({"value": 90, "system": UCUM, "code": "a"})), None);
        for (value, kept) in [(89, true), (90, false)] {
            let bare = json!({"value": value, "system": UCUM, "code": "{score}"});
            let of_old = quantity(bare.as_object().unwrap(), Life::new(None, None, as_of));
            assert_eq!((of_old.is_some(), of(bare).is_some()), (kept, true));
        }
    }
}
