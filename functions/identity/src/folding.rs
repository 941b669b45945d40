//! Names as people type them: what is left of a name when capitals, accents, hyphens and spaces are gone. It is what a search by
//! name compares, and is never shown.
//!
//! Unicode compatibility decomposition (NFKD, which comes to the same names as NFKC), without the marks that are often left out
//! in writing; then upper and lower case taken away, as full case folding does; then letters and digits alone. A few letters that
//! Unicode does not take apart, and that people without them on their keyboard write otherwise, are spelled as those do.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Marks that people leave out: accents of Latin, Greek and Cyrillic letters, vowel points of Hebrew and Arabic. Not those
/// of scripts where they are as much part of a name as its letters, such as Devanagari or kana; and not the iota under Greek
/// vowels, U+0345, which is a letter of its own as soon as a name is written in capitals.
fn is_left_out(mark: char) -> bool {
    matches!(mark,
        '\u{300}'..='\u{344}' | '\u{346}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{fe20}'..='\u{fe2f}')
}

fn spelled_out(letter: char) -> Option<&'static str> {
    Some(match letter {
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ł' => "l",
        'þ' => "th",
        _ => return None,
    })
}

/// The name as it is compared. Empty where there is no letter or digit in it.
pub(crate) fn folded(name: &str) -> String {
    let bare: String = name.nfkd().filter(|character| !is_left_out(*character)).collect();
    // To lower case first: of ẞ that leaves ß, of which the upper case is SS.
    let caseless: String = bare
        .chars()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    let mut folded = String::with_capacity(caseless.len());
    for character in caseless.nfkd().filter(|character| !is_left_out(*character)) {
        match spelled_out(character) {
            Some(spelling) => folded.push_str(spelling),
            None if character.is_alphanumeric() || is_combining_mark(character) => folded.push(character),
            None => {}
        }
    }
    // Marks that stand together now had something between them that is gone.
    folded.nfkd().collect()
}

/// The first of the given names as it is compared: as far as the first space or hyphen, since nobody types all of them. A name
/// that begins with one is taken as a whole.
pub(crate) fn first_folded(given: &str) -> String {
    let is_between = |character: char| character.is_whitespace() || matches!(character, '-' | '\u{2010}'..='\u{2015}');
    let first = given.trim().split(is_between).next().unwrap_or_default();
    let first = folded(first);
    if first.is_empty() { folded(given) } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_the_same_however_it_is_typed() {
        for (names, form) in [
            (["Zoë", "ZOE", "zoe\u{308}"], "zoe"),
            (["O'Neill", "O’NEILL", "o neill"], "oneill"),
            (
                ["Müller-Lüdenscheidt", "muller ludenscheidt", "MÜLLER‐LÜDENSCHEIDT"],
                "mullerludenscheidt",
            ),
            (["Strauß", "STRAUSS", "STRAUẞ"], "strauss"),
            (["Łukasz", "Lukasz", "ŁUKASZ"], "lukasz"),
            (["Søren", "Soren", "SØREN"], "soren"),
            (["Çelik", "celik", "ÇELİK"], "celik"),
            (["Işık", "ISIK", "isik"], "isik"),
            (["Παπαδόπουλος", "ΠΑΠΑΔΟΠΟΥΛΟΣ", "παπαδοπουλοσ"], "παπαδοπουλοσ"),
            (["ᾍδης", "ἍΙΔΗΣ", "αιδησ"], "αιδησ"),
            (["Ｓａｔｏ", "Sato", "SATO"], "sato"),
            (["Nguyễn", "NGUYEN", "nguyen"], "nguyen"),
            (["מֹשֶׁה", "משה", "משה "], "משה"),
            (["Æsa", "aesa", "AESA"], "aesa"),
            (["St. John", "St John", "STJOHN"], "stjohn"),
        ] {
            for name in names {
                assert_eq!(folded(name), form, "{name}");
            }
        }
        // What makes another name of it stays.
        assert_ne!(folded("राम"), folded("रोमा"));
        assert_ne!(folded("が"), folded("か"));
        assert_eq!(folded("が"), folded("か\u{3099}"));
        assert_eq!(folded("- ' -"), "");
    }

    #[test]
    fn the_first_given_name_ends_at_a_space_or_hyphen() {
        for (given, first) in [
            ("Anna Maria", "anna"),
            ("Anne-Marie", "anne"),
            (" Jean\u{2010}Luc ", "jean"),
            ("D'Angelo", "dangelo"),
            ("-ana", "ana"),
            ("Zoë", "zoe"),
            ("", ""),
        ] {
            assert_eq!(first_folded(given), first, "{given}");
        }
    }

    proptest! {
        #[test]
        fn forms_are_final(name in any::<String>()) {
            let once = folded(&name);
            prop_assert_eq!(folded(&once), once.clone());
            prop_assert!(!once.contains(char::is_whitespace));
        }

        #[test]
        fn capitals_make_no_difference(name in "[[\\p{Latin}\\p{Greek}\\p{Cyrillic} '-]&&[\\p{L} '-]]{1,20}") {
            prop_assert_eq!(folded(&name.to_uppercase()), folded(&name.to_lowercase()));
        }
    }
}
