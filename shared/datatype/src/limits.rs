//! How long texts and lists may be.

use model::Confidential;
use web::Check;

/// Words about somebody.
pub type Text = Confidential<String>;

/// The longest short text, in characters.
pub const LINE: usize = 500;

/// Notes where a short text that there may be breaks a rule.
pub fn line(check: &mut Check, text: Option<&Text>, at: &str) {
    if let Some(text) = text {
        check.text(text.expose(), at, 1, LINE);
    }
}

/// Notes where a list has more than `most` entries, and what is wrong with each of those that it may have.
pub fn each<T>(check: &mut Check, list: &[T], most: usize, at: &str, one: impl Fn(&mut Check, &T, &str)) {
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
