use std::marker::PhantomData;

use crypto::Place;
use model::ClinicId;
use ports::{Clock, DocKey, Entropy, Kv, KvError, Platform};

use crate::{Doc, History, Log, retry};

/// One store with what is needed to keep documents and logs in it.
pub struct Shelf<'a> {
    pub(crate) kv: Box<dyn Kv + 'a>,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) entropy: &'a dyn Entropy,
    label: &'static str,
}

impl<'a> Shelf<'a> {
    /// The store with this label.
    ///
    /// # Errors
    /// [`KvError::NotGranted`] where the manifest does not grant it.
    pub fn open(platform: &Platform<'a>, label: &'static str) -> Result<Self, KvError> {
        Ok(Self {
            kv: platform.stores.store(label)?,
            clock: platform.clock,
            entropy: platform.entropy,
            label,
        })
    }

    /// Bounded tries at something that others change too, each after the first later by a random time.
    pub fn attempts(&self) -> impl Iterator<Item = u32> + 'a {
        retry::attempts(self.clock, self.entropy)
    }

    /// Whether there is a document of this name. Opens nothing of it.
    ///
    /// # Errors
    /// [`KvError`] where the store does not answer.
    pub fn holds(&self, name: &str) -> Result<bool, KvError> {
        Ok(self.kv.doc(&DocKey::new(name))?.is_some())
    }

    fn place(&self, clinic: Option<ClinicId>, class: &'static str, name: &str) -> (DocKey, Place) {
        let key = DocKey::new(name);
        let place = Place {
            clinic,
            store: self.label,
            key: key.as_str().to_owned(),
            class,
            version: 0,
        };
        (key, place)
    }

    /// Where the chunks of a content lie: the key is the name that their numbers are added to.
    pub(crate) fn content_place(&self, clinic: Option<ClinicId>, class: &'static str, name: &str) -> Place {
        Place {
            clinic,
            store: self.label,
            key: name.to_owned(),
            class,
            version: 0,
        }
    }

    /// The document of this name, sealed with `key`.
    pub fn doc<'s, T, K: ?Sized>(
        &'s self,
        clinic: Option<ClinicId>,
        class: &'static str,
        name: &str,
        key: &'s K,
    ) -> Doc<'s, T, K> {
        self.encoded_doc(clinic, class, name, key)
    }

    /// The document of this name, whose value is not kept as JSON.
    pub fn encoded_doc<'s, T, K: ?Sized, E>(
        &'s self,
        clinic: Option<ClinicId>,
        class: &'static str,
        name: &str,
        key: &'s K,
    ) -> Doc<'s, T, K, E> {
        let (at, place) = self.place(clinic, class, name);
        Doc {
            shelf: self,
            at,
            place,
            key,
            value: PhantomData,
        }
    }

    /// The log of this name, sealed with `key`.
    pub fn log<'s, T, K: ?Sized>(
        &'s self,
        clinic: Option<ClinicId>,
        class: &'static str,
        name: &str,
        key: &'s K,
    ) -> Log<'s, T, K> {
        let (at, place) = self.place(clinic, class, name);
        Log {
            shelf: self,
            at,
            place,
            key,
            value: PhantomData,
        }
    }

    /// The earlier versions of a document, under a name of their own, sealed with `key`.
    pub fn history<'s, T, K: ?Sized>(
        &'s self,
        clinic: Option<ClinicId>,
        class: &'static str,
        name: &str,
        key: &'s K,
    ) -> History<'s, T, K> {
        History(self.log(clinic, class, name, key))
    }
}
