use model::{Id, Kind};

/// Randomness from the platform's cryptographic generator.
pub trait Entropy {
    /// Fills the buffer. A platform that cannot give randomness must stop the request instead of returning.
    fn fill(&self, buffer: &mut [u8]);
}

/// What is made of randomness.
pub trait EntropyExt: Entropy {
    /// `N` random bytes.
    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A fresh identifier, which nobody else can have chosen.
    fn id<K: Kind>(&self) -> Id<K> {
        Id::from_bytes(self.bytes())
    }

    /// A number below `bound`, or zero where the bound is zero. For spreading load, not for secrets:
    /// the modulo leaves a bias of at most `bound / 2^32`.
    fn below(&self, bound: u32) -> u32 {
        u32::from_le_bytes(self.bytes()).checked_rem(bound).unwrap_or(0)
    }
}

impl<E: Entropy + ?Sized> EntropyExt for E {}
