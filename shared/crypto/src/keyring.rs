//! A function's keyring: one small JSON document, delivered as the function's secret variable `keyring`.
//!
//! It holds what that function may do and nothing else. Parsing is strict: an unknown field, a key of another length, a
//! keyring of another function are refused, and no error repeats what was in the document.

use model::{DataClass, Function};
use serde::{Deserialize, Serialize};

use crate::by_name::ByName;
use crate::{AttestationReader, Attestor, KeySet, Secret};

pub(crate) const FORMAT: &str = "confide-keyring-1";

/// Why a text is not this function's keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The platform delivers none.
    #[error("is not set")]
    Missing,
    /// Not a keyring of format 1.
    #[error("is not a keyring document of format {FORMAT} (line {line}, column {column})")]
    Malformed {
        /// Line of the document.
        line: usize,
        /// Column of the line.
        column: usize,
    },
    /// A keyring, but of another function.
    #[error("is the keyring of another function")]
    WrongFunction,
    /// A key that isn't 32 bytes in base32hex, or a current version that is not there.
    #[error("holds a key that is not 32 bytes in base32hex (52 characters), or lacks its current version")]
    BadKey,
    /// The keyring lacks a key that the function needs.
    #[error("lacks the key `{0}`")]
    Lacks(&'static str),
    /// The keyring lacks the key that private calls from one function to another are authenticated with.
    #[error("lacks the key of calls from `{caller}` to `{callee}`")]
    LacksCalls {
        /// Who calls.
        caller: Function,
        /// Who is called.
        callee: Function,
    },
}

/// How a keyring is written. `T` is its text: parts of the document where one is read, so that the keys in it are not copied, and
/// fresh keys where one is made.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeySetDocument<T> {
    pub(crate) current: u32,
    pub(crate) keys: ByName<u32, T>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttestorDocument<T> {
    pub(crate) seal: KeySetDocument<T>,
    pub(crate) index: T,
    pub(crate) readers: ByName<Function, T>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReaderDocument<T> {
    pub(crate) seal: KeySetDocument<T>,
    pub(crate) index: T,
    pub(crate) key: T,
}

#[derive(Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(
        deserialize = "T: Deserialize<'de> + PartialEq",
        serialize = "T: Serialize + PartialEq"
    )
)]
pub(crate) struct KeyringDocument<T> {
    pub(crate) format: T,
    pub(crate) function: Function,
    /// Sealing keys of the classes that the function owns.
    #[serde(default)]
    pub(crate) seal: ByName<DataClass, KeySetDocument<T>>,
    /// Keys with one purpose each, by name.
    #[serde(default)]
    pub(crate) keys: ByName<T, T>,
    /// Keys of audit chains, by the function that writes them.
    pub(crate) audit: ByName<Function, KeySetDocument<T>>,
    /// What the function attests to others.
    #[serde(default)]
    pub(crate) attests: ByName<T, AttestorDocument<T>>,
    /// What others attest to it.
    #[serde(default)]
    pub(crate) reads: ByName<T, ReaderDocument<T>>,
    /// Keys of private calls to other functions.
    #[serde(default)]
    pub(crate) calls: ByName<Function, T>,
    /// Keys of private calls from other functions.
    #[serde(default)]
    pub(crate) called_by: ByName<Function, T>,
}

/// A parsed keyring. It has no `Debug`; its keys are wiped when it is dropped.
pub struct Keyring {
    function: Function,
    seal: ByName<DataClass, KeySet>,
    keys: ByName<String, Secret>,
    audit: ByName<Function, KeySet>,
    attests: ByName<String, Attestor>,
    reads: ByName<String, AttestationReader>,
    calls: ByName<Function, Secret>,
    called_by: ByName<Function, Secret>,
}

fn secret(text: &str) -> Result<Secret, KeyringError> {
    Secret::from_text(text).ok_or(KeyringError::BadKey)
}

impl KeySetDocument<&str> {
    fn parse(self) -> Result<KeySet, KeyringError> {
        KeySet::new(self.current, parse_all(self.keys, secret)?).ok_or(KeyringError::BadKey)
    }
}

fn parse_all<N, K: From<N> + PartialEq, D, T>(
    documents: ByName<N, D>,
    parse: impl Fn(D) -> Result<T, KeyringError>,
) -> Result<ByName<K, T>, KeyringError> {
    documents
        .into_iter()
        .map(|(name, document)| Ok((name.into(), parse(document)?)))
        .collect()
}

impl Keyring {
    /// Parses the keyring of `function`.
    ///
    /// # Errors
    /// [`KeyringError`], which says what is wrong and repeats nothing of the text.
    pub fn parse(function: Function, text: Option<&str>) -> Result<Self, KeyringError> {
        let text = text
            .filter(|text| !text.trim().is_empty())
            .ok_or(KeyringError::Missing)?;
        let document: KeyringDocument<&str> = serde_json::from_str(text).map_err(|error| KeyringError::Malformed {
            line: error.line(),
            column: error.column(),
        })?;
        if document.format != FORMAT {
            return Err(KeyringError::Malformed { line: 1, column: 1 });
        }
        if document.function != function {
            return Err(KeyringError::WrongFunction);
        }
        Ok(Self {
            function,
            seal: parse_all(document.seal, KeySetDocument::parse)?,
            keys: parse_all(document.keys, secret)?,
            audit: parse_all(document.audit, KeySetDocument::parse)?,
            attests: parse_all(document.attests, |attestor| {
                let readers = parse_all::<_, Function, _, _>(attestor.readers, secret)?;
                Ok(Attestor::new(
                    function,
                    attestor.seal.parse()?,
                    secret(attestor.index)?,
                    readers.into_iter().collect(),
                ))
            })?,
            reads: parse_all(document.reads, |reader| {
                Ok(AttestationReader::new(
                    function,
                    reader.seal.parse()?,
                    secret(reader.index)?,
                    secret(reader.key)?,
                ))
            })?,
            calls: parse_all(document.calls, secret)?,
            called_by: parse_all(document.called_by, secret)?,
        })
    }

    /// The sealing keys of a class that the function owns.
    ///
    /// # Errors
    /// [`KeyringError::Lacks`] where the function does not own it.
    pub fn seal(&self, class: DataClass) -> Result<&KeySet, KeyringError> {
        self.seal.get(&class).ok_or(KeyringError::Lacks(class.name()))
    }

    /// A key with one purpose, such as `index`.
    ///
    /// # Errors
    /// [`KeyringError::Lacks`] where the keyring has none of this name.
    pub fn key(&self, name: &'static str) -> Result<&Secret, KeyringError> {
        self.keys.get(name).ok_or(KeyringError::Lacks(name))
    }

    /// The keys of the audit chains that `function` writes.
    ///
    /// # Errors
    /// [`KeyringError::Lacks`] where this keyring may not read them.
    pub fn audit(&self, function: Function) -> Result<&KeySet, KeyringError> {
        self.audit.get(&function).ok_or(KeyringError::Lacks("audit"))
    }

    /// What the function attests to others.
    ///
    /// # Errors
    /// [`KeyringError::Lacks`] where it is no authority for it.
    pub fn attests(&self, name: &'static str) -> Result<&Attestor, KeyringError> {
        self.attests.get(name).ok_or(KeyringError::Lacks(name))
    }

    /// What another function attests to this one.
    ///
    /// # Errors
    /// [`KeyringError::Lacks`] where it is no reader of it.
    pub fn reads(&self, name: &'static str) -> Result<&AttestationReader, KeyringError> {
        self.reads.get(name).ok_or(KeyringError::Lacks(name))
    }

    /// The key of private calls from this function to `callee`. Nobody else holds it, and it is not that of calls the other
    /// way.
    ///
    /// # Errors
    /// [`KeyringError::LacksCalls`] where this function has nothing to ask of that one.
    pub fn calls(&self, callee: Function) -> Result<&Secret, KeyringError> {
        self.calls.get(&callee).ok_or(KeyringError::LacksCalls {
            caller: self.function,
            callee,
        })
    }

    /// The key of private calls from `caller` to this function.
    ///
    /// # Errors
    /// [`KeyringError::LacksCalls`] where that function has nothing to ask of this one.
    pub fn called_by(&self, caller: Function) -> Result<&Secret, KeyringError> {
        self.called_by.get(&caller).ok_or(KeyringError::LacksCalls {
            caller,
            callee: self.function,
        })
    }
}
