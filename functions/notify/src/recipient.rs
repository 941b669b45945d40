//! Who a message is for, as an address.

use http::StatusCode;
use model::{ClientId, ClinicId, Confidential, Function};
use notification::Channel;
use serde::{Deserialize, Serialize};
use web::{Check, Exchange, Problem};

/// The private route of `identity`.
const CONTACT: &str = "/v1/identity/private/contact";

/// The longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const LONGEST_ADDRESS: usize = 254;

#[derive(Serialize)]
struct ContactBody {
    clinic_id: ClinicId,
    client_id: ClientId,
    channel: Channel,
}

#[derive(Deserialize)]
struct ContactAnswer {
    address: Option<Confidential<String>>,
    language: Confidential<String>,
}

/// Where a client is reached, and in which language she wants to be.
pub(crate) struct Address {
    pub(crate) address: Confidential<String>,
    pub(crate) language: Confidential<String>,
}

/// Asks `identity`. `None` where the clinic has no such client, or she is not to be reached by this channel. That is final and the message is
/// given up, so nothing else is taken for it.
pub(crate) fn resolve(
    exchange: &Exchange<'_>,
    clinic_id: ClinicId,
    client_id: ClientId,
    channel: Channel,
) -> Result<Option<Address>, Problem> {
    let body = ContactBody {
        clinic_id,
        client_id,
        channel,
    };
    let response = exchange.call(Function::Identity, CONTACT, &body)?;
    match response.status() {
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Ok(None),
        status if !status.is_success() => {
            return Err(Problem::defect(format!(
                "identity refused the address of a client with status {}",
                status.as_u16()
            )));
        }
        _ => {}
    }
    let ContactAnswer { address, language } =
        serde_json::from_slice(response.body()).map_err(|_| Problem::defect("identity answered in an unknown form"))?;
    Ok(address.map(|address| Address { address, language }))
}

/// Whether a text is one address, and nothing that a mail system could take for two, or for a header (CWE-93). Whether
/// somebody reads it, only a message shows.
fn is_email(text: &str) -> bool {
    let is_safe =
        |character: char| !character.is_control() && !character.is_whitespace() && !"<>(),:;\"\\[]".contains(character);
    text.len() <= LONGEST_ADDRESS
        && text.chars().all(is_safe)
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
}

/// ITU-T E.164: a plus sign and 8 to 15 digits, the first of which is no zero.
fn is_phone(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    })
}

pub(crate) fn check_email(check: &mut Check, text: &str) {
    check.that(is_email(text), "/recipient/email", "email", "must be an e-mail address");
}

pub(crate) fn check_phone(check: &mut Check, text: &str) {
    check.that(
        is_phone(text),
        "/recipient/phone",
        "e164",
        "must be a telephone number with its country code, such as +493012345678",
    );
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
            assert_eq!(is_email(text), good, "{text}");
        }
        assert!(!is_email(&format!("{}@example.org", "a".repeat(250))));
        for (text, good) in [
            ("+493012345678", true),
            ("+12345678", true),
            ("+1234567", false),
            ("+1234567890123456", false),
            ("+0301234567", false),
            ("493012345678", false),
            ("+49 30 12345678", false),
            ("+٤٩٣٠١٢٣٤٥٦", false),
        ] {
            assert_eq!(is_phone(text), good, "{text}");
        }
    }
}
