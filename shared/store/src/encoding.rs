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
        let bytes = |value: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            value(&mut bytes);
            bytes
        };
        for (place, role) in [
            "client",
            "clinician",
            "clinic_admin",
            "billing",
            "privacy_officer",
            "security",
            "auditor",
        ]
        .into_iter()
        .enumerate()
        {
            let role = Role::ALL.into_iter().find(|known| known.name() == role).unwrap();
            let encoded = bytes(&|bytes| Compact::encode(&role, bytes).unwrap());
            assert_eq!(encoded, [u8::try_from(place).unwrap()], "{role}");
        }
        for (place, class) in [
            "identity",
            "health",
            "psychotherapy",
            "billing",
            "client_file",
            "consent",
            "care_team",
            "notice",
            "account",
            "session",
            "audit",
        ]
        .into_iter()
        .enumerate()
        {
            let class = DataClass::ALL.into_iter().find(|known| known.name() == class).unwrap();
            let encoded = bytes(&|bytes| Compact::encode(&class, bytes).unwrap());
            assert_eq!(encoded, [u8::try_from(place).unwrap()], "{class}");
        }
        for (place, code) in [
            "TREAT",
            "PATRQT",
            "PATADMIN",
            "HSYSADMIN",
            "HCOMPL",
            "HPAYMT",
            "HRESCH",
            "HMARKT",
        ]
        .into_iter()
        .enumerate()
        {
            let purpose = Purpose::from_code(code).unwrap();
            let encoded = bytes(&|bytes| Compact::encode(&purpose, bytes).unwrap());
            assert_eq!(encoded, [u8::try_from(place).unwrap()], "{code}");
        }
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
