//! What a reviewer decides about an account.

use access::Request;
use account::session::admit;
use account::{Account, AccountState, Accounts};
use model::{AccessReviewId, AccountId, Action, Confidential, DataClass, Role, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Check, Exchange, Problem, Reply};

use crate::access_review::read::find;
use crate::access_review::settle::Matter;
use crate::access_review::verdict::{Claim, Decision, Outcome, Verdict};
use crate::administration::{deactivated, last_administrator};
use crate::invitation::check_roles;
use crate::upon_account::{checked_reason, note, own_account_refused, refuse};

/// How often it is tried while other decisions about the account go first.
const ATTEMPTS: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "KeepOrRemove")]
enum Answer {
    /// It stays, or is opened again where it has lapsed.
    Keep,
    /// It is closed for good.
    Remove,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewDecision")]
pub(crate) struct DecisionBody {
    decision: Answer,
    /// Which of its roles an account is left that is kept. All where they are left out.
    roles: Option<Vec<Role>>,
    /// 1 to 500 characters, for those who may read reviews.
    reason: Option<String>,
}

/// What a reviewer says.
struct Said {
    answer: Answer,
    roles: Option<Vec<Role>>,
    reason: Option<Confidential<String>>,
}

impl Said {
    fn by(exchange: &Exchange<'_>) -> Result<Self, Problem> {
        let DecisionBody {
            decision,
            roles,
            reason,
        } = exchange.json()?;
        let mut check = Check::new();
        if let Some(roles) = &roles {
            check.that(
                decision == Answer::Keep,
                "/roles",
                "keep",
                "must be left out where the account is removed",
            );
            check.that(
                !roles.contains(&Role::Client),
                "/roles",
                "staff",
                "must not name the role client: reviews are about staff",
            );
            check_roles(&mut check, roles, "/roles");
        }
        check.finish()?;
        Ok(Self {
            answer: decision,
            roles,
            reason: reason.map(checked_reason).transpose()?,
        })
    }

    /// Whether it may change the account. To keep one as it is takes no recent proof: there are many to look at.
    fn may_change(&self) -> bool {
        self.answer == Answer::Remove || self.roles.is_some()
    }

    /// What that is for an account as it is and as far as it was decided about.
    fn about(&self, account: &Account, verdict: &Verdict, by: AccountId, now: Timestamp) -> Decision {
        let is_disabled = matches!(account.state, AccountState::Disabled { .. });
        let outcome = match self.answer {
            Answer::Remove => Outcome::Removed,
            Answer::Keep if verdict.is_lapsed() && is_disabled => Outcome::Restored,
            Answer::Keep => Outcome::Kept,
        };
        Decision {
            roles: self.roles.clone(),
            reason: self.reason.clone(),
            ..Decision::about(account, outcome, by, now)
        }
    }
}

/// 409 where it could not be carried out on the account as it is: then nothing is claimed.
fn check_possible(
    accounts: &Accounts<'_>,
    account: &Account,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), Problem> {
    if decision.outcome == Outcome::Kept && matches!(account.state, AccountState::Deactivated { .. }) {
        return Err(deactivated());
    }
    let mut after = account.clone();
    for change in decision.changes() {
        change.apply(&mut after, decision.by, now)?;
    }
    if account.is_active_administrator() && !after.is_active_administrator() {
        let clinic = accounts.clinic(account.clinic).read()?;
        if clinic.is_none_or(|clinic| clinic.value.administrators.others(&[account.id]) == 0) {
            return Err(last_administrator());
        }
    }
    Ok(())
}

/// What the trail says of it: what is done to the account, and the rule's name.
fn recorded_as(decision: &Decision) -> (Action, &'static str) {
    match decision.outcome {
        Outcome::Removed => (Action::Revoke, "access-review.removed"),
        Outcome::Restored => (Action::Amend, "access-review.restored"),
        _ if decision.roles.is_some() => (Action::Amend, "access-review.narrowed"),
        _ => (Action::Amend, "access-review.kept"),
    }
}

/// `PUT /v1/auth/access-reviews/{review}/accounts/{account}`
///
/// Order: record, verdict (claimed), account as administration changes it, evidence, verdict (standing), answer. A crash after the
/// claim leaves one that the same request, another about this account, or, while the review is open, the job carries out, whatever of it
/// was done. Of two reviewers at once the claim decides: the other's decision comes after it as another one, or is the same. Of a reviewer and the lapse it
/// decides, too: a lapse that came first is there to be restored, also where it came while this was under way, and one that comes
/// later finds that somebody has decided. Whether the review is closed is asked right before the claim; one that is closed between the
/// two has this decision after its end in the evidence.
pub(crate) fn decide(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let review: AccessReviewId = exchange.parameter("review")?;
    let id: AccountId = exchange.parameter("account")?;
    let said = Said::by(exchange)?;
    let request = Request::new(Action::Amend, DataClass::AccessReview).of(review);
    let request = if said.may_change() { request.fresh() } else { request };
    let (recorded, caller) = admit(exchange, request)?;
    let (clinic, by) = (caller.clinic(), caller.account());
    let not_found = || Problem::not_found(recorded.event());
    let refused = |problem| {
        let request = Request::new(Action::Amend, DataClass::Account).of(id);
        refuse(
            exchange,
            &caller,
            recorded.role(),
            &request,
            "access-review.refused",
            problem,
        )
    };
    let accounts = Accounts::open(exchange)?;
    let now = exchange.platform.clock.now();
    let campaign = find(&accounts, clinic, review)?.ok_or_else(not_found)?;
    if id == by {
        return Err(refused(own_account_refused()));
    }
    let mut matter = Matter {
        exchange,
        accounts: &accounts,
        clinic,
        review,
        account: id,
        event: recorded.event(),
    };
    for _ in 0..ATTEMPTS {
        // Before the account: one that has lapsed by then is read as closed, unless somebody has opened it since.
        let verdict = matter.verdict()?;
        let account = accounts.account(clinic, id).read()?.map(|account| account.value);
        let account = account
            .filter(|account| campaign.asks_about(account))
            .ok_or_else(not_found)?;
        let wanted = said.about(&account, &verdict, by, now);
        if verdict.already_says(&wanted) {
            return Ok(Reply::no_content().recorded(matter.event));
        }
        if wanted.outcome == Outcome::Restored {
            // It lets somebody in: that is administration, which not everybody does who reviews.
            let opens = Request::new(Action::Amend, DataClass::Account).of(id).fresh();
            let gate = exchange.gate()?;
            gate.admit(&caller, &opens.purpose(exchange.purpose()?), None)?;
        }
        // In a round before this one it was perhaps recorded as done already.
        check_possible(&accounts, &account, &wanted, now).map_err(refused)?;
        let (action, rule) = recorded_as(&wanted);
        let done = Request::new(action, DataClass::Account).of(id);
        matter.event = note(exchange, &caller, recorded.role(), &done, rule)?;
        let is_closed = find(&accounts, clinic, review)?.is_none_or(|campaign| campaign.closed_at.is_some());
        let claim = matter
            .claim(&wanted, verdict.standing_number(), is_closed)
            .map_err(|problem| problem.or_recorded(matter.event))?;
        let is_wanted = match &claim {
            Claim::Stands | Claim::Taken(_) => true,
            Claim::Resumed(_) | Claim::Overtaken => false,
        };
        match matter.settle(claim) {
            Ok(()) if is_wanted => return Ok(Reply::no_content().recorded(matter.event)),
            // Another decision went first, or an earlier try of this one, or the lapse: then it is what holds now.
            Ok(()) => {}
            // Somebody else has carried it out meanwhile.
            Err(problem) if problem.kind == "contended" => {}
            // It was refused and taken back.
            Err(problem) if !is_wanted && problem.status == http::StatusCode::CONFLICT => {}
            Err(problem) => return Err(problem.or_recorded(matter.event)),
        }
    }
    Err(store::StoreError::Contended.into())
}
