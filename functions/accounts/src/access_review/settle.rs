//! Carrying out what was decided about an account.

use account::Accounts;
use http::StatusCode;
use model::{AccessReviewId, AccountId, ClinicId, EventId};
use store::StoreError;
use web::{Exchange, Problem};

use crate::access_review::evidence::enter;
use crate::access_review::verdict::{Claim, Decision, Outcome, Verdict};
use crate::administration::carry_out;
use crate::documents::Documents;

/// An account in a review.
pub(crate) struct Matter<'m, 'a> {
    pub(crate) exchange: &'m Exchange<'a>,
    pub(crate) accounts: &'m Accounts<'a>,
    pub(crate) clinic: ClinicId,
    pub(crate) review: AccessReviewId,
    pub(crate) account: AccountId,
    /// What stands for it in the trail.
    pub(crate) event: EventId,
}

/// Whether the rules of administration say no, and not the store or a rival.
fn is_refusal(problem: &Problem) -> bool {
    problem.status == StatusCode::CONFLICT && problem.kind != "contended"
}

impl Matter<'_, '_> {
    /// The decisions so far.
    pub(crate) fn verdict(&self) -> Result<Verdict, Problem> {
        let verdict = self.accounts.verdict(self.clinic, self.review, self.account).read()?;
        Ok(verdict.map(|verdict| verdict.value).unwrap_or_default())
    }

    /// Claims the account, and makes its document where there is none.
    pub(crate) fn claim(&self, wanted: &Decision, seen: u32, is_closed: bool) -> Result<Claim, Problem> {
        let doc = self.accounts.verdict(self.clinic, self.review, self.account);
        if doc.read()?.is_none() {
            doc.create(&Verdict::default())?;
        }
        let mut claim = Claim::Stands;
        self.change(&mut |verdict| {
            claim = verdict.claim(wanted, seen, is_closed)?;
            Ok(())
        })?;
        Ok(claim)
    }

    /// Changes the verdict, behind a pointer: all that goes into an update is compiled for each type of change.
    fn change(&self, change: &mut dyn FnMut(&mut Verdict) -> Result<(), Problem>) -> Result<(), Problem> {
        let doc = self.accounts.verdict(self.clinic, self.review, self.account);
        Ok(doc.update(None, |verdict| change(verdict)).map(drop)?)
    }

    /// 409 `contended` where the claim is not there any more. Somebody else who found it has carried it out, and more may have been
    /// decided since: a lapse that comes late must not close an account that was restored meanwhile.
    fn check_pending(&self, decision: &Decision) -> Result<(), Problem> {
        if self.verdict()?.pending.as_ref() == Some(decision) {
            return Ok(());
        }
        Err(StoreError::Contended.into())
    }

    /// Carries out a claim: the account, the evidence, the verdict. Each step finds done what is done.
    ///
    /// # Errors
    /// What administration refuses of a decision; then the claim is taken back. A lapse that it refuses comes to another outcome:
    /// the last administrator stays, and an account that was closed for good meanwhile was closed before. 409 `contended` where somebody
    /// else has carried it out. 503 where a store or
    /// `notify` does not answer; then the claim waits.
    pub(crate) fn settle(&self, claim: Claim) -> Result<(), Problem> {
        let (mut decision, is_resumed) = match claim {
            Claim::Stands | Claim::Overtaken => return Ok(()),
            Claim::Taken(decision) => (decision, false),
            Claim::Resumed(decision) => (decision, true),
        };
        for change in decision.changes() {
            let (exchange, accounts) = (self.exchange, self.accounts);
            let carried_out = carry_out(
                exchange,
                accounts,
                self.clinic,
                self.account,
                decision.by,
                &change,
                self.event,
                &|| self.check_pending(&decision),
            );
            match carried_out {
                Ok(()) => {}
                Err(problem) if is_refusal(&problem) && decision.is_by_lapse() => {
                    decision.outcome = if problem.kind == "last-administrator" {
                        Outcome::LastAdministrator
                    } else {
                        Outcome::ClosedBefore
                    };
                    // Before the evidence: whoever goes on from here must not try the lapse again and enter something else.
                    self.change(&mut |verdict| {
                        verdict.redirect(decision.number, decision.outcome);
                        Ok(())
                    })?;
                }
                Err(problem) if is_refusal(&problem) => {
                    self.change(&mut |verdict| {
                        verdict.settle(decision.number, None);
                        Ok(())
                    })?;
                    return Err(problem);
                }
                Err(problem) => return Err(problem),
            }
        }
        enter(self.accounts, self.clinic, self.review, &decision, is_resumed)?;
        self.change(&mut |verdict| {
            verdict.settle(decision.number, Some(&decision));
            Ok(())
        })
    }
}
