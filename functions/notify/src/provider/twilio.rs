//! SMS by Twilio's Programmable Messaging (twilio.com/docs/messaging/api/message-resource), or whoever speaks the same.
//!
//! It knows no idempotency keys: a message that is sent twice comes twice.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use model::Timestamp;
use serde::Deserialize;
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{Letter, Outcome, Provider, ProviderName, by_status};

/// What a message may say of how long it is worth delivering, in seconds.
const VALIDITY: std::ops::RangeInclusive<i64> = 1..=36_000;

/// An account, and what proves that we may use it.
pub(crate) struct Twilio {
    /// Where the API is, without a slash at the end.
    pub(crate) base: String,
    pub(crate) account: String,
    pub(crate) token: Zeroizing<String>,
    /// See [`is_sender`].
    pub(crate) from: String,
    /// Where this deployment is, as Twilio reaches it; without it there are no callbacks.
    pub(crate) public_url: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    sid: String,
}

#[derive(Deserialize)]
struct Failed {
    code: u32,
}

/// Errors that are the sender's and so the operator's: invalid, missing, unable to send, not a number of Twilio's, not this account's, not one
/// for SMS (twilio.com/docs/api/errors).
const BAD_SENDER: [u32; 6] = [21212, 21603, 21606, 21659, 21660, 21661];

/// Whether it is the id of a messaging service, which may be sent from by any of its numbers.
fn is_messaging_service(from: &str) -> bool {
    let id = from.strip_prefix("MG");
    id.is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether SMS can be from it: the id of a messaging service, a name with a letter in it (an alphanumeric sender id,
/// twilio.com/docs/messaging/api/alphasender-resource), a number, or a short code.
pub(crate) fn is_sender(from: &str) -> bool {
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b" -+_&".contains(&byte);
    match from.strip_prefix('+') {
        _ if is_messaging_service(from) => true,
        _ if from.bytes().any(|byte| byte.is_ascii_alphabetic()) => from.len() <= 11 && from.bytes().all(is_of_a_name),
        Some(number) => (7..=15).contains(&number.len()) && are_digits(number),
        None => (5..=6).contains(&from.len()) && are_digits(from),
    }
}

impl Provider for Twilio {
    fn name(&self) -> ProviderName {
        ProviderName::Twilio
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    fn request(&self, letter: &Letter<'_>, now: Timestamp) -> Option<Request<Vec<u8>>> {
        let sender = if is_messaging_service(&self.from) {
            "MessagingServiceSid"
        } else {
            "From"
        };
        let mut form = vec![
            ("To", letter.to.to_owned()),
            (sender, self.from.clone()),
            ("Body", letter.text.short()),
        ];
        if let Some(expires_at) = letter.expires_at {
            // A code that waits for a switched-off telephone longer than it is valid need not come.
            let left = expires_at.duration_since(now).as_secs();
            form.push((
                "ValidityPeriod",
                left.clamp(*VALIDITY.start(), *VALIDITY.end()).to_string(),
            ));
        }
        if let Some(public_url) = &self.public_url {
            let callback = format!(
                "{public_url}/v1/notify/callbacks/twilio?clinic={}&message={}",
                letter.clinic, letter.id
            );
            form.push(("StatusCallback", callback));
        }
        let credentials = Zeroizing::new(format!("{}:{}", self.account, *self.token));
        let credentials = Zeroizing::new(Base64::encode_string(credentials.as_bytes()));
        let mut authorization = HeaderValue::from_str(&format!("Basic {}", *credentials)).ok()?;
        authorization.set_sensitive(true);
        Request::builder()
            .method(Method::POST)
            .uri(format!(
                "{}/2010-04-01/Accounts/{}/Messages.json",
                self.base, self.account
            ))
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(serde_urlencoded::to_string(&form).ok()?.into_bytes())
            .ok()
    }

    fn outcome(&self, response: &Response<Vec<u8>>) -> Outcome {
        let failure = serde_json::from_slice(response.body()).ok().map(|Failed { code }| code);
        if response.status() == StatusCode::BAD_REQUEST && failure.is_some_and(|code| BAD_SENDER.contains(&code)) {
            return Outcome::Misconfigured;
        }
        by_status(response, |body| {
            serde_json::from_slice(body).ok().map(|Created { sid }| sid)
        })
    }
}

/// What Twilio tells of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) provider_id: Option<String>,
    /// `None` while it is still on its way.
    pub(crate) arrived: Option<bool>,
}

impl Twilio {
    /// Whether Twilio signed this callback: HMAC-SHA1 under the account's token over the URL as it was given to Twilio, and
    /// each parameter of the form, name and value, sorted by name (twilio.com/docs/usage/security). Compared in constant
    /// time. There is no time in it: a callback that is sent again says what it said before.
    pub(crate) fn is_signed(&self, target: &str, form: &[(String, String)], signature: &str) -> bool {
        let Some(public_url) = &self.public_url else {
            return false;
        };
        let Ok(mut hmac) = Hmac::<Sha1>::new_from_slice(self.token.as_bytes()) else {
            return false;
        };
        hmac.update(public_url.as_bytes());
        hmac.update(target.as_bytes());
        let mut sorted: Vec<_> = form.iter().collect();
        sorted.sort();
        for (name, value) in sorted {
            hmac.update(name.as_bytes());
            hmac.update(value.as_bytes());
        }
        let mut bytes = [0; 20];
        Base64::decode(signature, &mut bytes).is_ok_and(|signature| hmac.verify_slice(signature).is_ok())
    }
}

/// Reads a callback whose signature was checked.
pub(crate) fn status(form: &[(String, String)]) -> Status {
    let field = |name: &str| {
        form.iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    };
    Status {
        provider_id: field("MessageSid").map(str::to_owned),
        arrived: match field("MessageStatus") {
            Some("delivered") => Some(true),
            Some("undelivered" | "failed") => Some(false),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Text;
    use jiff::SignedDuration;
    use model::{ClinicId, MessageId};

    const SERVICE: &str = "MG0123456789abcdef0123456789ABCDEF";

    fn twilio() -> Twilio {
        Twilio {
            base: "https://api.twilio.com".to_owned(),
            account: "AC123".to_owned(),
            token: Zeroizing::new("12345".to_owned()),
            from: "+15005550006".to_owned(),
            public_url: Some("https://mycompany.com".to_owned()),
        }
    }

    fn form(caller: &str) -> Vec<(String, String)> {
        [
            ("Digits", "1234"),
            ("To", "+18005551212"),
            ("From", caller),
            ("Caller", caller),
            ("CallSid", "CA1234567890ABCDE"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The examples of Twilio's documentation (twilio.com/docs/usage/security), in its older and its newer form.
    #[test]
    fn signatures_are_those_of_the_documentation() {
        let target = "/myapp.php?foo=1&bar=2";
        for (caller, signature) in [
            ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
        ] {
            let twilio = twilio();
            let form = form(caller);
            assert!(twilio.is_signed(target, &form, signature));
            assert!(!twilio.is_signed("/myapp.php?foo=1&bar=3", &form, signature));
            assert!(!twilio.is_signed(target, &form[1..], signature));
            for wrong in [
                "",
                "AAAA",
                &signature[1..],
                &signature.replace('=', ""),
                "RSOYDt4T1cUTdK1PDd93/VVr8B9=",
            ] {
                assert!(!twilio.is_signed(target, &form, wrong), "{wrong}");
            }
            let other_token = Twilio {
                token: Zeroizing::new("12346".to_owned()),
                ..twilio
            };
            assert!(!other_token.is_signed(target, &form, signature));
            let elsewhere = Twilio {
                public_url: None,
                ..other_token
            };
            assert!(!elsewhere.is_signed(target, &form, signature));
        }
    }

    #[test]
    fn a_message_as_the_api_takes_it() {
        let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        let text = Text::sample("Ihr Code & mehr");
        let letter = Letter {
            id: MessageId::from_bytes([1; 16]),
            clinic: ClinicId::from_bytes([2; 16]),
            to: "+493012345678",
            text: &text,
            expires_at: Some(now + SignedDuration::from_secs(600)),
        };
        let request = twilio().request(&letter, now).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("POST", "https://api.twilio.com/2010-04-01/Accounts/AC123/Messages.json")
        );
        // AC123:12345
        assert_eq!(request.headers()["authorization"], "Basic QUMxMjM6MTIzNDU=");
        assert!(request.headers()["authorization"].is_sensitive());
        let form: Vec<(String, String)> = serde_urlencoded::from_bytes(request.body()).unwrap();
        let callback = format!(
            "https://mycompany.com/v1/notify/callbacks/twilio?clinic={}&message={}",
            letter.clinic, letter.id
        );
        for (name, value) in [
            ("To", "+493012345678"),
            ("From", "+15005550006"),
            ("Body", "Ihr Code & mehr"),
            ("ValidityPeriod", "600"),
            ("StatusCallback", &callback),
        ] {
            assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name} {form:?}");
        }
        let service = Twilio {
            from: SERVICE.to_owned(),
            public_url: None,
            ..twilio()
        };
        for (seconds, validity) in [(-5, "1"), (86_400, "36000")] {
            let letter = Letter {
                expires_at: Some(now + SignedDuration::from_secs(seconds)),
                ..letter
            };
            let request = service.request(&letter, now).unwrap();
            let form: Vec<(String, String)> = serde_urlencoded::from_bytes(request.body()).unwrap();
            assert!(form.contains(&("ValidityPeriod".to_owned(), validity.to_owned())));
            assert!(form.contains(&("MessagingServiceSid".to_owned(), SERVICE.to_owned())));
            assert!(!form.iter().any(|(name, _)| name == "StatusCallback" || name == "From"));
        }
    }

    #[test]
    fn a_sender_is_a_number_a_name_or_a_service() {
        for (from, right) in [
            ("+15005550006", true),
            ("12345", true),
            ("123456", true),
            ("Accounts", true),
            ("My-Accounts", true),
            ("A_B & C+1", true),
            ("+Accounts", true),
            ("MG Accounts", true),
            (SERVICE, true),
            ("", false),
            ("+1 500 555 0006", false),
            ("+1 500 555", false),
            ("+150055", false),
            ("1234", false),
            ("1234567", false),
            ("0150-0555", false),
            (&SERVICE[..33], false),
            (&SERVICE.replace('f', "g"), false),
            ("Praxis.Süd", false),
            ("A.B.C.", false),
            ("The practice on the hill", false),
            ("4915123456789", false),
        ] {
            assert_eq!(is_sender(from), right, "{from}");
        }
    }

    #[test]
    fn answers_and_callbacks_are_understood() {
        let answer = |status: u16, body: &str| {
            let response = Response::builder()
                .status(status)
                .body(body.as_bytes().to_vec())
                .unwrap();
            twilio().outcome(&response)
        };
        let accepted = |id: Option<&str>| Outcome::Accepted {
            provider_id: id.map(str::to_owned),
        };
        assert_eq!(answer(201, r#"{"sid":"SM1","status":"queued"}"#), accepted(Some("SM1")));
        assert_eq!(answer(201, "what?"), accepted(None));
        assert_eq!(answer(400, r#"{"code":21211}"#), Outcome::Refused { status: 400 });
        for code in [21212, 21603, 21606, 21659, 21660, 21661] {
            assert_eq!(answer(400, &format!(r#"{{"code":{code}}}"#)), Outcome::Misconfigured);
        }
        for (word, arrived) in [
            ("queued", None),
            ("sent", None),
            ("delivered", Some(true)),
            ("undelivered", Some(false)),
            ("failed", Some(false)),
        ] {
            let form = [("MessageSid", "SM1"), ("MessageStatus", word)].map(|(a, b)| (a.to_owned(), b.to_owned()));
            let provider_id = Some("SM1".to_owned());
            assert_eq!(status(&form), Status { provider_id, arrived }, "{word}");
        }
    }
}
