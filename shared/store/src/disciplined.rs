//! The three key disciplines of `ports::Kv`, made true on a [`Bucket`].
//!
//! A compare-and-swap is real only on a key that exists; on an absent key both of two writers succeed. First writes are
//! therefore guarded by a count, which every backend adds to atomically:
//!
//! 1. Time is cut into windows of 30 s, at least as long as any request lives. The creator's flag is a count of its
//!    document and window; only the one whose increment returns 1 goes on.
//! 2. A creator that raises its flag in one window and one that does so in a neighbouring window must not both go on.
//!    Each raises its own flag first and then looks at the neighbours': whatever the order, at least one of them sees
//!    the other's and gives way. No clock has to be exact; clocks have to agree to within a window.
//! 3. It looks at the document once more, now that nobody else may be creating it, writes it, and takes its flag down.
//!
//! A creator that dies between flag and write blocks others for that window and the next, at most 60 s. Its flag is a
//! few bytes that stay behind.

use std::time::Duration;

use ports::{Clock, CountKey, Creation, DocKey, Kv, KvError, OnceKey, Slot, Swap};

use crate::bucket::{Bucket, BucketError, CompareAndSwap};

/// Length of a creation window in seconds. Not shorter than the longest request that a host allows.
const WINDOW_SECONDS: i64 = 30;

/// How many keys are written or deleted at once: what DynamoDB's `BatchWriteItem` takes, the fewest of all backends.
const MOST_AT_ONCE: usize = 25;

/// How long to wait for another creator to finish, in milliseconds a look.
const WAITS: [u64; 6] = [2, 5, 10, 20, 40, 80];

/// A bucket under the three disciplines.
pub struct Disciplined<'a, B> {
    bucket: B,
    clock: &'a dyn Clock,
}

impl From<BucketError> for KvError {
    fn from(error: BucketError) -> Self {
        match error {
            BucketError::Unavailable => Self::Unavailable,
            BucketError::NotGranted => Self::NotGranted,
        }
    }
}

struct ReadSlot<'s> {
    bucket: &'s dyn Bucket,
    key: String,
    value: Vec<u8>,
    handle: Box<dyn CompareAndSwap + 's>,
}

impl Slot for ReadSlot<'_> {
    fn value(&self) -> &[u8] {
        &self.value
    }

    fn swap(self: Box<Self>, value: &[u8]) -> Result<Swap, KvError> {
        let Err(_) = self.handle.swap(value) else {
            return Ok(Swap::Applied);
        };
        // Any error leaves the outcome open: a lost connection is reported as a conflict by remote backends. Values are
        // never twice the same, so what is there now tells.
        match self.bucket.get(&self.key)? {
            Some(now) if now == value => Ok(Swap::Applied),
            Some(now) if now == self.value => Err(KvError::Unavailable),
            _ => Ok(Swap::Conflict),
        }
    }
}

impl<'a, B: Bucket> Disciplined<'a, B> {
    /// Puts a bucket under the disciplines.
    pub fn new(bucket: B, clock: &'a dyn Clock) -> Self {
        Self { bucket, clock }
    }

    fn flag(key: &DocKey, window: i64) -> CountKey {
        CountKey::new(&format!("creating/{}/{window}", key.as_str()))
    }

    fn is_raised(&self, key: &DocKey, window: i64) -> Result<bool, KvError> {
        Ok(self.bucket.get(Self::flag(key, window).as_str())?.is_some())
    }

    /// Another creator is at work: it finishes within milliseconds, or it has died.
    fn await_creator(&self, key: &DocKey) -> Result<Creation, KvError> {
        for milliseconds in WAITS {
            if self.bucket.get(key.as_str())?.is_some() {
                return Ok(Creation::Exists);
            }
            self.clock.pause(Duration::from_millis(milliseconds));
        }
        match self.bucket.get(key.as_str())? {
            Some(_) => Ok(Creation::Exists),
            None => Err(KvError::Busy),
        }
    }
}

impl<B: Bucket> Kv for Disciplined<'_, B> {
    fn once(&self, key: &OnceKey) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.bucket.get(key.as_str())?)
    }

    fn put_once(&self, key: &OnceKey, value: &[u8]) -> Result<(), KvError> {
        match self.bucket.set(key.as_str(), value) {
            Ok(()) => Ok(()),
            Err(error) => match self.bucket.get(key.as_str())? {
                Some(now) if now == value => Ok(()),
                _ => Err(error.into()),
            },
        }
    }

    fn put_many_once(&self, entries: Vec<(OnceKey, Vec<u8>)>) -> Result<(), KvError> {
        let entries: Vec<(String, Vec<u8>)> = entries.into_iter().map(|(key, value)| (key.into(), value)).collect();
        for entries in entries.chunks(MOST_AT_ONCE) {
            let Err(error) = self.bucket.set_many(entries) else {
                continue;
            };
            for (key, value) in entries {
                match self.bucket.get(key)? {
                    Some(now) if now == *value => {}
                    _ => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    fn remove_once(&self, key: &OnceKey) -> Result<(), KvError> {
        Ok(self.bucket.delete(key.as_str())?)
    }

    fn remove_many_once(&self, keys: Vec<OnceKey>) -> Result<(), KvError> {
        let keys: Vec<String> = keys.into_iter().map(String::from).collect();
        for keys in keys.chunks(MOST_AT_ONCE) {
            self.bucket.delete_many(keys)?;
        }
        Ok(())
    }

    fn doc(&self, key: &DocKey) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.bucket.get(key.as_str())?)
    }

    fn open(&self, key: &DocKey) -> Result<Option<Box<dyn Slot + '_>>, KvError> {
        let mut handle = self.bucket.compare_and_swap(key.as_str())?;
        Ok(handle.current()?.map(|value| {
            Box::new(ReadSlot {
                bucket: &self.bucket,
                key: key.as_str().to_owned(),
                value,
                handle,
            }) as Box<dyn Slot>
        }))
    }

    fn create(&self, key: &DocKey, value: &[u8]) -> Result<Creation, KvError> {
        if self.bucket.get(key.as_str())?.is_some() {
            return Ok(Creation::Exists);
        }
        let window = self.clock.now().as_second().div_euclid(WINDOW_SECONDS);
        // Looked at before the own flag is raised: whoever only waits must not keep the next window blocked as well.
        if self.is_raised(key, window - 1)? {
            return self.await_creator(key);
        }
        let flag = Self::flag(key, window);
        if self.bucket.increment(flag.as_str(), 1)? != 1
            || self.is_raised(key, window - 1)?
            || self.is_raised(key, window + 1)?
        {
            return self.await_creator(key);
        }
        // Another creator may have finished, and taken its flag down, since the first look.
        if self.bucket.get(key.as_str())?.is_some() {
            let _ = self.bucket.delete(flag.as_str());
            return Ok(Creation::Exists);
        }
        if let Err(error) = self.bucket.set(key.as_str(), value) {
            match self.bucket.get(key.as_str())? {
                Some(now) if now == value => {}
                _ => return Err(error.into()),
            }
        }
        // A flag that stays behind costs a few bytes and, with the document there, blocks nobody.
        let _ = self.bucket.delete(flag.as_str());
        Ok(Creation::Created)
    }

    fn create_unshared(&self, key: &DocKey, value: &[u8]) -> Result<(), KvError> {
        match self.bucket.set(key.as_str(), value) {
            Ok(()) => Ok(()),
            Err(error) => match self.bucket.get(key.as_str())? {
                Some(now) if now == value => Ok(()),
                _ => Err(error.into()),
            },
        }
    }

    fn increment(&self, key: &CountKey, by: i64) -> Result<i64, KvError> {
        Ok(self.bucket.increment(key.as_str(), by)?)
    }
}
