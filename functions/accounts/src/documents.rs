//! What else lies in the accounts store, sealed.
//!
//! ```text
//! account log          which accounts there are, one log per clinic
//! service log          which of them are service identities, one log per clinic
//! staff log            which of them are on the clinic's side, service identities too, one log per clinic. A client's account
//!                      never becomes staff's, nor the other way round, so an entry stays true
//! recovery document    one per request of an administrator to recover an account
//! recovery log         which of these there are, one log per clinic
//! invitation document  one per invitation
//! invitation log       which invitations there are, one log per clinic
//! latest review        which access review was begun last, and whether it is over, one per clinic
//! campaign document    one per access review
//! campaign log         which access reviews there are, one log per clinic
//! verdict document     what was decided about an account, one per access review and account
//! evidence log         what happened in an access review, one log per access review
//! ```

use account::Accounts;
use crypto::{KeySet, Label, name};
use model::{AccessReviewId, AccountId, ClinicId, InvitationId, RecoveryId};
use store::{Doc, Log};

use crate::access_review::{Campaign, Decision, Verdict};
use crate::invitation::Invitation;
use crate::recovery::Recovery;
use web::listing::Listing;

const ACCOUNTS: Label = Label::new("confide 2026-11 account index name");
const SERVICES: Label = Label::new("confide 2026-11 service index name");
const STAFF: Label = Label::new("confide 2026-11 staff index name");
const RECOVERY: Label = Label::new("confide 2026-11 recovery name");
const RECOVERIES: Label = Label::new("confide 2026-11 recovery index name");
const INVITATION: Label = Label::new("confide 2026-11 invitation name");
const INVITATIONS: Label = Label::new("confide 2026-11 invitation index name");
const LATEST: Label = Label::new("confide 2026-11 latest access review name");
const CAMPAIGN: Label = Label::new("confide 2026-11 access review name");
const CAMPAIGNS: Label = Label::new("confide 2026-11 access review index name");
const VERDICT: Label = Label::new("confide 2026-11 access review verdict name");
const EVIDENCE: Label = Label::new("confide 2026-11 access review evidence name");

/// The documents and logs of the accounts store that no other function reads.
pub(crate) trait Documents {
    /// Which accounts there are.
    fn listing(&self, clinic: ClinicId) -> Listing<'_>;

    /// Which service identities there are.
    fn services(&self, clinic: ClinicId) -> Listing<'_>;

    /// Which accounts are on the clinic's side.
    fn staff(&self, clinic: ClinicId) -> Listing<'_>;

    /// A request to recover an account.
    fn recovery(&self, clinic: ClinicId, recovery: RecoveryId) -> Doc<'_, Recovery, KeySet>;

    /// Which requests to recover accounts there are.
    fn recoveries(&self, clinic: ClinicId) -> Listing<'_>;

    /// An invitation.
    fn invitation(&self, clinic: ClinicId, invitation: InvitationId) -> Doc<'_, Invitation, KeySet>;

    /// Which invitations there are.
    fn invitations(&self, clinic: ClinicId) -> Listing<'_>;

    /// The access review that was begun last, as it was then, and whether it is over: one compare-and-swap decides which one is open.
    fn latest_review(&self, clinic: ClinicId) -> Doc<'_, Campaign, KeySet>;

    /// An access review.
    fn campaign(&self, clinic: ClinicId, review: AccessReviewId) -> Doc<'_, Campaign, KeySet>;

    /// Which access reviews there are.
    fn campaigns(&self, clinic: ClinicId) -> Listing<'_>;

    /// What was decided about an account in an access review.
    fn verdict(&self, clinic: ClinicId, review: AccessReviewId, account: AccountId) -> Doc<'_, Verdict, KeySet>;

    /// What happened in an access review.
    fn evidence(&self, clinic: ClinicId, review: AccessReviewId) -> Log<'_, Decision, KeySet>;
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

    fn staff(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, STAFF, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "staff index", &name, self.seal)
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

    fn latest_review(&self, clinic: ClinicId) -> Doc<'_, Campaign, KeySet> {
        let name = name(self.index, LATEST, &[clinic.as_bytes()]);
        self.shelf.doc(Some(clinic), "latest access review", &name, self.seal)
    }

    fn campaign(&self, clinic: ClinicId, review: AccessReviewId) -> Doc<'_, Campaign, KeySet> {
        let name = name(self.index, CAMPAIGN, &[clinic.as_bytes(), review.as_bytes()]);
        self.shelf.doc(Some(clinic), "access review", &name, self.seal)
    }

    fn campaigns(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, CAMPAIGNS, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "access review index", &name, self.seal)
    }

    fn verdict(&self, clinic: ClinicId, review: AccessReviewId, account: AccountId) -> Doc<'_, Verdict, KeySet> {
        let parts: [&[u8]; 3] = [clinic.as_bytes(), review.as_bytes(), account.as_bytes()];
        let name = name(self.index, VERDICT, &parts);
        self.shelf.doc(Some(clinic), "access review verdict", &name, self.seal)
    }

    fn evidence(&self, clinic: ClinicId, review: AccessReviewId) -> Log<'_, Decision, KeySet> {
        let name = name(self.index, EVIDENCE, &[clinic.as_bytes(), review.as_bytes()]);
        self.shelf.log(Some(clinic), "access review evidence", &name, self.seal)
    }
}
