//! Base32 with the extended hex alphabet (RFC 4648, section 7), in lower case and without padding: it sorts like the bytes, and is
//! the same in a URL typed by hand. Here and not from a general crate, whose tables and variants are a thirtieth of a small function.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// How many bits a digit has.
const BITS: u32 = 5;

/// So many bytes are so many digits at a time: eight of them are 40 bits.
const GROUP: usize = 5;
const GROUP_DIGITS: usize = 8;

/// How long the text of so many bytes is.
const fn length(bytes: usize) -> usize {
    (bytes * GROUP_DIGITS).div_ceil(GROUP)
}

/// The text of bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(length(bytes.len()));
    text.extend(digits(bytes).map(char::from));
    text
}

/// The digits of bytes, in ASCII.
pub(crate) fn digits(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = bytes.iter();
    let (mut held, mut bits) = (0_u32, 0);
    std::iter::from_fn(move || {
        if bits < BITS {
            match bytes.next() {
                Some(byte) => (held, bits) = ((held << 8) | u32::from(*byte), bits + 8),
                None if bits == 0 => return None,
                None => (held, bits) = (held << (BITS - bits), BITS),
            }
        }
        bits -= BITS;
        let digit = usize::try_from((held >> bits) & 31).ok()?;
        ALPHABET.get(digit).copied()
    })
}

/// The bytes of a text, exactly as many as there is room for; `None` for whatever [`encode`] does not write.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != length(N) {
        return None;
    }
    let mut bytes = [0; N];
    let mut left = 0;
    for (group, digits) in bytes.chunks_mut(GROUP).zip(text.as_bytes().chunks(GROUP_DIGITS)) {
        let (mut held, mut free) = (0, u64::BITS);
        for character in digits {
            let digit = match character {
                b'0'..=b'9' => character - b'0',
                b'a'..=b'v' => character - b'a' + 10,
                _ => return None,
            };
            free -= BITS;
            held |= u64::from(digit) << free;
        }
        for byte in group {
            *byte = u8::try_from(held >> 56).ok()?;
            held <<= 8;
        }
        left |= held;
    }
    // What is left is nothing: one thing has one text.
    (left == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10, in lower case and without padding.
    #[test]
    fn vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "co"),
            ("fo", "cpng"),
            ("foo", "cpnmu"),
            ("foob", "cpnmuog"),
            ("fooba", "cpnmuoj1"),
            ("foobar", "cpnmuoj1e8"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
        }
        assert_eq!(decode(&encode(b"foobar")), Some(*b"foobar"));
        assert_eq!(decode("cpnmuoj1"), Some(*b"fooba"));
    }

    #[test]
    fn only_what_is_written_is_read() {
        let text = encode(&[0xa5; 16]);
        assert_eq!(decode(&text), Some([0xa5; 16]));
        assert_eq!(decode::<15>(&text), None);
        assert_eq!(decode::<17>(&text), None);
        let (last, first) = (&text[25..], &text[..25]);
        for wrong in [
            text.to_uppercase(),
            format!("{text}0"),
            first.to_owned(),
            format!("{first}w"),
            format!("{first}="),
            format!("{first} "),
            // The last digit has three bits of the bytes, and two that are nothing.
            format!("{first}{}", char::from(last.as_bytes()[0] + 1)),
        ] {
            assert_eq!(decode::<16>(&wrong), None, "{wrong}");
        }
    }
}
