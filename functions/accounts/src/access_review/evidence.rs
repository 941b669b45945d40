//! What happened in a review, in one hash chain per review that nothing takes away: begun, each decision and lapse, closed.

use account::Accounts;
use crypto::{Label, mac};
use model::{AccessReviewId, ClinicId};
use store::StoreError;

use crate::access_review::verdict::{Decision, Outcome};
use crate::documents::Documents;

const ENTRY: Label = Label::new("confide 2026-11 access review evidence entry");

/// Enters it, unless it is there. A request that goes on with what another began looks through all of the evidence: how much was
/// entered since is not known. One that has just claimed what it enters need not; the newest entries are looked at by the
/// append itself.
pub(crate) fn enter(
    accounts: &Accounts<'_>,
    clinic: ClinicId,
    review: AccessReviewId,
    decision: &Decision,
    is_resumed: bool,
) -> Result<(), StoreError> {
    let log = accounts.evidence(clinic, review);
    let which = match decision.account_id {
        Some(account) => [account.as_bytes().as_slice(), &decision.number.to_be_bytes()].concat(),
        // A review begins once, and is closed once.
        None => vec![u8::from(decision.outcome == Outcome::Closed)],
    };
    let id = mac(accounts.index, ENTRY, &[review.as_bytes(), &which]).truncated();
    if is_resumed {
        for entry in log.newest_first(None) {
            if entry?.id == id {
                return Ok(());
            }
        }
    }
    log.append(id, decision).map(drop)
}
