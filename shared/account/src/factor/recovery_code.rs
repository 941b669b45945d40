//! Recovery codes (NIST SP 800-63B-4, section 3.1.2, look-up secrets): ten codes of 120 random bits, shown once. Kept are
//! keyed hashes under a label of their own, and when each was used.

use crypto::{Label, Secret, mac};
use data_encoding::BASE32_NOPAD;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClinicId, Timestamp};
use ports::{Entropy, EntropyExt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const CODE: Label = Label::new("confide 2026-11 recovery code");

/// How many codes a list has.
pub(crate) const COUNT: usize = 10;

/// 120 bits. From 112 bits on a fast one-way function is enough to keep them under (section 3.1.2.2).
const LENGTH: usize = 15;

/// Characters of a code, and of a group of them.
const CHARACTERS: usize = 24;
const GROUP: usize = 4;

/// A code as somebody presents it.
pub(crate) struct RecoveryCode(Zeroizing<[u8; LENGTH]>);

impl RecoveryCode {
    /// Parses a code however it was copied: letters in either case, with or without hyphens and spaces.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let compact: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .filter(|character| !matches!(character, '-' | ' '))
                .map(|character| character.to_ascii_uppercase())
                .collect(),
        );
        if compact.len() != CHARACTERS {
            return None;
        }
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let decoded = BASE32_NOPAD.decode_mut(compact.as_bytes(), bytes.as_mut_slice()).ok()?;
        (decoded == LENGTH).then_some(Self(bytes))
    }

    /// The code as it is shown: `abcd-efgh-ijkl-mnop-qrst-uvwx`.
    fn reveal(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(BASE32_NOPAD.encode(self.0.as_slice()));
        let mut text = Zeroizing::new(String::with_capacity(CHARACTERS + CHARACTERS / GROUP));
        for (position, character) in encoded.chars().enumerate() {
            if position > 0 && position % GROUP == 0 {
                text.push('-');
            }
            text.push(character.to_ascii_lowercase());
        }
        text
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    mac: [u8; 32],
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nanosecond::optional")]
    used_at: Option<Timestamp>,
}

/// A list of codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryCodes {
    /// When it was made.
    #[serde(with = "nanosecond::required")]
    pub made_at: Timestamp,
    /// The request that made them: repeated, it must not make others.
    pub made_by: [u8; 16],
    codes: Vec<Kept>,
}

impl RecoveryCodes {
    /// A fresh list, and its codes as they are shown.
    pub fn make(
        index: &Secret,
        entropy: &dyn Entropy,
        clinic: ClinicId,
        account: AccountId,
        made_by: [u8; 16],
        now: Timestamp,
    ) -> (Vec<Zeroizing<String>>, Self) {
        let fresh: Vec<RecoveryCode> = (0..COUNT)
            .map(|_| RecoveryCode(Zeroizing::new(entropy.bytes())))
            .collect();
        let codes = fresh
            .iter()
            .map(|code| Kept {
                mac: *of(index, clinic, account, code).as_bytes(),
                used_at: None,
            })
            .collect();
        let list = Self {
            made_at: now,
            made_by,
            codes,
        };
        (fresh.iter().map(RecoveryCode::reveal).collect(), list)
    }

    /// Uses the code up; `false` where it is none of the list, or used. Compares with every code in constant time.
    pub(crate) fn use_up(
        &mut self,
        index: &Secret,
        clinic: ClinicId,
        account: AccountId,
        code: &RecoveryCode,
        now: Timestamp,
    ) -> bool {
        let presented = of(index, clinic, account, code);
        let mut right = false;
        for kept in &mut self.codes {
            if presented.matches(&kept.mac) && kept.used_at.is_none() {
                kept.used_at = Some(now);
                right = true;
            }
        }
        right
    }

    /// How many are not used yet.
    pub fn left(&self) -> usize {
        self.codes.iter().filter(|code| code.used_at.is_none()).count()
    }
}

fn of(index: &Secret, clinic: ClinicId, account: AccountId, code: &RecoveryCode) -> crypto::Mac {
    mac(index, CODE, &[clinic.as_bytes(), account.as_bytes(), code.0.as_slice()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use testkit::SeededEntropy;

    const CLINIC: [u8; 16] = [1; 16];

    fn now() -> Timestamp {
        Timestamp::from_second(0).unwrap()
    }

    fn made(account: u8) -> (Vec<Zeroizing<String>>, RecoveryCodes) {
        RecoveryCodes::make(
            &Secret::from_bytes([1; 32]),
            &SeededEntropy::new(1),
            ClinicId::from_bytes(CLINIC),
            AccountId::from_bytes([account; 16]),
            [0; 16],
            now(),
        )
    }

    fn shown(codes: &mut RecoveryCodes, account: u8, text: &str) -> bool {
        RecoveryCode::parse(text).is_some_and(|code| {
            codes.use_up(
                &Secret::from_bytes([1; 32]),
                ClinicId::from_bytes(CLINIC),
                AccountId::from_bytes([account; 16]),
                &code,
                now(),
            )
        })
    }

    #[test]
    fn ten_different_codes_each_used_once() {
        let (texts, mut codes) = made(1);
        let different: BTreeSet<&str> = texts.iter().map(|text| text.as_str()).collect();
        assert_eq!((different.len(), codes.left()), (10, 10));
        for (used, text) in texts.iter().enumerate() {
            assert_eq!(text.len(), 29, "{}", text.as_str());
            assert!(shown(&mut codes, 1, text));
            assert!(!shown(&mut codes, 1, text), "used");
            assert_eq!(codes.left(), 9 - used);
        }
    }

    #[test]
    fn a_code_is_read_however_it_was_copied_and_is_nobody_elses() {
        let (texts, codes) = made(1);
        let text = texts[3].as_str();
        for (copied, right) in [
            (text.to_owned(), true),
            (text.to_uppercase(), true),
            (text.replace('-', ""), true),
            (text.replace('-', " "), true),
            (String::new(), false),
            (text[..28].to_owned(), false),
            (format!("{text}a"), false),
            (text.replace('-', "_"), false),
            (["aaaa"; 6].join("-"), false),
            (["1111"; 6].join("-"), false),
        ] {
            assert_eq!(shown(&mut codes.clone(), 1, &copied), right, "{copied}");
        }
        assert!(!shown(&mut codes.clone(), 2, text), "another account");
    }

    #[test]
    fn no_code_is_kept() {
        let (texts, codes) = made(1);
        let stored = serde_json::to_string(&codes).unwrap();
        for text in texts {
            assert!(!stored.contains(text.as_str()));
            assert!(!stored.to_uppercase().contains(&text.replace('-', "").to_uppercase()));
        }
    }
}
