//! Digits of every script.

/// The zeros that nine digits of the same script follow, in the order of their values (Unicode, general category Nd).
const ZEROS: [u32; 73] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50,
    0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6,
    0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

/// The value of a decimal digit, in whatever script.
#[must_use]
pub fn digit(character: char) -> Option<u8> {
    let code = u32::from(character);
    let zero = match character.is_ascii() {
        true => u32::from('0'),
        // The digits of a script lie behind its zero, and no two scripts' overlap.
        false => *ZEROS.get(..ZEROS.partition_point(|zero| *zero <= code))?.last()?,
    };
    let value = code.checked_sub(zero)?;
    u8::try_from(value).ok().filter(|value| *value < 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_their_value() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            let before = char::from_u32(zero - 1).unwrap();
            assert_ne!(digit(before), Some(0), "{zero:x}");
            for (code, value) in (zero..).zip(0..10) {
                let letter = char::from_u32(code).unwrap();
                assert_eq!(digit(letter), Some(value), "{letter:?}");
            }
        }
        for letter in ['٣', '۳', '३', '๓', '３', '𝟑', '3'] {
            assert_eq!(digit(letter), Some(3));
        }
        // Numbers that are no digits, and letters.
        for letter in ['²', '½', 'Ⅲ', '③', '三', '〇', 'a', ' ', 'ठ', '\u{10ffff}'] {
            assert_eq!(digit(letter), None);
        }
    }
}
