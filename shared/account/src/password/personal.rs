//! Context-specific passwords (NIST SP 800-63B-4, section 3.1.1.2: “the name of the service, the username, and
//! derivatives thereof”; ASVS 5.0, 6.1.2 and 6.2.11).
//!
//! The known texts are the e-mail address, its local part, the display name, each of its words, the clinic's name and
//! the product's name. A password is personal where it is one of them, or where its letters, without anything else, are
//! exactly the letters of one of them, in the same order and at least two. So digits and signs that are put around or
//! between change nothing, and one more letter does.

use zeroize::Zeroizing;

use super::rules::Context;
use crate::email::fold;

const PRODUCT: &str = "confide";

/// One letter, such as an initial, tells too little: digits with any one letter would be personal to somebody.
const LEAST_LETTERS: usize = 2;

fn letters(folded: &str) -> Zeroizing<String> {
    Zeroizing::new(folded.chars().filter(|character| character.is_alphabetic()).collect())
}

/// Whether a password, folded, is one of the texts that a guesser knows of the person.
pub(super) fn is_about(folded: &str, context: &Context<'_>) -> bool {
    let local = context.email.rsplit_once('@').map_or("", |(local, _)| local);
    let words = context
        .display_name
        .split(|character: char| !character.is_alphanumeric());
    let password_letters = letters(folded);
    [context.email, local, context.display_name, context.clinic, PRODUCT]
        .into_iter()
        .chain(words)
        .map(fold)
        .any(|known| {
            let known_letters = letters(&known);
            (known == folded && !known.is_empty())
                || (known_letters == password_letters && known_letters.chars().count() >= LEAST_LETTERS)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_refused_with_anything_around_it_but_letters() {
        let context = Context {
            email: "Zoe\u{308}.B99@Example.org",
            display_name: "Dr. Zo\u{eb} Bj\u{f6}rk-Li J",
            clinic: "Praxis 108",
        };
        for (password, personal) in [
            ("zo\u{eb}.b99@example.org", true),
            ("ZOE\u{308}.B99@example.ORG!!1", true),
            ("zo\u{eb}.b99", true),
            ("zo\u{eb}b2026", true),
            ("Dr. Zo\u{eb} Bj\u{f6}rk-Li J", true),
            ("drzo\u{eb}bj\u{f6}rklij", true),
            ("Bj\u{f6}rk1984", true),
            ("1!li!984", true),
            ("l1-i9984", true),
            ("Praxis-109", true),
            ("Confide2026", true),
            // One more letter, another letter, one letter.
            ("bj\u{f6}rks1984", false),
            ("bjork1984", false),
            ("confides", false),
            ("j-30018842", false),
            ("example.org", false),
            ("zo\u{eb} bj\u{f6}rk likes herons", false),
            ("", false),
        ] {
            assert_eq!(is_about(&fold(password), &context), personal, "{password}");
        }
    }

    #[test]
    fn what_is_not_known_refuses_nothing() {
        let nothing = Context {
            email: "",
            display_name: "",
            clinic: "",
        };
        assert!(!is_about("30018842", &nothing));
        assert!(!is_about("", &nothing));
        assert!(is_about("confide1", &nothing));
    }
}
