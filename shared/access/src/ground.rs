//! What every opening of a client's data stands on: a decision that allows it and is durable in the audit trail.

use model::{ClientId, ClinicId, DataClass, EventId};

use crate::{Recorded, RecordedCall, RecordedWebhook};

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::Recorded {}
    impl Sealed for crate::RecordedCall {}
    impl Sealed for crate::RecordedWebhook {}
}

/// A decision that allows and is recorded, whether a person asked ([`Recorded`]), a function ([`RecordedCall`]) or a payment gateway
/// told of something ([`RecordedWebhook`]).
/// Nothing else implements it.
pub trait Ground: sealed::Sealed {
    /// The audit entry.
    fn event(&self) -> EventId;
    /// The clinic.
    fn clinic(&self) -> ClinicId;
    /// The client that it is about.
    fn client(&self) -> Option<ClientId>;
    /// The class that is permitted.
    fn class(&self) -> DataClass;
}

macro_rules! grounds {
    ($($type:ty),*) => {$(
        impl Ground for $type {
            fn event(&self) -> EventId {
                self.event()
            }

            fn clinic(&self) -> ClinicId {
                self.clinic()
            }

            fn client(&self) -> Option<ClientId> {
                self.client()
            }

            fn class(&self) -> DataClass {
                self.class()
            }
        }
    )*};
}

grounds!(Recorded, RecordedCall, RecordedWebhook);
