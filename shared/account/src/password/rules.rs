//! What a new password must be (NIST SP 800-63B-4, section 3.1.1.2; ASVS 5.0, chapter V6): long enough, and not what a
//! guesser tries first. Nothing is asked of its composition, and nothing but the password itself is judged: there is
//! no score, since no number could be true of how somebody else guesses.

use web::Check;
use zeroize::Zeroizing;

use super::Password;
use super::{blocklist, personal, predictable};
use crate::email::fold;

/// The longest password, in characters.
const MOST: usize = 256;

/// The shortest password beside a second factor.
pub(super) const LEAST_OF_TWO_FACTORS: usize = 8;

/// The shortest password that stands alone.
const LEAST_ALONE: usize = 15;

/// Whether a second factor stands beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// It does.
    WithSecondFactor,
    /// The password is all there is.
    Alone,
}

/// What a guesser knows of the person. A text that is not known is empty.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// The address, folded.
    pub email: &'c str,
    /// What she is called.
    pub display_name: &'c str,
    /// What her clinic is called.
    pub clinic: &'c str,
}

/// A rule that a password breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Length { least: usize },
    Personal,
    Predictable,
    Common,
}

impl Broken {
    /// The rule's name, stable for programs.
    fn rule(self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::Personal => "personal",
            Self::Predictable => "predictable",
            Self::Common => "common",
        }
    }

    /// The rule in words: a refusal has to say why (section 3.1.1.2).
    fn sentence(self) -> String {
        match self {
            Self::Length { least } => {
                format!("must have {least} to {MOST} characters; a few unrelated words make a good one")
            }
            Self::Personal => {
                "must not be the e-mail address or its first part, the name or a part of it, the clinic's \
                name or “confide”, whatever digits, spaces and signs are added"
                    .to_owned()
            }
            Self::Predictable => "must not consist of repetitions, or of runs of the alphabet, of digits or of \
                neighbouring keys"
                .to_owned(),
            Self::Common => "is one of the passwords that are tried first everywhere".to_owned(),
        }
    }
}

impl Password {
    /// Bounds the work that a log-in makes; says nothing about any account.
    pub fn check_length(&self, check: &mut Check, field: &str) {
        check.that(
            self.0.chars().count() <= MOST,
            field,
            "length",
            format!("must have at most {MOST} characters"),
        );
    }

    /// The rules of a new password.
    pub fn check_new(&self, check: &mut Check, field: &str, strength: Strength, context: &Context<'_>) {
        for broken in self.broken(strength, context) {
            check.that(false, field, broken.rule(), broken.sentence());
        }
    }

    /// Every rule that the password breaks; none where it is accepted.
    pub(super) fn broken(&self, strength: Strength, context: &Context<'_>) -> Vec<Broken> {
        let least = match strength {
            Strength::WithSecondFactor => LEAST_OF_TWO_FACTORS,
            Strength::Alone => LEAST_ALONE,
        };
        let length = self.0.chars().count();
        let mut broken = Vec::new();
        if !(least..=MOST).contains(&length) {
            broken.push(Broken::Length { least });
        }
        // Some of what follows takes time in the square of the length.
        if length > MOST {
            return broken;
        }
        let folded = Zeroizing::new(fold(&self.0));
        if personal::is_about(&folded, context) {
            broken.push(Broken::Personal);
        }
        if predictable::is_predictable(&folded) {
            broken.push(Broken::Predictable);
        }
        if blocklist::contains(&folded) {
            broken.push(Broken::Common);
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(password: &str, strength: Strength) -> Vec<&'static str> {
        let mut check = Check::new();
        Password::new(password).check_new(
            &mut check,
            "/password",
            strength,
            &Context {
                email: "Ada.Long.Name@example.org",
                display_name: "Ada Okafor Long",
                clinic: "Practice on the Hill",
            },
        );
        match check.finish() {
            Ok(()) => vec![],
            Err(problem) => {
                assert_eq!(problem.status, 422);
                let about_passwords = |violation: &web::Violation| {
                    violation.field == "/password"
                        && (violation.detail.starts_with("must") || violation.detail.starts_with("is one of"))
                        && !violation.detail.contains(password)
                };
                assert!(problem.violations.iter().all(about_passwords));
                problem.violations.iter().map(|violation| violation.rule).collect()
            }
        }
    }

    #[test]
    fn rules_of_new_passwords() {
        use Strength::{Alone, WithSecondFactor};
        let long = "grey heron by the weir; ".repeat(11);
        let (longest, too_long) = (&long[..256], &long[..257]);
        for (password, strength, rules) in [
            ("x7 hump", WithSecondFactor, vec!["length"]),
            ("x7 humps", WithSecondFactor, vec![]),
            ("x7 humps", Alone, vec!["length"]),
            ("fourteen chars", Alone, vec!["length"]),
            ("fifteen chars !", Alone, vec![]),
            // Counted as people see them: composed.
            (
                "e\u{301}o\u{301}e\u{301}a\u{301}u\u{301}e\u{301}i\u{301}",
                WithSecondFactor,
                vec!["length"],
            ),
            // Any script, any character, no rule of composition.
            ("серая цапля у плотины", Alone, vec![]),
            ("नदी किनारे बगुला बैठा", Alone, vec![]),
            ("🦆🪿🐌🐢🦆🐢🐌🪿", WithSecondFactor, vec![]),
            ("greyheronbytheweir", Alone, vec![]),
            ("7302 1946 5518 03", Alone, vec![]),
            ("ADA.long.name@example.org", Alone, vec!["personal"]),
            ("ada okafor long", Alone, vec!["personal"]),
            ("practice on the hill", Alone, vec!["personal"]),
            ("Okafor2026!", WithSecondFactor, vec!["personal"]),
            ("Okafor2026!", Alone, vec!["length", "personal"]),
            ("Password1", WithSecondFactor, vec!["common"]),
            ("passwordpassword", Alone, vec!["common"]),
            ("12345678", WithSecondFactor, vec!["predictable", "common"]),
            ("aaaaaaaaaaaaaaa", Alone, vec!["predictable"]),
            ("abcdefg", WithSecondFactor, vec!["length", "predictable"]),
        ] {
            assert_eq!(broken(password, strength), rules, "{password}");
        }
        assert_eq!(broken(longest, Alone), Vec::<&str>::new());
        assert_eq!(broken(too_long, Alone), ["length"]);
        assert_eq!(broken(&"x".repeat(256), Alone), ["predictable"]);
    }

    #[test]
    fn a_long_text_costs_nothing_but_its_length() {
        assert_eq!(broken(&"a".repeat(1_000_000), Strength::Alone), ["length"]);
    }
}
