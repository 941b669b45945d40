//! Passwords (NIST SP 800-63B-4, section 3.1.1): long instead of contrived, compared as a whole with what everybody
//! tries, kept as an Argon2id hash that is keyed with a pepper from the keyring.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use crypto::Secret;
use model::Confidential;
use ports::{Entropy, EntropyExt};
use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization;
use web::{Check, Problem};
use zeroize::Zeroizing;

use crate::email::fold;

/// The longest password, in characters.
const MOST: usize = 256;

/// The shortest password beside a second factor.
const LEAST_OF_TWO_FACTORS: usize = 8;

/// The shortest password that stands alone.
const LEAST_ALONE: usize = 15;

/// Memory in KiB, passes and lanes (OWASP password storage cheat sheet).
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash of nobody's password at the same cost, so that an unknown account takes as long as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What guessers try first, among passwords that are long enough.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password as it was typed, in composed form (NFC), wiped when dropped.
pub(crate) struct Password(Zeroizing<String>);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&Zeroizing::<String>::deserialize(deserializer)?))
    }
}

/// Whether a second factor stands beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strength {
    WithSecondFactor,
    Alone,
}

impl Password {
    fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.nfc().collect()))
    }

    /// Bounds the work that a log-in makes; says nothing about any account.
    pub(crate) fn check_length(&self, check: &mut Check, field: &str) {
        check.that(
            self.0.chars().count() <= MOST,
            field,
            "length",
            format!("must have at most {MOST} characters"),
        );
    }

    /// The rules of a new password. `about` is what a guesser knows of the person.
    pub(crate) fn check_new(&self, check: &mut Check, field: &str, strength: Strength, about: &[&str]) {
        let least = match strength {
            Strength::WithSecondFactor => LEAST_OF_TWO_FACTORS,
            Strength::Alone => LEAST_ALONE,
        };
        check.that(
            (least..=MOST).contains(&self.0.chars().count()),
            field,
            "length",
            format!("must have {least} to {MOST} characters; a few unrelated words make a good one"),
        );
        let folded = Zeroizing::new(fold(&self.0));
        check.that(
            about.iter().all(|known| fold(known) != *folded),
            field,
            "personal",
            "must not be the e-mail address, the name or the clinic's name",
        );
        check.that(
            !COMMON.lines().any(|common| common == folded.as_str()),
            field,
            "common",
            "is one of the passwords that are tried first everywhere",
        );
    }
}

/// A password's hash in PHC string format, with its salt and parameters. Lies only in sealed documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PasswordHash(Confidential<String>);

impl PasswordHash {
    /// The hash of an account that does not exist.
    pub(crate) fn nobody() -> Self {
        Self(Confidential::new(NOBODY.to_owned()))
    }

    /// Hashes a new password under a fresh salt.
    pub(crate) fn make(password: &Password, pepper: &Secret, entropy: &dyn Entropy) -> Result<Self, Problem> {
        let salt: [u8; 16] = entropy.bytes();
        let hash = argon2(pepper)?
            .hash_password_with_salt(password.0.as_bytes(), &salt)
            .map_err(|_| Problem::defect("a password could not be hashed"))?;
        Ok(Self(Confidential::new(hash.to_string())))
    }

    /// Whether it is the hash of this password. Costs one Argon2id whatever the answer.
    pub(crate) fn is_of(&self, password: &Password, pepper: &Secret) -> Result<bool, Problem> {
        use argon2::password_hash::Error;
        match argon2(pepper)?.verify_password(password.0.as_bytes(), self.0.expose().as_str()) {
            Ok(()) => Ok(true),
            Err(Error::PasswordInvalid) => Ok(false),
            Err(_) => Err(Problem::defect("a stored password hash has an unknown form")),
        }
    }
}

fn argon2(pepper: &Secret) -> Result<Argon2<'_>, Problem> {
    Params::new(MEMORY, PASSES, LANES, None)
        .and_then(|params| Argon2::new_with_secret(pepper.expose(), Algorithm::Argon2id, Version::V0x13, params))
        .map_err(|_| Problem::defect("Argon2id does not take its parameters"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::SeededEntropy;

    fn broken(password: &str, strength: Strength) -> Vec<&'static str> {
        let mut check = Check::new();
        Password::new(password).check_new(
            &mut check,
            "/password",
            strength,
            &["Ada.Long.Name@example.org", "Ada Okafor Long", "Practice on the Hill"],
        );
        match check.finish() {
            Ok(()) => vec![],
            Err(problem) => {
                assert_eq!(problem.status, 422);
                problem.violations.iter().map(|violation| violation.rule).collect()
            }
        }
    }

    #[test]
    fn rules_of_new_passwords() {
        use Strength::{Alone, WithSecondFactor};
        for (password, strength, rules) in [
            ("x7 hump", WithSecondFactor, vec!["length"]),
            ("x7 humps", WithSecondFactor, vec![]),
            ("x7 humps", Alone, vec!["length"]),
            ("fourteen chars", Alone, vec!["length"]),
            ("fifteen chars !", Alone, vec![]),
            // Counted as people see them: composed.
            (
                "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}",
                WithSecondFactor,
                vec!["length"],
            ),
            (&"x".repeat(256), Alone, vec![]),
            (&"x".repeat(257), Alone, vec!["length"]),
            ("ADA.long.name@example.org", Alone, vec!["personal"]),
            ("ada okafor long", Alone, vec!["personal"]),
            ("practice on the hill", Alone, vec!["personal"]),
            ("Password1", WithSecondFactor, vec!["common"]),
            ("passwordpassword", Alone, vec!["common"]),
        ] {
            assert_eq!(broken(password, strength), rules, "{password}");
        }
    }

    #[test]
    fn a_hash_knows_its_password_under_its_pepper() {
        let (pepper, other) = (Secret::from_bytes([1; 32]), Secret::from_bytes([2; 32]));
        let hash = PasswordHash::make(&Password::new("Zoe\u{308} was here"), &pepper, &SeededEntropy::new(1)).unwrap();
        assert!(hash.0.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.is_of(&Password::new("Zo\u{eb} was here"), &pepper).unwrap());
        assert!(!hash.is_of(&Password::new("Zo\u{eb} was her"), &pepper).unwrap());
        assert!(!hash.is_of(&Password::new("Zo\u{eb} was here"), &other).unwrap());
        assert!(!format!("{hash:?}").contains("argon2id"));
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let pepper = Secret::from_bytes([1; 32]);
        let made = PasswordHash::make(&Password::new("whatever"), &pepper, &SeededEntropy::new(1)).unwrap();
        let parameters = |hash: &PasswordHash| {
            hash.0
                .expose()
                .split('$')
                .take(4)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(parameters(&PasswordHash::nobody()), parameters(&made));
        assert_eq!(NOBODY.len(), made.0.expose().len());
        assert!(
            !PasswordHash::nobody()
                .is_of(&Password::new("whatever"), &pepper)
                .unwrap()
        );
    }

    #[test]
    fn common_passwords_are_in_the_form_they_are_compared_in() {
        for common in COMMON.lines() {
            assert_eq!(fold(common), common);
            assert!(common.chars().count() >= LEAST_OF_TWO_FACTORS, "{common}");
        }
    }
}
