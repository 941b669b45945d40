//! Normalization Form C (Unicode Standard Annex #15, section 1.3): canonical decomposition, then canonical composition. Texts that look
//! the same and mean the same become the same.
//!
//! The tables are `unicode-normalization`'s. Its iterator is not used, because it can do the compatibility forms as well and brings
//! their tables with it, some 60 KB of a function; a test holds this against it.

use unicode_normalization::char::{canonical_combining_class, compose, decompose_canonical};
use zeroize::Zeroizing;

/// The text in Normalization Form C.
#[must_use]
pub fn nfc(text: &str) -> String {
    // It may be a password.
    let mut characters: Zeroizing<Vec<(u8, char)>> = Zeroizing::new(Vec::with_capacity(text.len()));
    for character in text.chars() {
        decompose_canonical(character, |part| {
            characters.push((canonical_combining_class(part), part))
        });
    }
    // Canonical ordering (Unicode, section 3.11, D109): each starter and the marks that follow it. The sort is stable.
    for run in characters.chunk_by_mut(|_, (class, _)| *class != 0) {
        run.sort_by_key(|(class, _)| *class);
    }
    // Canonical composition (D117): the last starter, and the marks behind it that did not become a part of it.
    let mut composed = String::with_capacity(text.len());
    let mut starter = None;
    let mut marks: Zeroizing<Vec<char>> = Zeroizing::default();
    let mut last_class = 0;
    for (class, character) in characters.iter().copied() {
        // Nothing stands between the two that has the same class, a higher one or none.
        let is_blocked = !marks.is_empty() && class <= last_class;
        let pair = starter.filter(|_| !is_blocked);
        if let Some(composite) = pair.and_then(|starter| compose(starter, character)) {
            starter = Some(composite);
        } else if class == 0 {
            composed.extend(starter.replace(character));
            composed.extend(marks.drain(..));
        } else {
            marks.push(character);
            last_class = class;
        }
    }
    composed.extend(starter);
    composed.extend(marks.iter());
    composed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    /// Starters that compose with marks or with each other, marks of several classes, and what is never composed again.
    const PARTS: [char; 30] = [
        'a',
        'o',
        'D',
        '\u{e9}',
        '\u{1e69}',
        '\u{212b}',
        '\u{300}',
        '\u{301}',
        '\u{307}',
        '\u{323}',
        '\u{327}',
        '\u{31b}',
        '\u{345}',
        '\u{338}',
        '\u{0b47}',
        '\u{0b3e}',
        '\u{0b57}',
        '\u{1100}',
        '\u{1161}',
        '\u{11a8}',
        '\u{ac00}',
        '\u{11a7}',
        '\u{0958}',
        '\u{2adc}',
        '\u{1d15e}',
        '\u{11131}',
        '\u{11127}',
        '\u{0f71}',
        '\u{0f73}',
        '\u{fb1d}',
    ];

    #[test]
    fn what_the_standard_gives_as_examples() {
        for (text, normal) in [
            ("", ""),
            ("plain", "plain"),
            ("\u{212b}", "\u{c5}"),
            ("A\u{30a}", "\u{c5}"),
            ("s\u{307}\u{323}", "\u{1e69}"),
            ("\u{1e0b}\u{323}", "\u{1e0d}\u{307}"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
            ("\u{1100}\u{1161}\u{11a8}", "\u{ac01}"),
            ("\u{fb01}", "\u{fb01}"),
            ("\u{301}a\u{301}\u{301}", "\u{301}\u{e1}\u{301}"),
        ] {
            assert_eq!(nfc(text), normal, "{text:?}");
        }
    }

    #[test]
    fn every_character_is_what_the_library_makes_of_it() {
        for character in '\0'..=char::MAX {
            let alone = character.to_string();
            assert!(nfc(&alone).chars().eq(alone.nfc()), "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn texts_are_what_the_library_makes_of_them(
            parts in prop::collection::vec(prop::sample::select(PARTS.as_slice()), 0..12),
            text in "\\PC*",
        ) {
            for text in [parts.into_iter().collect::<String>(), text] {
                prop_assert_eq!(nfc(&text), text.nfc().collect::<String>());
            }
        }
    }
}
