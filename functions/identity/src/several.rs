//! Elements that a client may have several of: telephone numbers, addresses, identifiers.

use model::Confidential;
use web::Check;

/// One of several.
pub(crate) trait Element: Sized {
    /// How many a client may have.
    const MOST: usize;

    /// The element in its one form. What breaks a rule is noted at `at`, a JSON pointer.
    fn normalised(self, check: &mut Check, at: &str) -> Self;

    /// Whether both mean the same thing, of which one is enough.
    fn is_same(&self, other: &Self) -> bool;
}

/// The list in its one form: bounded, and nothing in it twice.
pub(crate) fn normalised<T: Element>(list: Vec<T>, check: &mut Check, at: &str) -> Vec<T> {
    let most = T::MOST;
    check.that(
        list.len() <= most,
        at,
        "count",
        format!("must have at most {most} elements"),
    );
    let mut form: Vec<T> = Vec::with_capacity(list.len().min(most));
    for (position, element) in list.into_iter().take(most).enumerate() {
        let at = format!("{at}/{position}");
        let element = element.normalised(check, &at);
        check.that(
            !form.iter().any(|before| before.is_same(&element)),
            at,
            "unique",
            "must not be there twice",
        );
        form.push(element);
    }
    form
}

/// Adds to a list what another has and it lacks, in the other's order, as far as there is room.
pub(crate) fn adopt<T: Element + Clone>(
    list: &Confidential<Vec<T>>,
    other: &Confidential<Vec<T>>,
    adapt: impl Fn(T) -> T,
) -> Confidential<Vec<T>> {
    let mut adopted = list.expose().clone();
    for element in other.expose() {
        if adopted.len() < T::MOST && !adopted.iter().any(|own| own.is_same(element)) {
            adopted.push(adapt(element.clone()));
        }
    }
    Confidential::new(adopted)
}

/// Whether a list is left out of what is written.
pub(crate) fn is_empty<T>(list: &Confidential<Vec<T>>) -> bool {
    list.expose().is_empty()
}
