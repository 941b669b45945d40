//! Passwords that follow a rule instead of being chosen: “repetitive or sequential characters (e.g. ‘aaaaaa’,
//! ‘1234abcd’)”, as NIST SP 800-63B, revision 3, section 5.1.1.2 has them; revision 4 leaves open what a blocklist
//! holds. A list cannot hold them at every length.
//!
//! A password is predictable where, in lower case,
//!
//! * it is one block of fewer than eight characters three times or more, and then perhaps its beginning; or
//! * it can be cut into runs of at least three characters each, and in each run every character follows from the one
//!   before in the same way: it is the same, or the next or the previous in its alphabet or among the digits (by code
//!   point), or its right or left neighbour in a row of keys.

use zeroize::Zeroizing;

use super::rules::LEAST_OF_TWO_FACTORS;

/// The shortest run.
const LEAST_RUN: usize = 3;

/// Rows of keys, with and without shift, on QWERTY, QWERTZ and AZERTY keyboards.
const ROWS: [&str; 12] = [
    "`1234567890-=",
    "!@#$%^&*()_+",
    "qwertyuiop[]\\",
    "qwertzuiopü+",
    "azertyuiop^$",
    "asdfghjkl;'",
    "asdfghjklöä",
    "qsdfghjklmù",
    "zxcvbnm,./",
    "yxcvbnm,.-",
    "wxcvbn,;:!",
    "&é\"'(-è_çà)=",
];

/// How a character follows from the one before.
#[derive(Clone, Copy)]
enum Step {
    Same,
    Next,
    Previous,
    Right(&'static str),
    Left(&'static str),
}

fn is_next(before: char, after: char) -> bool {
    before.is_alphanumeric() && after.is_alphanumeric() && u32::from(before).checked_add(1) == Some(u32::from(after))
}

fn is_right(row: &str, before: char, after: char) -> bool {
    row.chars().zip(row.chars().skip(1)).any(|pair| pair == (before, after))
}

impl Step {
    fn all() -> impl Iterator<Item = Self> {
        let in_rows = ROWS.into_iter().flat_map(|row| [Self::Right(row), Self::Left(row)]);
        [Self::Same, Self::Next, Self::Previous].into_iter().chain(in_rows)
    }

    fn leads(self, before: char, after: char) -> bool {
        match self {
            Self::Same => before == after,
            Self::Next => is_next(before, after),
            Self::Previous => is_next(after, before),
            Self::Right(row) => is_right(row, before, after),
            Self::Left(row) => is_right(row, after, before),
        }
    }

    /// The length of the longest run that the text begins with.
    fn run(self, text: &[char]) -> usize {
        let steps = text.iter().zip(text.iter().skip(1));
        1 + steps
            .take_while(|(before, after)| self.leads(**before, **after))
            .count()
    }
}

fn repeats_a_block(text: &[char]) -> bool {
    // A block that could be a password of its own is not made worse by being typed again.
    (1..LEAST_OF_TWO_FACTORS.min(text.len() / 3 + 1)).any(|block| {
        text.iter()
            .zip(text.iter().skip(block))
            .all(|(one, other)| one == other)
    })
}

fn consists_of_runs(text: &[char]) -> bool {
    // Whether the text up to here can be cut into runs. Every length of a run is tried: the longest may leave a rest
    // that is too short for one.
    let mut cut = vec![false; text.len() + 1];
    for start in 0..text.len() {
        if start > 0 && cut.get(start) != Some(&true) {
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        let longest = Step::all().map(|step| step.run(rest)).max().unwrap_or(0);
        for end in cut.iter_mut().take(start + longest + 1).skip(start + LEAST_RUN) {
            *end = true;
        }
    }
    cut.last() == Some(&true)
}

/// Whether a password, folded, is predictable. Takes time in the square of the length.
pub(super) fn is_predictable(folded: &str) -> bool {
    let text: Zeroizing<Vec<char>> = Zeroizing::new(folded.chars().collect());
    !text.is_empty() && (repeats_a_block(&text) || consists_of_runs(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repetitions_and_sequences_are_predictable() {
        for (password, predictable) in [
            ("aaaaaaaaaaaaaaa", true),
            ("...............", true),
            ("abcdefghijklmno", true),
            ("zyxwvutsrqponml", true),
            ("qwertyuiopasdfg", true),
            ("poiuytrewqlkjhg", true),
            ("qwertzuiopasdfg", true),
            ("azertyuiopqsdfghjklm", true),
            ("123456789012345", true),
            ("987654321098765", true),
            ("111222333444555", true),
            ("abc123def456ghi", true),
            ("!@#$%^&*", true),
            ("абвгдежз", true),
            ("abcabcabcabcabc", true),
            ("lovelovelovelove", true),
            ("lovelovelovelo", true),
            ("weirweirwei", false),
            ("herons herons herons ", true),
            ("herons! herons! herons! ", false),
            ("1212121", true),
            // A run ends where the next one needs its last character.
            ("aaaabcd", true),
            ("abcdcba", true),
            // Twice is a repetition of half: what is common of it is in the list.
            ("lovelove", false),
            ("heronheron", false),
            ("abcd7efgh", false),
            ("aaabbbcc", false),
            ("qwertyuiop heron", false),
            ("grey heron by the weir", false),
            ("20261130", false),
            ("🦆🦆🐌🐌🐢🐢", false),
            ("", false),
        ] {
            assert_eq!(is_predictable(password), predictable, "{password}");
        }
    }

    proptest! {
        #[test]
        fn every_run_is_predictable_at_every_length(start in 0_u32..26, length in 3_usize..64, row in 0..ROWS.len()) {
            let letters: Vec<char> = ('a'..='z').collect();
            let alphabet: String = letters.iter().cycle().skip(start as usize).take(length).collect();
            // Where the alphabet begins again, a run begins again, which may be too short.
            let tail = (start as usize + length) % 26;
            let head = 26 - start as usize;
            if length <= head || (head >= 3 && tail >= 3) {
                prop_assert!(is_predictable(&alphabet), "{}", alphabet);
            }
            let keys: String = ROWS[row].chars().take(length).collect();
            prop_assert!(is_predictable(&keys));
            prop_assert!(is_predictable(&keys.chars().rev().collect::<String>()));
        }

        #[test]
        fn one_character_out_of_line_is_enough(run in 3_usize..30, at in 0_usize..30) {
            let mut text: Vec<char> = ('a'..='z').cycle().take(run).collect();
            // No alphabet, row or repetition holds it.
            text.insert(at.min(run), '\u{2603}');
            prop_assert!(!is_predictable(&text.into_iter().collect::<String>()));
        }
    }
}
