//! What the browser says of the ceremony (WebAuthn Level 3, section 5.8.1). The authenticator signs a hash of it, byte for byte.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::challenge::Challenge;
use super::refused::{CLIENT_DATA, Refused};
use super::relying_party::RelyingParty;

/// The longest client data, in bytes. Browsers send 100 to 300.
pub(super) const MOST: usize = 4 * 1024;

/// Which ceremony a response answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    Registration,
    Authentication,
}

/// The members that are checked. Others are allowed: clients may add some, and one browser does so at random in order to keep
/// relying parties from refusing them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

/// The challenge that client data names. Nothing about it is checked: a caller whose challenges carry their own proof learns from
/// it which one to look into.
pub(super) fn challenge(json: &[u8]) -> Option<Challenge> {
    let text = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let client_data: ClientData = serde_json::from_slice(text).ok()?;
    Challenge::spelled(&client_data.challenge)
}

/// Checks client data and gives the hash of it that the authenticator has signed. The steps of both ceremonies are the same:
/// numbers are those of section 7.1 and, behind the stroke, of section 7.2.
pub(super) fn check(
    json: &[u8],
    ceremony: Ceremony,
    challenge: &Challenge,
    rp: &RelyingParty,
) -> Result<[u8; 32], Refused> {
    // Steps 5, 6 | 8, 9: UTF-8 decoding takes off a byte order mark, and then it is JSON.
    let text = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let client_data: ClientData = serde_json::from_slice(text)
        .map_err(|_| Refused::malformed(CLIENT_DATA, "must be client data as WebAuthn describes it"))?;
    // Step 7 | 10: what was signed to create a credential is no log-in.
    let expected = match ceremony {
        Ceremony::Registration => "webauthn.create",
        Ceremony::Authentication => "webauthn.get",
    };
    if client_data.kind != expected {
        return Err(Refused::Type);
    }
    // Step 8 | 11
    if !challenge.is_spelled(&client_data.challenge) {
        return Err(Refused::Challenge);
    }
    // Step 9 | 12: this is what makes passkeys resist phishing. The browser, not the page, wrote the origin.
    if !rp.expects(&client_data.origin) {
        return Err(Refused::Origin);
    }
    // Steps 10, 11 | 13, 14: our pages are nobody's frames, so a frame is an attempt at clickjacking.
    if client_data.cross_origin == Some(true) || client_data.top_origin.is_some() {
        return Err(Refused::CrossOrigin);
    }
    // Step 12 | 20: over the bytes as they came.
    Ok(Sha256::digest(json).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn rp() -> RelyingParty {
        RelyingParty::new("example.org".to_owned(), vec!["https://example.org".to_owned()]).unwrap()
    }

    fn usual() -> Value {
        json!({
            "type": "webauthn.get",
            "challenge": data_encoding::BASE64URL_NOPAD.encode(&[5; 32]),
            "origin": "https://example.org",
        })
    }

    fn check(json: &[u8]) -> Result<[u8; 32], Refused> {
        super::check(json, Ceremony::Authentication, &Challenge::from_bytes([5; 32]), &rp())
    }

    #[test]
    fn each_member_is_checked() {
        let with = |member: &str, value: Value| {
            let mut client_data = usual();
            client_data[member] = value;
            check(client_data.to_string().as_bytes()).err()
        };
        let malformed = Some(Refused::malformed(
            CLIENT_DATA,
            "must be client data as WebAuthn describes it",
        ));
        for (member, value, refused) in [
            ("crossOrigin", json!(false), None),
            ("crossOrigin", json!(null), None),
            ("topOrigin", json!(null), None),
            ("extraData", json!({"a": [1]}), None),
            ("tokenBinding", json!({"status": "supported"}), None),
            ("type", json!("webauthn.create"), Some(Refused::Type)),
            ("type", json!("payment.get"), Some(Refused::Type)),
            ("type", json!("Webauthn.get"), Some(Refused::Type)),
            ("challenge", json!(""), Some(Refused::Challenge)),
            ("challenge", json!("BQ"), Some(Refused::Challenge)),
            ("origin", json!("https://example.com"), Some(Refused::Origin)),
            ("origin", json!("http://example.org"), Some(Refused::Origin)),
            ("origin", json!("https://example.org/"), Some(Refused::Origin)),
            ("crossOrigin", json!(true), Some(Refused::CrossOrigin)),
            ("topOrigin", json!("https://example.org"), Some(Refused::CrossOrigin)),
            ("topOrigin", json!("https://example.com"), Some(Refused::CrossOrigin)),
            ("type", json!(null), malformed),
            ("challenge", json!(5), malformed),
            ("origin", json!(["https://example.org"]), malformed),
            ("crossOrigin", json!("false"), malformed),
        ] {
            assert_eq!(with(member, value.clone()), refused, "{member} {value}");
        }
    }

    #[test]
    fn what_is_no_client_data_is_malformed() {
        let usual = usual().to_string();
        for json in [
            "",
            "null",
            "{}",
            "[]",
            &usual[1..],
            &format!("{usual}{{}}"),
            &usual.replacen('{', r#"{"type":"webauthn.get","#, 1),
            &usual.replacen('{', &format!(r#"{{"deep":{},"#, "[".repeat(4000)), 1),
            "{\"type\":\"\u{0}\"}",
        ] {
            assert!(
                matches!(check(json.as_bytes()), Err(Refused::Malformed { .. })),
                "{json}"
            );
        }
        assert!(matches!(check(b"\xff\xfe"), Err(Refused::Malformed { .. })));
    }

    #[test]
    fn the_hash_is_of_the_bytes_as_they_came() {
        let plain = usual().to_string().into_bytes();
        let marked = [b"\xef\xbb\xbf", plain.as_slice()].concat();
        assert_eq!(check(&plain), Ok(Sha256::digest(&plain).into()));
        assert_eq!(check(&marked), Ok(Sha256::digest(&marked).into()));
    }
}
