//! What else lies in the accounts store, sealed.
//!
//! ```text
//! account log          which accounts there are, one log per clinic
//! service log          which of them are service identities, one log per clinic
//! recovery document    one per request of an administrator to recover an account
//! recovery log         which of these there are, one log per clinic
//! invitation document  one per invitation
//! invitation log       which invitations there are, one log per clinic
//! ```

use account::Accounts;
use crypto::{KeySet, Label, name};
use model::{ClinicId, InvitationId, RecoveryId};
use store::Doc;

use crate::invitation::Invitation;
use crate::listing::Listing;
use crate::recovery::Recovery;

const ACCOUNTS: Label = Label::new("confide 2026-11 account index name");
const SERVICES: Label = Label::new("confide 2026-11 service index name");
const RECOVERY: Label = Label::new("confide 2026-11 recovery name");
const RECOVERIES: Label = Label::new("confide 2026-11 recovery index name");
const INVITATION: Label = Label::new("confide 2026-11 invitation name");
const INVITATIONS: Label = Label::new("confide 2026-11 invitation index name");

/// The documents and logs of the accounts store that no other function reads.
pub(crate) trait Documents {
    /// Which accounts there are.
    fn listing(&self, clinic: ClinicId) -> Listing<'_>;

    /// Which service identities there are.
    fn services(&self, clinic: ClinicId) -> Listing<'_>;

    /// A request to recover an account.
    fn recovery(&self, clinic: ClinicId, recovery: RecoveryId) -> Doc<'_, Recovery, KeySet>;

    /// Which requests to recover accounts there are.
    fn recoveries(&self, clinic: ClinicId) -> Listing<'_>;

    /// An invitation.
    fn invitation(&self, clinic: ClinicId, invitation: InvitationId) -> Doc<'_, Invitation, KeySet>;

    /// Which invitations there are.
    fn invitations(&self, clinic: ClinicId) -> Listing<'_>;
}

impl Documents for Accounts<'_> {
    fn listing(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, ACCOUNTS, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "account index", &name, self.seal)
    }

    fn services(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, SERVICES, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "service index", &name, self.seal)
    }

    fn recovery(&self, clinic: ClinicId, recovery: RecoveryId) -> Doc<'_, Recovery, KeySet> {
        let name = name(self.index, RECOVERY, &[clinic.as_bytes(), recovery.as_bytes()]);
        self.shelf.doc(Some(clinic), "recovery", &name, self.seal)
    }

    fn recoveries(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, RECOVERIES, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "recovery index", &name, self.seal)
    }

    fn invitation(&self, clinic: ClinicId, invitation: InvitationId) -> Doc<'_, Invitation, KeySet> {
        let name = name(self.index, INVITATION, &[clinic.as_bytes(), invitation.as_bytes()]);
        self.shelf.doc(Some(clinic), "invitation", &name, self.seal)
    }

    fn invitations(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, INVITATIONS, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "invitation index", &name, self.seal)
    }
}
