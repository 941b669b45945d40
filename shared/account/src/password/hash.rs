//! How passwords are kept (NIST SP 800-63B-4, section 3.1.1.2): Argon2id (RFC 9106) with a salt of its own, and with a
//! pepper from the keyring as its secret input, so that hashes alone can't be guessed at.

use argon2::password_hash::phc::{self, ParamsString};
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use crypto::Secret;
use model::Confidential;
use ports::{Entropy, EntropyExt};
use serde::{Deserialize, Serialize};
use web::Problem;

use super::Password;

/// Memory in KiB, passes and lanes of new hashes (OWASP password storage cheat sheet).
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The most that verifying one hash may take. Whoever raises the parameters of new hashes keeps below it.
const MOST_MEMORY: u32 = 64 * 1024;
const MOST_PASSES: u32 = 8;
const MOST_LANES: u32 = 4;

/// In bytes. The standard asks for 4 (section 3.1.1.2), RFC 9106 for 16 (section 3.1).
const SALT_LENGTH: usize = 16;

const OUTPUT_LENGTH: usize = 32;

/// A hash of nobody's password at the cost of a new hash, so that an unknown account takes as long as a known one. An
/// account whose hash has older parameters takes its own time until its owner logs in next.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password's hash in PHC string format, with its salt and parameters. Lies only in sealed documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(Confidential<String>);

/// A stored hash that is of a known form and affordable.
struct Parsed {
    hash: phc::PasswordHash,
    params: Params,
}

impl Parsed {
    /// Takes exactly what [`PasswordHash::make`] writes or wrote with other parameters, and nothing that means the
    /// same.
    fn parse(text: &str) -> Option<Self> {
        let hash = phc::PasswordHash::new(text).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let is_known = hash.algorithm == ARGON2ID_IDENT
            && hash.version == Some(Version::V0x13.into())
            && hash.salt.is_some_and(|salt| salt.len() >= SALT_LENGTH)
            && hash.hash.is_some_and(|output| output.len() == OUTPUT_LENGTH)
            // Memory, passes and lanes, each once, in this order, without leading zeros or anything else.
            && Params::new(params.m_cost(), params.t_cost(), params.p_cost(), None)
                .is_ok_and(|plain| ParamsString::try_from(&plain).as_ref() == Ok(&hash.params))
            && hash.to_string() == text;
        let is_affordable =
            params.m_cost() <= MOST_MEMORY && params.t_cost() <= MOST_PASSES && params.p_cost() <= MOST_LANES;
        (is_known && is_affordable).then_some(Self { hash, params })
    }
}

impl PasswordHash {
    /// The hash of an account that does not exist.
    pub fn nobody() -> Self {
        Self(Confidential::new(NOBODY.to_owned()))
    }

    /// Hashes a new password under a fresh salt.
    ///
    /// # Errors
    /// 500 where Argon2id does not take its parameters or the pepper.
    pub fn make(password: &Password, pepper: &Secret, entropy: &dyn Entropy) -> Result<Self, Problem> {
        let salt: [u8; SALT_LENGTH] = entropy.bytes();
        let params = Params::new(MEMORY, PASSES, LANES, Some(OUTPUT_LENGTH))
            .map_err(|_| Problem::defect("Argon2id does not take its parameters"))?;
        let hash = argon2(pepper, params)?
            .hash_password_with_salt(password.0.as_bytes(), &salt)
            .map_err(|_| Problem::defect("a password could not be hashed"))?;
        Ok(Self(Confidential::new(hash.to_string())))
    }

    fn parsed(&self) -> Result<Parsed, Problem> {
        Parsed::parse(self.0.expose())
            .ok_or_else(|| Problem::defect("a stored password hash has an unknown form or an absurd cost"))
    }

    /// Whether it is the hash of this password. Costs one Argon2id whatever the answer.
    ///
    /// # Errors
    /// 500 where the hash is of no known form, or would cost too much.
    pub fn is_of(&self, password: &Password, pepper: &Secret) -> Result<bool, Problem> {
        let Parsed { hash, params } = self.parsed()?;
        match argon2(pepper, params)?.verify_password(password.0.as_bytes(), &hash) {
            Ok(()) => Ok(true),
            Err(Error::PasswordInvalid) => Ok(false),
            Err(_) => Err(Problem::defect("a password could not be verified")),
        }
    }

    /// Whether it costs a guesser less than a hash that is made today, in memory or in passes.
    fn needs_upgrade(&self) -> Result<bool, Problem> {
        let Parsed { params, .. } = self.parsed()?;
        Ok(params.m_cost() < MEMORY || params.t_cost() < PASSES)
    }

    /// The hash that takes this one's place where this one is cheaper than those of today. Only for whoever has just
    /// found the password to be right: it is not looked at again. Costs another Argon2id where there is one.
    ///
    /// # Errors
    /// As [`PasswordHash::is_of`] and [`PasswordHash::make`].
    pub fn upgraded(
        &self,
        password: &Password,
        pepper: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<Option<Self>, Problem> {
        self.needs_upgrade()?
            .then(|| Self::make(password, pepper, entropy))
            .transpose()
    }
}

fn argon2(pepper: &Secret, params: Params) -> Result<Argon2<'_>, Problem> {
    Argon2::new_with_secret(pepper.expose(), Algorithm::Argon2id, Version::V0x13, params)
        .map_err(|_| Problem::defect("Argon2id does not take its pepper"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::SeededEntropy;

    fn made(password: &str) -> PasswordHash {
        PasswordHash::make(&Password::new(password), &pepper(), &SeededEntropy::new(1)).unwrap()
    }

    fn pepper() -> Secret {
        Secret::from_bytes([1; 32])
    }

    /// A hash with these parameters, as an earlier or a later version would have made it.
    fn of_another_time(password: &Password, memory: u32, passes: u32) -> PasswordHash {
        let (pepper, params) = (pepper(), Params::new(memory, passes, 1, Some(OUTPUT_LENGTH)).unwrap());
        let argon2 = argon2(&pepper, params).unwrap();
        let hash = argon2.hash_password_with_salt(password.0.as_bytes(), &[7; SALT_LENGTH]);
        PasswordHash(Confidential::new(hash.unwrap().to_string()))
    }

    #[test]
    fn a_hash_knows_its_password_under_its_pepper() {
        let hash = made("Zoe\u{308} was here");
        assert!(hash.0.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.is_of(&Password::new("Zo\u{eb} was here"), &pepper()).unwrap());
        assert!(!hash.is_of(&Password::new("Zo\u{eb} was her"), &pepper()).unwrap());
        // No truncation, no folding: every character counts (section 3.1.1.2).
        assert!(!hash.is_of(&Password::new("zo\u{eb} was here"), &pepper()).unwrap());
        assert!(!hash.is_of(&Password::new("Zo\u{eb} was here "), &pepper()).unwrap());
        let other = Secret::from_bytes([2; 32]);
        assert!(!hash.is_of(&Password::new("Zo\u{eb} was here"), &other).unwrap());
        assert!(!format!("{hash:?}").contains("argon2id"));
    }

    /// RFC 9106, section 5.3: Argon2id, with the secret as this module passes it.
    #[test]
    fn rfc_9106_vector() {
        let params = argon2::ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
            .build()
            .unwrap();
        let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = [0; 32];
        argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&tag),
            "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
        );
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let made = made("whatever");
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
        assert!(!PasswordHash::nobody().needs_upgrade().unwrap());
        assert!(
            !PasswordHash::nobody()
                .is_of(&Password::new("whatever"), &pepper())
                .unwrap()
        );
    }

    #[test]
    fn a_cheaper_hash_still_verifies_and_is_replaced() {
        let password = Password::new("grey heron by the weir");
        for (memory, passes, cheaper) in [
            (MEMORY, 1, true),
            (MEMORY / 2, 8, true),
            (MEMORY, PASSES, false),
            (MEMORY + 1, PASSES + 1, false),
        ] {
            let hash = of_another_time(&password, memory, passes);
            assert!(hash.is_of(&password, &pepper()).unwrap(), "{memory} {passes}");
            let upgraded = hash.upgraded(&password, &pepper(), &SeededEntropy::new(2)).unwrap();
            assert_eq!(upgraded.is_some(), cheaper, "{memory} {passes}");
            if let Some(upgraded) = upgraded {
                assert!(upgraded.is_of(&password, &pepper()).unwrap());
                assert!(!upgraded.needs_upgrade().unwrap());
            }
        }
    }

    #[test]
    fn only_what_was_made_here_is_a_hash() {
        let good = made("whatever").0.into_inner();
        assert!(Parsed::parse(&good).is_some());
        let with = |from: &str, to: &str| {
            let changed = good.replacen(from, to, 1);
            assert_ne!(changed, good);
            changed
        };
        let (head, output) = good.rsplit_once('$').unwrap();
        let (parameters, salt) = head.rsplit_once('$').unwrap();
        for text in [
            String::new(),
            "password".to_owned(),
            format!("{good} "),
            format!("{good}$"),
            head.to_owned(),
            with("argon2id", "argon2i"),
            with("argon2id", "argon2d"),
            with("argon2id", "scrypt"),
            with("v=19", "v=16"),
            with("$v=19", ""),
            with("m=19456", "m=019456"),
            with("m=19456,t=2", "t=2,m=19456"),
            with("p=1", "p=1,p=1"),
            with("p=1", "p=1,data=AAAA"),
            with(",p=1", ""),
            with("t=2", "t=0"),
            format!("{parameters}${}${output}", &salt[..11]),
            format!("{parameters}${salt}=${output}"),
            format!("{head}${}", &output[..22]),
            // Absurd costs: refused before anything is allocated.
            with("m=19456", "m=65537"),
            with("m=19456", "m=4294967295"),
            with("t=2", "t=9"),
            with("t=2", "t=4294967295"),
            with("p=1", "p=5"),
        ] {
            assert!(Parsed::parse(&text).is_none(), "{text}");
            let stored = PasswordHash(Confidential::new(text));
            let problem = stored.is_of(&Password::new("whatever"), &pepper()).unwrap_err();
            assert_eq!((problem.status.as_u16(), problem.kind), (500, "internal"));
        }
    }
}
