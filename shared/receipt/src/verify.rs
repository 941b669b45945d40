use crate::issue::{Header, Type};
use crate::jws::{Algorithm, Compact};
use crate::{JwkSet, Record};

/// Why a text is not a receipt to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not three parts of base64url, or with something before, between or after them.
    #[error("is not a compact JWS: three parts of base64url without padding, and nothing else")]
    Form,
    /// A header that is not exactly that of a receipt.
    #[error("has a header that is not exactly `alg`, `kid` and `typ`")]
    Header,
    /// Another algorithm, or none.
    #[error("is not signed with the algorithm EdDSA")]
    Algorithm,
    /// Something else that was signed.
    #[error("is not of the type consent-receipt+jwt")]
    Type,
    /// The set has no such key.
    #[error("is signed with a key that is not among those to believe")]
    Key,
    /// Changed, or never signed.
    #[error("is not what was signed: it was changed, or signed by somebody else")]
    Signature,
    /// Signed, but not a record that is understood here as a whole.
    #[error("is signed, but is not a consent record that this version understands")]
    Record,
}

fn is<T: serde::de::DeserializeOwned>(text: &str) -> bool {
    serde_json::from_value::<T>(text.into()).is_ok()
}

impl JwkSet {
    /// What the receipt says, where one of these keys has signed exactly that.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn verify(&self, receipt: &str) -> Result<Record, Refused> {
        let compact = Compact::parse(receipt).ok_or(Refused::Form)?;
        let header: Header<String, String> = serde_json::from_slice(&compact.header).map_err(|_| Refused::Header)?;
        if !is::<Algorithm>(&header.alg) {
            return Err(Refused::Algorithm);
        }
        if !is::<Type>(&header.typ) {
            return Err(Refused::Type);
        }
        let key = self.find(&header.kid).ok_or(Refused::Key)?;
        if !compact.is_signed_by(&key) {
            return Err(Refused::Signature);
        }
        serde_json::from_slice(&compact.payload).map_err(|_| Refused::Record)
    }
}
