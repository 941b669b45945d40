//! Reviews as those see them who decide, and those who look after that.

use access::{Recorded, Request};
use account::session::admit;
use account::{Account, Accounts};
use model::{AccessReviewId, AccountId, Action, ClinicId, Confidential, DataClass, Role, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use web::listing::{Page, Wanted};
use web::{Exchange, Problem, Reply};

use crate::access_review::campaign::{Campaign, Lapse};
use crate::access_review::verdict::{Decision, Outcome, Verdict};
use crate::administration::StateName;
use crate::documents::Documents;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AccessReviewState")]
enum State {
    Open,
    Closed,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccessReview")]
pub(crate) struct ReviewAnswer {
    access_review_id: AccessReviewId,
    state: State,
    begun_at: Timestamp,
    /// Whoever asked for it, or the service identity whose run began it.
    begun_by: AccountId,
    due_at: Timestamp,
    /// What becomes of accounts about which nobody has decided by then.
    lapse: Lapse,
    /// Absent of a review that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
}

/// What an account was when it was decided about.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FoundAccount")]
struct FoundAnswer {
    roles: Vec<Role>,
    active: bool,
    /// Absent where nobody has logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_log_in_at: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReviewDecision")]
struct DecisionAnswer {
    outcome: Outcome,
    at: Timestamp,
    by: AccountId,
    /// Absent where it is about the review itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    /// Which roles it is left, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<Role>>,
    /// Where one was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Confidential<String>>,
    /// What the account was then. Absent where it is about the review itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<FoundAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccessReviews")]
pub(crate) struct ListAnswer {
    access_reviews: Vec<ReviewAnswer>,
    /// Where the next page begins: its `cursor`. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An account as it is now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReviewedAccount")]
struct AccountAnswer {
    account_id: AccountId,
    display_name: Confidential<String>,
    roles: Vec<Role>,
    state: StateName,
    created_at: Timestamp,
    /// Absent where nobody has logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_log_in_at: Option<Timestamp>,
    /// Absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionAnswer>,
    /// Whether the decision is carried out. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried_out: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccessReviewAccounts")]
pub(crate) struct ReadAnswer {
    access_review: ReviewAnswer,
    accounts: Vec<AccountAnswer>,
    /// Where the next page begins: its `cursor`. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EvidenceEntry")]
struct EntryAnswer {
    /// Counts the entries of the review.
    sequence: u64,
    entry: DecisionAnswer,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Evidence")]
pub(crate) struct EvidenceAnswer {
    evidence: Vec<EntryAnswer>,
    /// Where the next page begins: its `cursor`. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A review, if there is one.
pub(crate) fn find(
    accounts: &Accounts<'_>,
    clinic: ClinicId,
    review: AccessReviewId,
) -> Result<Option<Campaign>, Problem> {
    Ok(accounts.campaign(clinic, review).read()?.map(|campaign| campaign.value))
}

impl From<&Campaign> for ReviewAnswer {
    fn from(campaign: &Campaign) -> Self {
        Self {
            access_review_id: campaign.id,
            state: match campaign.closed_at {
                None => State::Open,
                Some(_) => State::Closed,
            },
            begun_at: campaign.begun_at,
            begun_by: campaign.begun_by,
            due_at: campaign.due_at,
            lapse: Lapse::of(campaign.undecided_stay),
            closed_at: campaign.closed_at,
        }
    }
}

impl From<Decision> for DecisionAnswer {
    fn from(decision: Decision) -> Self {
        Self {
            outcome: decision.outcome,
            at: decision.at,
            by: decision.by,
            account_id: decision.account_id,
            roles: decision.roles,
            reason: decision.reason,
            found: decision.found_active.map(|active| FoundAnswer {
                roles: decision.found_roles,
                active,
                last_log_in_at: decision.last_log_in_at,
            }),
        }
    }
}

impl AccountAnswer {
    fn of(account: Account, verdict: Verdict) -> Self {
        let carried_out = verdict.stands();
        let decision = verdict.pending.or(verdict.standing);
        Self {
            account_id: account.id,
            last_log_in_at: account.last_log_in_at(),
            state: StateName::from(&account.state),
            roles: account.roles,
            display_name: account.display_name,
            created_at: account.created_at,
            carried_out: decision.is_some().then_some(carried_out),
            decision: decision.map(DecisionAnswer::from),
        }
    }
}

/// The review that the path names, for whoever may read it.
fn named(exchange: &Exchange<'_>, accounts: &Accounts<'_>) -> Result<(Recorded, Campaign), Problem> {
    let id: AccessReviewId = exchange.parameter("review")?;
    let (recorded, _) = admit(exchange, Request::new(Action::Read, DataClass::AccessReview).of(id))?;
    let campaign = find(accounts, recorded.clinic(), id)?.ok_or_else(|| Problem::not_found(recorded.event()))?;
    Ok((recorded, campaign))
}

/// `GET /v1/auth/access-reviews`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let (recorded, _) = admit(exchange, Request::new(Action::List, DataClass::AccessReview))?;
    let accounts = Accounts::open(exchange)?;
    let Page { ids, next } = wanted.page(&accounts.campaigns(recorded.clinic()))?;
    let mut access_reviews = Vec::with_capacity(ids.len());
    for id in ids {
        let campaign = find(&accounts, recorded.clinic(), AccessReviewId::from_bytes(id))?
            .ok_or_else(|| Problem::defect("the access review log names a review that does not exist"))?;
        access_reviews.push(ReviewAnswer::from(&campaign));
    }
    let answer = ListAnswer { access_reviews, next };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// `GET /v1/auth/access-reviews/{review}`
///
/// A page has fewer accounts than its limit where some are none of this review's.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let accounts = Accounts::open(exchange)?;
    let (recorded, campaign) = named(exchange, &accounts)?;
    let clinic = recorded.clinic();
    let Page { ids, next } = wanted.page(&accounts.staff(clinic))?;
    let mut answers = Vec::with_capacity(ids.len());
    for id in ids {
        let id = AccountId::from_bytes(id);
        let account = accounts.account(clinic, id).read()?;
        let account = account.ok_or_else(|| Problem::defect("the staff log names an account that does not exist"))?;
        if campaign.asks_about(&account.value) {
            let verdict = accounts.verdict(clinic, campaign.id, id).read()?;
            let verdict = verdict.map(|verdict| verdict.value).unwrap_or_default();
            answers.push(AccountAnswer::of(account.value, verdict));
        }
    }
    let answer = ReadAnswer {
        access_review: ReviewAnswer::from(&campaign),
        accounts: answers,
        next,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// `GET /v1/auth/access-reviews/{review}/evidence`
pub(crate) fn evidence(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let accounts = Accounts::open(exchange)?;
    let (recorded, campaign) = named(exchange, &accounts)?;
    let (entries, next) = wanted.entries(&accounts.evidence(recorded.clinic(), campaign.id))?;
    let evidence = entries
        .into_iter()
        .map(|entry| EntryAnswer {
            sequence: entry.sequence,
            entry: entry.value.into(),
        })
        .collect();
    Ok(Reply::ok(&EvidenceAnswer { evidence, next })?.recorded(recorded.event()))
}
