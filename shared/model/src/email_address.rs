/// The longest path of SMTP without its brackets, in bytes (RFC 5321, section 4.5.3.1.3).
const LONGEST: usize = 254;

/// Whether a text is one address, and nothing that a mail system could take for two, or for a header (CWE-93). Whether
/// somebody reads it, only a message shows.
#[must_use]
pub fn is_email_address(text: &str) -> bool {
    let is_safe =
        |character: char| !character.is_control() && !character.is_whitespace() && !"<>(),:;\"\\[]".contains(character);
    text.len() <= LONGEST
        && text.chars().all(is_safe)
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_and_nothing_else() {
        for (text, good) in [
            ("zoe@example.org", true),
            ("o'neil+x@sub.example.org", true),
            ("éva@exämple.org", true),
            ("zoe", false),
            ("@example.org", false),
            ("zoe@localhost", false),
            ("zoe@example.org,eve@example.org", false),
            ("zoe@example.org@eve.org", false),
            ("Zoe <zoe@example.org>", false),
            ("zoe@example.org\r\nBcc: eve@example.org", false),
            ("", false),
        ] {
            assert_eq!(is_email_address(text), good, "{text}");
        }
        assert!(!is_email_address(&format!("{}@example.org", "a".repeat(250))));
    }
}
