use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::{Clock, Kv, KvError, Stores};
use store::{Bucket, BucketError, CompareAndSwap, Disciplined, SwapFailure};

/// How many keys the least of all backends writes or deletes at once.
const MOST_AT_ONCE: usize = 25;

/// What goes wrong at one operation on a store, or at one request to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused; nothing happens.
    Refused,
    /// It is done, and the answer is lost.
    AppliedButFailed,
    /// It is done, and the process dies right afterwards.
    KilledAfter,
    /// The process dies right before.
    KilledBefore,
}

impl Fault {
    /// All that there are.
    pub const ALL: [Self; 4] = [
        Self::Refused,
        Self::AppliedButFailed,
        Self::KilledBefore,
        Self::KilledAfter,
    ];
}

/// How a process dies that a [`Fault`] kills: it unwinds, and [`survive`] catches it.
#[derive(Debug)]
struct Killed;

fn die() -> ! {
    // Not a panic of the code under test: no hook reports it.
    std::panic::resume_unwind(Box::new(Killed))
}

/// Runs what a [`Fault`] may kill; `None` where it did. Any other panic goes on: it is a defect.
pub fn survive<R>(run: impl FnOnce() -> R) -> Option<R> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(result) => Some(result),
        Err(panic) if panic.is::<Killed>() => None,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// What happens right before an operation, counted from 0.
type Meanwhile = (usize, Box<dyn FnOnce()>);

#[derive(Default)]
struct Faults {
    operations: Cell<usize>,
    armed: Cell<Option<(usize, Fault)>>,
    away: RefCell<Option<String>>,
    meanwhile: RefCell<Option<Meanwhile>>,
    trace: RefCell<Vec<String>>,
}

/// An answer that a [`Fault`] took, and whether what was asked is done all the same.
pub(crate) enum Lost {
    Undone,
    Done,
}

type Values = Rc<RefCell<BTreeMap<(String, String), Vec<u8>>>>;

/// All stores of a deployment, in memory, shared by all its functions.
#[derive(Clone, Default)]
pub struct MemoryStores {
    values: Values,
    faults: Rc<Faults>,
}

impl MemoryStores {
    /// Lets the `nth` operation from now on (counted from 0) go wrong.
    pub fn arm(&self, nth: usize, fault: Fault) {
        self.faults.operations.set(0);
        self.faults.armed.set(Some((nth, fault)));
    }

    /// Refuses every operation from now on that begins so in [`MemoryStores::trace`]: an outage, and not one fault.
    pub fn refuse(&self, operation: &str) {
        *self.faults.away.borrow_mut() = Some(operation.to_owned());
    }

    /// Lets something else happen right before the `nth` operation from now on (counted from 0): another request, or time.
    pub fn meanwhile(&self, nth: usize, happens: impl FnOnce() + 'static) {
        self.faults.operations.set(0);
        *self.faults.meanwhile.borrow_mut() = Some((nth, Box::new(happens)));
    }

    /// Ends all faults and counts operations from 0 again.
    pub fn disarm(&self) {
        self.faults.armed.set(None);
        self.faults.away.borrow_mut().take();
        self.faults.meanwhile.borrow_mut().take();
        self.faults.operations.set(0);
        self.faults.trace.borrow_mut().clear();
    }

    /// How many operations there were since the last [`MemoryStores::arm`] or [`MemoryStores::disarm`].
    #[must_use]
    pub fn operations(&self) -> usize {
        self.faults.operations.get()
    }

    /// What they were, as `store verb key`, and `outbound METHOD host/path` for requests to others.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.faults.trace.borrow().clone()
    }

    /// Everything that is stored, as somebody sees it who has the files and no key.
    #[must_use]
    pub fn dump(&self) -> Vec<(String, String, Vec<u8>)> {
        self.values
            .borrow()
            .iter()
            .map(|((store, key), value)| (store.clone(), key.clone(), value.clone()))
            .collect()
    }

    /// Changes what is stored, as somebody can who has the files and no key.
    pub fn tamper(&self, mut change: impl FnMut(&str, &str, &mut Vec<u8>)) {
        for ((store, key), value) in self.values.borrow_mut().iter_mut() {
            change(store, key, value);
        }
    }

    /// Puts all stores back to what [`MemoryStores::dump`] said: a restored backup, or a rollback.
    pub fn restore(&self, dump: &[(String, String, Vec<u8>)]) {
        *self.values.borrow_mut() = dump
            .iter()
            .map(|(store, key, value)| ((store.clone(), key.clone()), value.clone()))
            .collect();
    }

    /// Lets an operation happen, or go wrong where that was armed.
    pub(crate) fn attempt<R>(&self, operation: String, apply: impl FnOnce() -> R) -> Result<R, Lost> {
        let faults = &self.faults;
        let nth = faults.operations.get();
        faults.operations.set(nth + 1);
        let is_away = (faults.away.borrow().as_ref()).is_some_and(|away| operation.starts_with(away));
        faults.trace.borrow_mut().push(operation);
        let due = faults.meanwhile.borrow_mut().take_if(|(at, _)| *at == nth);
        if let Some((_, happens)) = due {
            happens();
        }
        let fault = faults.armed.get().filter(|(at, _)| *at == nth).map(|(_, fault)| fault);
        match fault {
            _ if is_away => return Err(Lost::Undone),
            Some(Fault::Refused) => return Err(Lost::Undone),
            Some(Fault::KilledBefore) => die(),
            _ => {}
        }
        let result = apply();
        match fault {
            Some(Fault::AppliedButFailed) => Err(Lost::Done),
            Some(Fault::KilledAfter) => die(),
            _ => Ok(result),
        }
    }

    /// A bucket of its own, for tests of the disciplines.
    #[must_use]
    pub fn bucket(&self, label: &str) -> MemoryBucket {
        MemoryBucket {
            label: label.to_owned(),
            stores: self.clone(),
        }
    }
}

/// One store.
#[derive(Clone)]
pub struct MemoryBucket {
    label: String,
    stores: MemoryStores,
}

impl MemoryBucket {
    fn run<R>(
        &self,
        verb: &str,
        key: &str,
        apply: impl FnOnce(&mut BTreeMap<(String, String), Vec<u8>>) -> R,
    ) -> Result<R, BucketError> {
        let operation = format!("{} {verb} {key}", self.label);
        self.stores
            .attempt(operation, || apply(&mut self.stores.values.borrow_mut()))
            .map_err(|_| BucketError::Unavailable)
    }

    fn at(&self, key: &str) -> (String, String) {
        (self.label.clone(), key.to_owned())
    }
}

impl Bucket for MemoryBucket {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.run("get", key, |values| values.get(&self.at(key)).cloned())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), BucketError> {
        self.run("set", key, |values| {
            values.insert(self.at(key), value.to_vec());
        })
    }

    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), BucketError> {
        assert!(entries.len() <= MOST_AT_ONCE, "more at once than every backend takes");
        let first = entries.first().map_or("", |(key, _)| key.as_str());
        self.run("set-many", first, |values| {
            for (key, value) in entries {
                values.insert(self.at(key), value.clone());
            }
        })
    }

    fn delete(&self, key: &str) -> Result<(), BucketError> {
        self.run("delete", key, |values| {
            values.remove(&self.at(key));
        })
    }

    fn delete_many(&self, keys: &[String]) -> Result<(), BucketError> {
        assert!(keys.len() <= MOST_AT_ONCE, "more at once than every backend takes");
        let first = keys.first().map_or("", String::as_str);
        self.run("delete-many", first, |values| {
            for key in keys {
                values.remove(&self.at(key));
            }
        })
    }

    fn increment(&self, key: &str, by: i64) -> Result<i64, BucketError> {
        self.run("increment", key, |values| {
            let value = values.entry(self.at(key)).or_insert_with(|| vec![0; 8]);
            let number: [u8; 8] = value
                .as_slice()
                .try_into()
                .expect("an increment of what is no number poisons the store");
            let sum = i64::from_le_bytes(number) + by;
            *value = sum.to_le_bytes().to_vec();
            sum
        })
    }

    fn compare_and_swap(&self, key: &str) -> Result<Box<dyn CompareAndSwap + '_>, BucketError> {
        Ok(Box::new(MemorySwap {
            bucket: self,
            key: key.to_owned(),
            read: None,
        }))
    }
}

struct MemorySwap<'b> {
    bucket: &'b MemoryBucket,
    key: String,
    read: Option<Vec<u8>>,
}

impl CompareAndSwap for MemorySwap<'_> {
    fn current(&mut self) -> Result<Option<Vec<u8>>, BucketError> {
        self.read = self.bucket.get(&self.key)?;
        Ok(self.read.clone())
    }

    fn swap(self: Box<Self>, value: &[u8]) -> Result<(), SwapFailure> {
        let swapped = self.bucket.run("swap", &self.key, |values| {
            let at = self.bucket.at(&self.key);
            // As SQLite under Spin: real where the key existed, a blind write where it did not.
            if self.read.is_some() && values.get(&at) != self.read.as_ref() {
                return false;
            }
            values.insert(at, value.to_vec());
            true
        });
        match swapped {
            Ok(true) => Ok(()),
            Ok(false) => Err(SwapFailure::Conflict),
            Err(_) => Err(SwapFailure::Unavailable),
        }
    }
}

/// The stores as one function is granted them.
pub(crate) struct GrantedStores<'a> {
    pub(crate) stores: MemoryStores,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) labels: &'a [&'a str],
}

impl Stores for GrantedStores<'_> {
    fn store(&self, label: &'static str) -> Result<Box<dyn Kv + '_>, KvError> {
        if !self.labels.contains(&label) {
            return Err(KvError::NotGranted);
        }
        Ok(Box::new(Disciplined::new(self.stores.bucket(label), self.clock)))
    }
}
