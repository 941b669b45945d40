//! How a document's value becomes the bytes that are sealed.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// Turns values of a type into bytes and back.
pub trait Encoding<T> {
    /// Appends the value.
    ///
    /// # Errors
    /// [`StoreError::Form`] for a value that has no form here.
    fn encode(value: &T, bytes: &mut Vec<u8>) -> Result<(), StoreError>;

    /// The value of these bytes.
    ///
    /// # Errors
    /// [`StoreError::Form`] where they are not one.
    fn decode(bytes: &[u8]) -> Result<T, StoreError>;
}

/// JSON: says what each field is, so that a later release reads what an earlier one wrote. The usual choice.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Encoding<T> for Json {
    fn encode(value: &T, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
        serde_json::to_writer(bytes, value).map_err(|_| StoreError::Form)
    }

    fn decode(bytes: &[u8]) -> Result<T, StoreError> {
        serde_json::from_slice(bytes).map_err(|_| StoreError::Form)
    }
}

/// The Postcard wire format (postcard.jamesmunns.com): fields in their order and nothing else. For the few documents that
/// every request opens, where names and digits would be most of the work. A change of form is a new document class, so
/// that neither is ever read as the other.
#[derive(Debug, Clone, Copy)]
pub struct Compact;

impl<T: Serialize + DeserializeOwned> Encoding<T> for Compact {
    fn encode(value: &T, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
        postcard::to_io(value, bytes).map(drop).map_err(|_| StoreError::Form)
    }

    fn decode(bytes: &[u8]) -> Result<T, StoreError> {
        match postcard::take_from_bytes(bytes) {
            Ok((value, [])) => Ok(value),
            _ => Err(StoreError::Form),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{DataClass, Purpose, Role};

    /// In the compact form a name is its place among its kind: a new one goes to the end, and none ever moves, or a
    /// stored clinician would be read as somebody else.
    #[test]
    fn names_keep_their_places() {
        fn check<T: Serialize + DeserializeOwned>(all: &[T], name: impl Fn(&T) -> &'static str, places: &[&str]) {
            assert_eq!(all.len(), places.len(), "every name has its place here");
            for value in all {
                let mut bytes = Vec::new();
                Compact::encode(value, &mut bytes).unwrap();
                let place = places.iter().position(|place| *place == name(value)).unwrap();
                assert_eq!(bytes, [u8::try_from(place).unwrap()], "{}", name(value));
            }
        }
        check(
            &Role::ALL,
            |role| role.name(),
            &[
                "client",
                "clinician",
                "clinic_admin",
                "billing",
                "privacy_officer",
                "security",
                "auditor",
                "job",
                "guardian",
            ],
        );
        check(
            &DataClass::ALL,
            |class| class.name(),
            &[
                "identity",
                "health",
                "psychotherapy",
                "billing",
                "client_file",
                "consent",
                "care_team",
                "notice",
                "account",
                "authenticator",
                "session",
                "audit",
                "message",
                "substance_use",
                "schedule",
                "restriction",
                "representative",
                "lawful_ground",
                "emergency_access",
                "access_decision",
                "acceptance",
                "access_review",
                "profile",
            ],
        );
        check(
            &Purpose::ALL,
            |purpose| purpose.code(),
            &[
                "TREAT",
                "PATRQT",
                "PATADMIN",
                "HSYSADMIN",
                "HCOMPL",
                "HPAYMT",
                "HRESCH",
                "HMARKT",
                "FAMRQT",
                "BTG",
                "X-PROFILING",
                "X-MINING",
                "X-AUTODECISION",
                "HQUALIMP",
            ],
        );
    }

    #[test]
    fn a_compact_value_has_one_form() {
        let mut bytes = Vec::new();
        Compact::encode(&(7_u64, "seven".to_owned()), &mut bytes).unwrap();
        assert_eq!(
            <Compact as Encoding<(u64, String)>>::decode(&bytes),
            Ok((7, "seven".to_owned()))
        );
        bytes.push(0);
        assert_eq!(
            <Compact as Encoding<(u64, String)>>::decode(&bytes),
            Err(StoreError::Form)
        );
        assert_eq!(
            <Compact as Encoding<(u64, String)>>::decode(&[7, 9]),
            Err(StoreError::Form)
        );
    }
}
