//! E-mail addresses: as they were spelled, and the one form under which the same address is always found.

use model::{Confidential, is_email_address, nfc};

/// The longest part in front of the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
const MOST_LOCAL: usize = 64;

/// What is said of a text that is no address.
pub const RULE: &str =
    "must be an e-mail address: a name, one @ and a domain, without spaces, quotes or brackets, 254 bytes at most";

/// An address.
#[derive(Debug, Clone)]
pub struct Email {
    spelled: Confidential<String>,
    folded: Confidential<String>,
}

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnAddress;

/// Texts that people hold for the same become the same: composed (NFC) and in lower case.
pub(crate) fn fold(text: &str) -> String {
    nfc(&nfc(text.trim()).to_lowercase())
}

impl Email {
    /// Checks what every address has that messages are sent to; whether it takes mail shows when mail is sent.
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let spelled = nfc(text.trim());
        let (local, domain) = spelled.split_once('@').ok_or(NotAnAddress)?;
        let sane =
            is_email_address(&spelled) && local.len() <= MOST_LOCAL && domain.split('.').all(|label| !label.is_empty());
        if !sane {
            return Err(NotAnAddress);
        }
        Ok(Self {
            folded: Confidential::new(fold(&spelled)),
            spelled: Confidential::new(spelled),
        })
    }

    /// As it was spelled.
    pub fn spelled(&self) -> &Confidential<String> {
        &self.spelled
    }

    /// The form under which it is found.
    pub fn folded(&self) -> &str {
        self.folded.expose()
    }

    /// Whether another spelling is the same address.
    pub fn is_same(&self, spelled: &str) -> bool {
        self.folded() == fold(spelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one() {
        for (text, folded) in [
            ("ada@example.org", "ada@example.org"),
            (" Ada.Okafor+x@Example.ORG\t", "ada.okafor+x@example.org"),
            ("Zoe\u{308}@example.org", "zo\u{eb}@example.org"),
            ("\u{c9}mile@example.org", "\u{e9}mile@example.org"),
        ] {
            assert_eq!(Email::parse(text).unwrap().folded(), folded);
        }
        assert_eq!(Email::parse(" Ada@X.org ").unwrap().spelled().expose(), "Ada@X.org");
        assert!(Email::parse("Ada@X.org").unwrap().is_same("ADA@x.org"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long = format!("a@{}.org", "b".repeat(250));
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "a@b@c",
            "a b@example.org",
            "a@exam ple.org",
            "a\n@example.org",
            "a\u{0}b@example.org",
            "a@example..org",
            "a@.org",
            "a@example.org.",
            // Nobody is sent anything there.
            "root@localhost",
            "Ada <ada@example.org>",
            "ada@example.org,eve@example.org",
            &long_local,
            &long,
        ] {
            assert_eq!(Email::parse(text).err(), Some(NotAnAddress), "{text:?}");
        }
    }

    #[test]
    fn prints_no_address() {
        assert!(!format!("{:?}", Email::parse("ada@example.org").unwrap()).contains("ada"));
    }
}
