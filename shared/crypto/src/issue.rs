//! Making keyrings: which function holds which keys, and fresh ones for all of them at once.

use std::collections::BTreeMap;

use model::{DataClass, Function};
use ports::{Entropy, EntropyExt};
use zeroize::Zeroizing;

use crate::Secret;
use crate::by_name::ByName;
use crate::keyring::{AttestorDocument, FORMAT, KeySetDocument, KeyringDocument, KeyringError, ReaderDocument};

/// What one function's keyring holds. The plan is data, so that a test can hold it against the separation that is promised.
#[derive(Debug, Clone, Copy)]
pub struct KeyringPlan {
    /// The function.
    pub function: Function,
    /// Classes that it seals for itself.
    pub seals: &'static [DataClass],
    /// Its keys with one purpose.
    pub keys: &'static [&'static str],
    /// What it attests.
    pub attests: &'static [&'static str],
    /// What it reads of other authorities.
    pub reads: &'static [&'static str],
    /// Whose private routes it calls.
    pub calls: &'static [Function],
}

impl KeyringPlan {
    /// Who holds what.
    pub const ALL: [Self; 8] = [
        Self {
            function: Function::Auth,
            seals: &[DataClass::Account],
            keys: &["index", "pepper", "bootstrap"],
            attests: &["sessions"],
            reads: &[],
            calls: &[Function::Notify],
        },
        Self {
            function: Function::Identity,
            seals: &[DataClass::Identity],
            keys: &["index"],
            attests: &[],
            reads: &["sessions", "permissions"],
            calls: &[],
        },
        Self {
            function: Function::Consent,
            seals: &[DataClass::Consent],
            keys: &["index", "receipt"],
            attests: &["permissions"],
            reads: &["sessions"],
            calls: &[Function::Notify],
        },
        Self {
            function: Function::Records,
            seals: &[DataClass::Health, DataClass::Psychotherapy, DataClass::SubstanceUse],
            keys: &["index", "link"],
            attests: &[],
            reads: &["sessions", "permissions"],
            calls: &[],
        },
        Self {
            function: Function::Audit,
            seals: &[],
            keys: &["index", "sign"],
            attests: &[],
            reads: &["sessions"],
            calls: &[],
        },
        Self {
            function: Function::Notify,
            seals: &[DataClass::Message],
            keys: &["index"],
            attests: &[],
            reads: &["sessions"],
            calls: &[Function::Identity],
        },
        Self {
            function: Function::Billing,
            seals: &[DataClass::Billing],
            keys: &["index"],
            attests: &[],
            reads: &["sessions", "permissions"],
            calls: &[],
        },
        // Whatever passes through it is sealed by its owner: it has no key of any class.
        Self {
            function: Function::Exchange,
            seals: &[],
            keys: &["index"],
            attests: &[],
            reads: &["sessions"],
            calls: &[
                Function::Identity,
                Function::Consent,
                Function::Records,
                Function::Billing,
            ],
        },
    ];

    /// Whether the one has anything to ask of the other by private calls.
    #[must_use]
    pub fn has_calls(caller: Function, callee: Function) -> bool {
        Self::ALL
            .iter()
            .any(|plan| plan.function == caller && plan.calls.contains(&callee))
    }
}

/// The text of a document that is made here.
type Text = Zeroizing<String>;

fn text(text: &str) -> Text {
    Zeroizing::new(text.to_owned())
}

fn key(entropy: &dyn Entropy) -> Text {
    Secret::from_bytes(entropy.bytes()).to_text()
}

fn key_set(entropy: &dyn Entropy) -> KeySetDocument<Text> {
    KeySetDocument {
        current: 1,
        keys: ByName::from_iter([(1, key(entropy))]),
    }
}

fn copy(set: &KeySetDocument<Text>) -> KeySetDocument<Text> {
    KeySetDocument {
        current: set.current,
        keys: set.keys.iter().map(|(version, key)| (*version, key.clone())).collect(),
    }
}

/// Fresh keyrings for every function, as the JSON documents that the platform's secret store takes.
///
/// # Errors
/// A serialisation error, which cannot occur with these documents.
pub fn issue_keyrings(entropy: &dyn Entropy) -> Result<BTreeMap<Function, Zeroizing<String>>, serde_json::Error> {
    let mut documents: BTreeMap<Function, KeyringDocument<Text>> = KeyringPlan::ALL
        .into_iter()
        .map(|plan| {
            let document = KeyringDocument {
                format: text(FORMAT),
                function: plan.function,
                seal: plan.seals.iter().map(|class| (*class, key_set(entropy))).collect(),
                keys: plan.keys.iter().map(|name| (text(name), key(entropy))).collect(),
                audit: ByName::from_iter([(plan.function, key_set(entropy))]),
                attests: ByName::default(),
                reads: ByName::default(),
                calls: ByName::default(),
                called_by: ByName::default(),
            };
            (plan.function, document)
        })
        .collect();
    for (authority, what) in KeyringPlan::ALL
        .iter()
        .flat_map(|plan| plan.attests.iter().map(|what| (plan.function, *what)))
    {
        let seal = key_set(entropy);
        let index = key(entropy);
        let mut readers = ByName::from_iter([(authority, key(entropy))]);
        for plan in KeyringPlan::ALL.iter().filter(|plan| plan.reads.contains(&what)) {
            let pair = key(entropy);
            readers.insert(plan.function, pair.clone());
            if let Some(document) = documents.get_mut(&plan.function) {
                let reader = ReaderDocument {
                    seal: copy(&seal),
                    index: index.clone(),
                    key: pair,
                };
                document.reads.insert(text(what), reader);
            }
        }
        if let Some(document) = documents.get_mut(&authority) {
            document
                .attests
                .insert(text(what), AttestorDocument { seal, index, readers });
        }
    }
    // A key a direction, in the keyrings of caller and callee and nowhere else.
    for (caller, callee) in KeyringPlan::ALL
        .iter()
        .flat_map(|plan| plan.calls.iter().map(|callee| (plan.function, *callee)))
    {
        let pair = key(entropy);
        if let Some(document) = documents.get_mut(&caller) {
            document.calls.insert(callee, pair.clone());
        }
        if let Some(document) = documents.get_mut(&callee) {
            document.called_by.insert(caller, pair);
        }
    }
    // The audit function checks everybody's chains.
    let chains: Vec<(Function, KeySetDocument<Text>)> = documents
        .values()
        .flat_map(|document| document.audit.iter().map(|(function, set)| (*function, copy(set))))
        .collect();
    if let Some(audit) = documents.get_mut(&Function::Audit) {
        audit.audit = chains.into_iter().collect();
    }
    documents
        .into_iter()
        .map(|(function, document)| Ok((function, Zeroizing::new(serde_json::to_string(&document)?))))
        .collect()
}

/// Why a keyring can't be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The text is no keyring of the function, or the function does not own the class.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A version waits already to become the current one.
    #[error("version {0} was added and is not current yet")]
    Waiting(u32),
    /// There is no version after the current one.
    #[error("there is no version after the current one")]
    NoneWaits,
    /// There is no such version.
    #[error("there is no version {0}")]
    Unknown(u32),
    /// The version seals, or is to seal next. Only older ones can be done without.
    #[error("version {0} is not older than the current one")]
    StillNeeded(u32),
}

/// Changes the sealing keys of a class in the text of a keyring.
fn change_key_set(
    function: Function,
    text: &str,
    class: DataClass,
    change: impl FnOnce(&mut KeySetDocument<Text>) -> Result<(), RotationError>,
) -> Result<Zeroizing<String>, RotationError> {
    // Strictness first: what the function itself would refuse must not be written back.
    super::Keyring::parse(function, Some(text))?;
    let malformed = |error: serde_json::Error| KeyringError::Malformed {
        line: error.line(),
        column: error.column(),
    };
    let mut document: KeyringDocument<Text> = serde_json::from_str(text).map_err(malformed)?;
    let set = document.seal.get_mut(&class).ok_or(KeyringError::Lacks(class.name()))?;
    change(set)?;
    Ok(serde_json::to_string(&document)
        .map(Zeroizing::new)
        .map_err(malformed)?)
}

/// The version after the current one, where one was added.
fn waiting(set: &KeySetDocument<Text>) -> Option<u32> {
    set.keys.names().copied().filter(|version| *version > set.current).max()
}

/// Adds a version to a class's sealing keys, which opens and does not seal yet: whoever still has the keyring before could not open
/// what it sealed. Its number is one that no version ever had.
///
/// # Errors
/// [`RotationError`], where one waits already or the text is no keyring that owns the class.
pub fn add_key_version(
    entropy: &dyn Entropy,
    function: Function,
    text: &str,
    class: DataClass,
) -> Result<Zeroizing<String>, RotationError> {
    change_key_set(function, text, class, |set| match waiting(set) {
        Some(version) => Err(RotationError::Waiting(version)),
        // Versions are removed below the current one only, so the highest that there ever was is there.
        None => {
            let next = set.current.checked_add(1).ok_or(KeyringError::BadKey)?;
            set.keys.insert(next, key(entropy));
            Ok(())
        }
    })
}

/// Makes the version that was added the current one, which seals. Older versions still open what they sealed.
///
/// # Errors
/// [`RotationError`], where none was added or the text is no keyring that owns the class.
pub fn promote_key_version(
    function: Function,
    text: &str,
    class: DataClass,
) -> Result<Zeroizing<String>, RotationError> {
    change_key_set(function, text, class, |set| {
        set.current = waiting(set).ok_or(RotationError::NoneWaits)?;
        Ok(())
    })
}

/// Removes a version that is older than the current one. What it still seals can never be read again.
///
/// # Errors
/// [`RotationError`], where it is not older or not there, or the text is no keyring that owns the class.
pub fn remove_key_version(
    function: Function,
    text: &str,
    class: DataClass,
    version: u32,
) -> Result<Zeroizing<String>, RotationError> {
    change_key_set(function, text, class, |set| {
        set.keys.get(&version).ok_or(RotationError::Unknown(version))?;
        if version >= set.current {
            return Err(RotationError::StillNeeded(version));
        }
        set.keys.remove(&version);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keyring;
    use std::cell::Cell;

    struct Counting(Cell<u16>);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for chunk in buffer.chunks_mut(2) {
                chunk.copy_from_slice(&self.0.get().to_le_bytes()[..chunk.len()]);
            }
            self.0.set(self.0.get() + 1);
        }
    }

    fn keyrings() -> BTreeMap<Function, Zeroizing<String>> {
        issue_keyrings(&Counting(Cell::new(1))).unwrap()
    }

    /// The separation that the stores have, the keyrings have too.
    #[test]
    fn no_keyring_holds_two_data_classes() {
        for plan in KeyringPlan::ALL {
            let classes = [
                plan.seals.contains(&DataClass::Identity),
                plan.seals.contains(&DataClass::Health) || plan.seals.contains(&DataClass::Psychotherapy),
                plan.seals.contains(&DataClass::Billing),
            ];
            assert!(
                classes.into_iter().filter(|held| *held).count() <= 1,
                "{}",
                plan.function
            );
        }
        // What was planned is what is issued, and every function has its plan.
        for function in Function::ALL {
            let plan = KeyringPlan::ALL
                .into_iter()
                .find(|plan| plan.function == function)
                .unwrap();
            let keyring = Keyring::parse(function, Some(&keyrings()[&function])).unwrap();
            for class in DataClass::ALL {
                assert_eq!(
                    keyring.seal(class).is_ok(),
                    plan.seals.contains(&class),
                    "{function} {class}"
                );
            }
            for name in ["index", "link", "pepper", "bootstrap", "receipt", "sign"] {
                assert_eq!(
                    keyring.key(name).is_ok(),
                    plan.keys.contains(&name),
                    "{function} {name}"
                );
            }
            for other in Function::ALL {
                assert_eq!(
                    keyring.audit(other).is_ok(),
                    other == function || function == Function::Audit
                );
                assert_eq!(
                    keyring.calls(other).is_ok(),
                    plan.calls.contains(&other),
                    "{function} {other}"
                );
                assert_eq!(
                    keyring.called_by(other).is_ok(),
                    KeyringPlan::has_calls(other, function),
                    "{function} {other}"
                );
            }
        }
    }

    /// Caller and callee hold the same key, and no other pair or direction has it.
    #[test]
    fn every_pair_of_functions_has_its_own_key() {
        let keyrings = keyrings();
        let keyring = |function| Keyring::parse(function, Some(&keyrings[&function])).unwrap();
        let mut pairs = std::collections::BTreeSet::new();
        let mut planned = 0;
        for plan in KeyringPlan::ALL {
            for callee in plan.calls {
                let (calls, called_by) = (keyring(plan.function), keyring(*callee));
                let key = calls.calls(*callee).unwrap().bytes();
                assert_eq!(key, called_by.called_by(plan.function).unwrap().bytes());
                pairs.insert(*key);
                planned += 1;
            }
        }
        assert!(planned >= 2 && pairs.len() == planned);
    }

    #[test]
    fn a_keyring_without_a_pair_says_which() {
        let mut document: serde_json::Value = serde_json::from_str(&keyrings()[&Function::Auth]).unwrap();
        document.as_object_mut().unwrap().remove("calls");
        let keyring = Keyring::parse(Function::Auth, Some(&document.to_string())).unwrap();
        let error = keyring.calls(Function::Notify).err().unwrap();
        assert_eq!(error.to_string(), "lacks the key of calls from `auth` to `notify`");
        document["calls"] = serde_json::json!({"notify": "SECRET"});
        let error = Keyring::parse(Function::Auth, Some(&document.to_string())).err();
        assert_eq!(error, Some(KeyringError::BadKey));
    }

    /// No key stands in two keyrings but those that are shared on purpose.
    #[test]
    fn only_shared_keys_are_shared() {
        let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (function, text) in keyrings() {
            let document: KeyringDocument<Text> = serde_json::from_str(&text).unwrap();
            let mut note = |key: &Zeroizing<String>, what: String| seen.entry(key.to_string()).or_default().push(what);
            for (class, set) in document.seal.iter() {
                set.keys
                    .iter()
                    .for_each(|(_, key)| note(key, format!("{function} seals {class}")));
            }
            for (name, key) in document.keys.iter() {
                note(key, format!("{function} key {}", name.as_str()));
            }
        }
        for (_, holders) in seen {
            assert_eq!(holders.len(), 1, "{holders:?}");
        }
    }

    #[test]
    fn what_is_no_keyring_is_refused_without_repeating_it() {
        let good = keyrings()[&Function::Records].to_string();
        let parse = |text: &str| {
            Keyring::parse(Function::Records, Some(text))
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(parse(&good), None);
        for (text, why) in [
            (String::new(), "is not set"),
            (" \n".to_owned(), "is not set"),
            ("SECRET".to_owned(), "is not a keyring document"),
            (
                good.replace("confide-keyring-1", "confide-keyring-2"),
                "is not a keyring document",
            ),
            (
                good.replace("\"records\"", "\"auth\""),
                "is the keyring of another function",
            ),
            (
                good.replacen("\"current\":1", "\"current\":2", 1),
                "lacks its current version",
            ),
            (
                good.replacen("\"keys\":{\"1\":\"", "\"keys\":{\"1\":\"SECRET", 1),
                "not 32 bytes",
            ),
            (good.replacen('{', "{\"surprise\":1,", 1), "is not a keyring document"),
            (
                good.replacen("\"keys\":{\"1\":", "\"keys\":{\"1\":\"SECRET\",\"1\":", 1),
                "is not a keyring document",
            ),
        ] {
            let error = parse(&text).expect("must be refused");
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("SECRET") && !error.contains("surprise"), "{error}");
        }
        assert_eq!(
            Keyring::parse(Function::Records, None).err(),
            Some(KeyringError::Missing)
        );
    }

    /// The life of a version: it opens, it seals, it is older, it is gone, and its number never comes again.
    #[test]
    fn a_version_opens_before_it_seals_and_goes_once_it_is_older() {
        let entropy = Counting(Cell::new(900));
        let (records, health) = (Function::Records, DataClass::Health);
        let versions = |text: &str| {
            let keyring = Keyring::parse(records, Some(text)).unwrap();
            assert_eq!(keyring.seal(DataClass::Psychotherapy).unwrap().current_version(), 1);
            let set = keyring.seal(health).unwrap();
            (
                set.current_version(),
                set.versions().collect::<Vec<_>>(),
                set.has_older(),
            )
        };
        let remove = |text: &str, version| remove_key_version(records, text, health, version);
        let first = keyrings()[&records].to_string();
        assert_eq!(
            promote_key_version(records, &first, health),
            Err(RotationError::NoneWaits)
        );
        assert_eq!(remove(&first, 1), Err(RotationError::StillNeeded(1)));
        assert_eq!(remove(&first, 2), Err(RotationError::Unknown(2)));

        let added = add_key_version(&entropy, records, &first, health).unwrap();
        assert_eq!(versions(&added), (1, vec![1, 2], false));
        assert_eq!(
            add_key_version(&entropy, records, &added, health),
            Err(RotationError::Waiting(2))
        );
        assert_eq!(remove(&added, 2), Err(RotationError::StillNeeded(2)));

        let promoted = promote_key_version(records, &added, health).unwrap();
        assert_eq!(versions(&promoted), (2, vec![1, 2], true));
        assert_eq!(remove(&promoted, 2), Err(RotationError::StillNeeded(2)));
        let alone = remove(&promoted, 1).unwrap();
        assert_eq!(versions(&alone), (2, vec![2], false));
        assert_eq!(remove(&alone, 1), Err(RotationError::Unknown(1)));
        assert_eq!(
            versions(&add_key_version(&entropy, records, &alone, health).unwrap()).1,
            [2, 3]
        );

        let lacks = Err(RotationError::Keyring(KeyringError::Lacks("identity")));
        assert_eq!(add_key_version(&entropy, records, &first, DataClass::Identity), lacks);
        assert_eq!(promote_key_version(records, &first, DataClass::Identity), lacks);
        assert_eq!(remove_key_version(records, &first, DataClass::Identity, 1), lacks);
        let wrong = Err(RotationError::Keyring(KeyringError::WrongFunction));
        assert_eq!(promote_key_version(Function::Auth, &first, health), wrong);
    }
}
