//! How long texts and lists may be, in every kind of record.

pub(crate) use datatype::{LINE, Text, each, line};
use web::Check;

/// The longest text of a note, in characters.
pub(crate) const TEXT: usize = 100_000;

/// The most entries of a list.
pub(crate) const ITEMS: usize = 100;

/// Notes where a long text that there may be breaks a rule.
pub(crate) fn text(check: &mut Check, text: Option<&Text>, at: &str) {
    if let Some(text) = text {
        check.text(text.expose(), at, 1, TEXT);
    }
}
