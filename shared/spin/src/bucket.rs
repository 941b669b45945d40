use spin_sdk::wit::wasi::keyvalue::{atomics, batch, store as keyvalue};
use store::{Bucket, BucketError, CompareAndSwap, SwapFailure};

/// A store through `wasi:keyvalue` 0.2.0-draft2.
pub(crate) struct SpinBucket(keyvalue::Bucket);

fn failure(error: keyvalue::Error) -> BucketError {
    match error {
        keyvalue::Error::NoSuchStore | keyvalue::Error::AccessDenied => BucketError::NotGranted,
        keyvalue::Error::Other(_) => BucketError::Unavailable,
    }
}

impl SpinBucket {
    pub(crate) fn open(label: &str) -> Result<Self, BucketError> {
        keyvalue::open(label).map(Self).map_err(failure)
    }
}

impl Bucket for SpinBucket {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.0.get(key).map_err(failure)
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), BucketError> {
        self.0.set(key, value).map_err(failure)
    }

    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), BucketError> {
        batch::set_many(&self.0, entries).map_err(failure)
    }

    fn delete(&self, key: &str) -> Result<(), BucketError> {
        self.0.delete(key).map_err(failure)
    }

    fn delete_many(&self, keys: &[String]) -> Result<(), BucketError> {
        batch::delete_many(&self.0, keys).map_err(failure)
    }

    fn increment(&self, key: &str, by: i64) -> Result<i64, BucketError> {
        atomics::increment(&self.0, key, by).map_err(failure)
    }

    fn compare_and_swap(&self, key: &str) -> Result<Box<dyn CompareAndSwap + '_>, BucketError> {
        let handle = atomics::Cas::new(&self.0, key).map_err(failure)?;
        Ok(Box::new(Handle(handle)))
    }
}

struct Handle(atomics::Cas);

impl CompareAndSwap for Handle {
    fn current(&mut self) -> Result<Option<Vec<u8>>, BucketError> {
        self.0.current().map_err(failure)
    }

    fn swap(self: Box<Self>, value: &[u8]) -> Result<(), SwapFailure> {
        atomics::swap(self.0, value).map_err(|error| match error {
            atomics::CasError::CasFailed(_) => SwapFailure::Conflict,
            atomics::CasError::StoreError(_) => SwapFailure::Unavailable,
        })
    }
}
