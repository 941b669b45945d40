//! How long texts and lists may be, in every kind of record.

use model::Confidential;
use web::Check;

/// Words about somebody.
pub(crate) type Text = Confidential<String>;

/// The longest text of a note, in characters.
pub(crate) const TEXT: usize = 100_000;

/// The longest short text, in characters.
pub(crate) const LINE: usize = 500;

/// The most entries of a list.
pub(crate) const ITEMS: usize = 100;

/// Notes where a short text that there may be breaks a rule.
pub(crate) fn line(check: &mut Check, text: Option<&Text>, at: &str) {
    if let Some(text) = text {
        check.text(text.expose(), at, 1, LINE);
    }
}

/// Notes where a long text that there may be breaks a rule.
pub(crate) fn text(check: &mut Check, text: Option<&Text>, at: &str) {
    if let Some(text) = text {
        check.text(text.expose(), at, 1, TEXT);
    }
}

/// Notes where a list has more than `most` entries, and what is wrong with each of those that it may have.
pub(crate) fn each<T>(check: &mut Check, list: &[T], most: usize, at: &str, one: impl Fn(&mut Check, &T, &str)) {
    check.that(
        list.len() <= most,
        at,
        "count",
        format!("must have at most {most} entries"),
    );
    for (index, item) in list.iter().take(most).enumerate() {
        one(check, item, &format!("{at}/{index}"));
    }
}
