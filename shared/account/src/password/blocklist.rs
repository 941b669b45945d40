//! The blocklist (NIST SP 800-63B-4, section 3.1.1.2; ASVS 5.0, 6.2.4): whole passwords that guessers try first.
//!
//! The lists, where they come from and their licences lie in `blocklist/`. What is built into the function is a binary
//! fuse filter over them ([Graf and Lemire, 2022](https://arxiv.org/abs/2201.01174)), a fifth of their size: every
//! password of the lists is found, and of all others 1 in 65 536 is refused for no reason. It is checked in, so that no
//! build has to make it; a test fails when it is not that of the lists.

use sha2::{Digest, Sha256};
use xorf::{BinaryFuse16, Descriptor, Filter};

/// Seed, segment length, its mask, the segments' common length, fingerprints; little endian.
static FILTER: &[u8] = include_bytes!("blocklist/filter.bin");

/// What a filter knows of a password. No secret is in it: the lists are public.
fn key(folded: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(folded).into();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn read(bytes: &[u8]) -> Option<BinaryFuse16> {
    let (seed, rest) = bytes.split_first_chunk()?;
    let (segment_length, rest) = rest.split_first_chunk()?;
    let (segment_length_mask, rest) = rest.split_first_chunk()?;
    let (segment_count_length, rest) = rest.split_first_chunk()?;
    let (fingerprints, []) = rest.as_chunks() else {
        return None;
    };
    Some(BinaryFuse16 {
        descriptor: Descriptor {
            seed: u64::from_le_bytes(*seed),
            segment_length: u32::from_le_bytes(*segment_length),
            segment_length_mask: u32::from_le_bytes(*segment_length_mask),
            segment_count_length: u32::from_le_bytes(*segment_count_length),
        },
        fingerprints: fingerprints.iter().copied().map(u16::from_le_bytes).collect(),
    })
}

/// Whether a password, folded, is in the lists. The filter is part of the program, so that it is always readable; were
/// it not, no new password would be taken.
pub(super) fn contains(folded: &str) -> bool {
    read(FILTER).is_none_or(|filter| filter.contains(&key(folded)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::email::fold;
    use crate::password::rules::LEAST_OF_TWO_FACTORS;

    const LISTS: [&str; 3] = [
        include_str!("blocklist/zxcvbn-ts.txt"),
        include_str!("blocklist/django.txt"),
        include_str!("blocklist/own.txt"),
    ];

    fn passwords() -> impl Iterator<Item = &'static str> {
        LISTS.into_iter().flat_map(str::lines)
    }

    fn built() -> Vec<u8> {
        let keys: BTreeSet<u64> = passwords().map(key).collect();
        // Deterministic: the seed begins where it always does.
        let filter = BinaryFuse16::try_from_iterator(keys.iter().copied()).unwrap();
        let mut bytes = filter.descriptor.seed.to_le_bytes().to_vec();
        for number in [
            filter.descriptor.segment_length,
            filter.descriptor.segment_length_mask,
            filter.descriptor.segment_count_length,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(
            filter
                .fingerprints
                .iter()
                .flat_map(|fingerprint| fingerprint.to_le_bytes()),
        );
        bytes
    }

    #[test]
    fn the_filter_is_that_of_the_lists() {
        assert!(
            built() == FILTER,
            "run: cargo test -p account --lib write_the_filter -- --ignored"
        );
    }

    #[test]
    #[ignore = "writes the filter, after a change of the lists"]
    fn write_the_filter() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/password/blocklist/filter.bin");
        std::fs::write(path, built()).unwrap();
    }

    /// Other passwords are never as short or in this form, so that an entry would be there for nothing.
    #[test]
    fn the_lists_are_in_the_form_they_are_compared_in() {
        for password in passwords() {
            assert_eq!(fold(password), password);
            assert!(password.chars().count() >= LEAST_OF_TWO_FACTORS, "{password}");
        }
    }

    #[test]
    fn every_password_of_the_lists_is_found_and_hardly_any_other() {
        assert!(passwords().count() > 3000, "ASVS 5.0, 6.2.4");
        let filter = read(FILTER).unwrap();
        assert!(passwords().all(|password| filter.contains(&key(password))));
        assert!(contains("password1") && !contains("grey heron by the weir"));
        let others = 1 << 19;
        let found = (0..others)
            .filter(|number: &u32| filter.contains(&key(&format!("heron {number}"))))
            .count();
        // 8 are expected of 2^19 at 1 in 2^16; more than 24 would be at a higher rate (Poisson, p < 10^-5).
        assert!(found <= 24, "{found}");
    }

    #[test]
    fn a_filter_that_is_cut_is_none() {
        for length in [0, 7, 19, FILTER.len() - 1] {
            assert!(read(&FILTER[..length]).is_none());
        }
    }
}
