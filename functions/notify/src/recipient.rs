//! Who a message is for, as an address.

use http::StatusCode;
use model::{ClientId, ClinicId, Confidential, Function, is_email_address};
use notification::Channel;
use serde::{Deserialize, Serialize};
use web::{Check, Exchange, Problem};

/// The private route of `identity`.
const CONTACT: &str = "/v1/identity/private/contact";

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

/// ITU-T E.164: a plus sign and 8 to 15 digits, the first of which is no zero.
fn is_phone(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    })
}

pub(crate) fn check_email(check: &mut Check, text: &str) {
    check.that(
        is_email_address(text),
        "/recipient/email",
        "email",
        "must be an e-mail address",
    );
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
    fn one_number_and_nothing_else() {
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
