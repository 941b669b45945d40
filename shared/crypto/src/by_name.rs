//! What a keyring document has under names: a JSON object, kept as a list and looked through from the start. There are a handful
//! of entries, and of a `BTreeMap` everything that can be done to one would be compiled for each of the seven types here: a tenth
//! of a small function.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Values by name. No name is there twice.
pub(crate) struct ByName<K, V>(Vec<(K, V)>);

impl<K, V> Default for ByName<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V> ByName<K, V> {
    pub(crate) fn get<Q: ?Sized>(&self, name: &Q) -> Option<&V>
    where
        K: PartialEq<Q>,
    {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, name: &K) -> Option<&mut V> {
        self.0
            .iter_mut()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(name, _)| name)
    }

    pub(crate) fn remove(&mut self, name: &K) {
        self.0.retain(|(known, _)| known != name);
    }

    /// Puts the value there, in the place of the one before, if there is one.
    pub(crate) fn insert(&mut self, name: K, value: V) {
        match self.get_mut(&name) {
            Some(before) => *before = value,
            None => self.0.push((name, value)),
        }
    }
}

impl<K: PartialEq, V> FromIterator<(K, V)> for ByName<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut by_name = Self::default();
        for (name, value) in entries {
            by_name.insert(name, value);
        }
        by_name
    }
}

impl<K, V> IntoIterator for ByName<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Serialize + PartialEq, V: Serialize> Serialize for ByName<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Deserialize<'de> + PartialEq, V: Deserialize<'de>> Deserialize<'de> for ByName<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de> + PartialEq, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = ByName<K, V>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object that has no name twice")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<ByName<K, V>, A::Error> {
                let mut by_name = ByName::default();
                while let Some((name, value)) = entries.next_entry()? {
                    if by_name.get_mut(&name).is_some() {
                        return Err(A::Error::custom("a name that is there twice"));
                    }
                    by_name.0.push((name, value));
                }
                Ok(by_name)
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}
