//! The linear memory of functions: how much an instance may have, and the most that one has had.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::{ResourceLimiter, Result, StoreLimits, StoreLimitsBuilder};

/// The largest linear memory that any instance of a function has had, in bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peak(Arc<AtomicUsize>);

impl Peak {
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one instance may have. Asked where a memory is made and where it grows, and at no other time: to know the peak costs a
/// request nothing.
pub(crate) struct GuestMemory {
    limits: StoreLimits,
    peak: Peak,
}

impl GuestMemory {
    /// A limit in bytes.
    pub(crate) fn new(limit: usize, peak: Peak) -> Self {
        Self {
            limits: StoreLimitsBuilder::new().memory_size(limit).build(),
            peak,
        }
    }
}

impl ResourceLimiter for GuestMemory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let is_granted = self.limits.memory_growing(current, desired, maximum)?;
        if is_granted {
            self.peak.0.fetch_max(desired, Ordering::Relaxed);
        }
        Ok(is_granted)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.limits.memory_grow_failed(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        self.limits.table_growing(current, desired, maximum)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.limits.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_the_most_that_any_instance_was_granted() {
        let peak = Peak::default();
        let instance = || GuestMemory::new(1000, peak.clone());
        let mut instances = [instance(), instance()];
        for (instance, current, desired, is_granted, most) in [
            (0, 0, 100, true, 100),
            (1, 0, 200, true, 200),
            (0, 100, 150, true, 200),
            (0, 150, 1000, true, 1000),
            (1, 200, 1001, false, 1000),
        ] {
            assert_eq!(
                (
                    instances[instance].memory_growing(current, desired, None).unwrap(),
                    peak.bytes()
                ),
                (is_granted, most),
                "{current} {desired}"
            );
        }
    }
}
