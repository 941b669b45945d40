//! Reading CBOR (RFC 8949) in CTAP2's canonical form (CTAP 2.1, section 8), which authenticators must write and relying
//! parties should insist on (WebAuthn Level 3, section 2.4): definite lengths, shortest heads, ordered keys that differ, no
//! tags, four levels at most. Nothing is allocated, whatever a length claims.

use std::cmp::Ordering;

/// How deep arrays and maps may nest (CTAP 2.1, section 8).
pub(super) const MOST_LEVELS: u8 = 4;

/// The most entries of an array or map.
const MOST_ENTRIES: u64 = 64;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;

/// `false`, `true`, `null` and `undefined`. Nothing that is read here has other simple values or floats.
const SIMPLE_VALUES: std::ops::RangeInclusive<u64> = 20..=23;

/// Bytes that are not the CBOR that was to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotCbor;

/// What is left to read.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What comes after what was read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Nothing may come after what was read.
    pub(super) fn end(&self) -> Result<(), NotCbor> {
        if self.0.is_empty() { Ok(()) } else { Err(NotCbor) }
    }

    fn argument<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], NotCbor> {
        let (argument, rest) = self.0.split_first_chunk().ok_or(NotCbor)?;
        self.0 = rest;
        Ok(*argument)
    }

    /// The major type and argument of the next item (RFC 8949, section 3), in the shortest of its spellings.
    fn head(&mut self) -> Result<(u8, u64), NotCbor> {
        let [first] = self.argument()?;
        let (argument, least) = match first & 0x1f {
            argument @ 0..24 => (u64::from(argument), 0),
            24 => (u64::from(u8::from_be_bytes(self.argument()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.argument()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.argument()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.argument()?), 1 << 32),
            // Reserved, or of indefinite length.
            _ => return Err(NotCbor),
        };
        if argument < least {
            return Err(NotCbor);
        }
        Ok((first >> 5, argument))
    }

    fn head_of(&mut self, expected: u8) -> Result<u64, NotCbor> {
        match self.head()? {
            (major, argument) if major == expected => Ok(argument),
            _ => Err(NotCbor),
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], NotCbor> {
        let length = usize::try_from(length).map_err(|_| NotCbor)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(NotCbor)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next item, a byte string.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], NotCbor> {
        let length = self.head_of(BYTES)?;
        self.take(length)
    }

    /// The next item, a text string.
    pub(super) fn text(&mut self) -> Result<&'a str, NotCbor> {
        let length = self.head_of(TEXT)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| NotCbor)
    }

    /// The next item, an integer.
    pub(super) fn integer(&mut self) -> Result<i64, NotCbor> {
        let (major, argument) = self.head()?;
        let argument = i64::try_from(argument).map_err(|_| NotCbor)?;
        match major {
            UNSIGNED => Ok(argument),
            // -1 - argument
            NEGATIVE => Ok(!argument),
            _ => Err(NotCbor),
        }
    }

    /// The head of the next item, a map: how many entries follow.
    pub(super) fn map(&mut self) -> Result<u64, NotCbor> {
        Some(self.head_of(MAP)?)
            .filter(|entries| *entries <= MOST_ENTRIES)
            .ok_or(NotCbor)
    }

    /// The encoding of the next item, whatever it is, if it is well-formed, canonical and has at most so many levels of arrays
    /// and maps.
    pub(super) fn item(&mut self, levels: u8) -> Result<&'a [u8], NotCbor> {
        let before = self.0;
        match self.head()? {
            (UNSIGNED | NEGATIVE, _) => {}
            (BYTES, length) => drop(self.take(length)?),
            (TEXT, length) => drop(std::str::from_utf8(self.take(length)?).map_err(|_| NotCbor)?),
            (ARRAY, entries @ 0..=MOST_ENTRIES) => {
                let levels = levels.checked_sub(1).ok_or(NotCbor)?;
                for _ in 0..entries {
                    self.item(levels)?;
                }
            }
            (MAP, entries @ 0..=MOST_ENTRIES) => {
                let levels = levels.checked_sub(1).ok_or(NotCbor)?;
                let mut previous: Option<&[u8]> = None;
                for _ in 0..entries {
                    let key = self.item(levels)?;
                    if previous.is_some_and(|previous| compare_keys(previous, key) != Ordering::Less) {
                        return Err(NotCbor);
                    }
                    previous = Some(key);
                    self.item(levels)?;
                }
            }
            (SIMPLE, value) if SIMPLE_VALUES.contains(&value) => {}
            _ => return Err(NotCbor),
        }
        before.get(..before.len() - self.0.len()).ok_or(NotCbor)
    }
}

/// The order of keys in a canonical map (CTAP 2.1, section 8): by major type, then by length, then by bytes.
fn compare_keys(left: &[u8], right: &[u8]) -> Ordering {
    let rank = |key: &[u8]| (key.first().map(|first| first >> 5), key.len());
    rank(left).cmp(&rank(right)).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<(), NotCbor> {
        let mut reader = Reader::new(bytes);
        assert_eq!(reader.item(MOST_LEVELS)?.len() + reader.rest().len(), bytes.len());
        reader.end()
    }

    /// RFC 8949, appendix A: what of it is canonical and of a kind that is read here.
    #[test]
    fn rfc_8949_examples() {
        for (encoded, value) in [
            ("00", 0),
            ("01", 1),
            ("0a", 10),
            ("17", 23),
            ("1818", 24),
            ("1819", 25),
            ("1864", 100),
            ("1903e8", 1000),
            ("1a000f4240", 1_000_000),
            ("1b000000e8d4a51000", 1_000_000_000_000),
            ("20", -1),
            ("29", -10),
            ("3863", -100),
            ("3903e7", -1000),
        ] {
            assert_eq!(Reader::new(&hex(encoded)).integer(), Ok(value), "{encoded}");
            assert_eq!(read(&hex(encoded)), Ok(()), "{encoded}");
        }
        assert_eq!(Reader::new(&hex("4401020304")).bytes().unwrap(), [1, 2, 3, 4]);
        assert_eq!(Reader::new(&hex("6449455446")).text().unwrap(), "IETF");
        assert_eq!(Reader::new(&hex("63e6b0b4")).text().unwrap(), "\u{6c34}");
        assert_eq!(Reader::new(&hex("a201020304")).map(), Ok(2));
        for encoded in [
            "40",
            "60",
            "80",
            "a0",
            "f4",
            "f5",
            "f6",
            "f7",
            "83010203",
            "8301820203820405",
            "a201020304",
            "a26161016162820203",
            "826161a161626163",
            "1bffffffffffffffff",
        ] {
            assert_eq!(read(&hex(encoded)), Ok(()), "{encoded}");
        }
    }

    #[test]
    fn what_is_not_canonical_or_too_much_is_refused() {
        let entries = |head: &str, count: usize, entry: &str| format!("{head}{}", entry.repeat(count));
        for (case, encoded) in [
            ("nothing", String::new()),
            ("two items", "0000".to_owned()),
            ("a long 23", "1817".to_owned()),
            ("a long 255", "1900ff".to_owned()),
            ("a long 65535", "1a0000ffff".to_owned()),
            ("a long 2^32 - 1", "1b00000000ffffffff".to_owned()),
            ("a long length", "580100".to_owned()),
            ("a cut head", "1903".to_owned()),
            ("a cut string", "4401".to_owned()),
            ("a cut array", "8201".to_owned()),
            ("a map without its value", "a101".to_owned()),
            ("a reserved head", "1c".to_owned()),
            ("a string of indefinite length", "5f42010243030405ff".to_owned()),
            ("a text of indefinite length", "7f657374726561646d696e67ff".to_owned()),
            ("an array of indefinite length", "9fff".to_owned()),
            ("a map of indefinite length", "bfff".to_owned()),
            ("a break", "ff".to_owned()),
            ("a tag", "c074323031332d30332d32315432303a30343a30305a".to_owned()),
            ("a half float", "f90000".to_owned()),
            ("a float", "fa47c35000".to_owned()),
            ("a double", "fb3ff199999999999a".to_owned()),
            ("a simple value", "f0".to_owned()),
            ("a long simple value", "f8ff".to_owned()),
            ("a long false", "f814".to_owned()),
            ("text that is not UTF-8", "61ff".to_owned()),
            ("the same key twice", "a2010201ff".replace("ff", "02")),
            ("keys in the wrong order", "a202000100".to_owned()),
            ("a longer key first", "a2181800 0100".replace(' ', "")),
            ("text before a number", "a261610001 00".replace(' ', "")),
            ("five levels", "8181818180".to_owned()),
            ("five levels of maps", "a100a100a100a100a0".to_owned()),
            ("65 entries", entries("9841", 65, "00")),
            ("2^64 - 1 entries", "9bffffffffffffffff".to_owned()),
            ("2^64 - 1 pairs", "bbffffffffffffffff".to_owned()),
            ("2^64 - 1 bytes", "5bffffffffffffffff00".to_owned()),
            ("2^64 - 1 of text", "7bffffffffffffffff00".to_owned()),
        ] {
            assert_eq!(read(&hex(&encoded)), Err(NotCbor), "{case}");
        }
        for (case, encoded) in [
            ("four levels", "81818180".to_owned()),
            ("64 entries", entries("9840", 64, "00")),
            ("ordered keys", "a401002000410000 616100".replace(' ', "")),
        ] {
            assert_eq!(read(&hex(&encoded)), Ok(()), "{case}");
        }
        assert_eq!(read(&[0x81; 100_000]), Err(NotCbor));
        assert_eq!(Reader::new(&hex("b841")).map(), Err(NotCbor));
    }

    #[test]
    fn one_kind_is_not_another() {
        let encoded = hex("01");
        assert!(Reader::new(&encoded).bytes().is_err());
        assert!(Reader::new(&encoded).text().is_err());
        assert!(Reader::new(&encoded).map().is_err());
        assert!(Reader::new(&hex("40")).integer().is_err());
        assert!(Reader::new(&hex("1bffffffffffffffff")).integer().is_err());
        assert!(Reader::new(&hex("3bffffffffffffffff")).integer().is_err());
    }

    proptest! {
        /// Whatever the bytes are, reading them ends, and what is read is what was there.
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = Reader::new(&bytes).integer();
            let _ = Reader::new(&bytes).text();
            if let Ok(string) = Reader::new(&bytes).bytes() {
                prop_assert!(string.len() < bytes.len());
            }
        }
    }
}
