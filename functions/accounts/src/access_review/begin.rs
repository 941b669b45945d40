//! How a review begins: asked for, or by itself.

use access::Request;
use account::session::admit;
use account::{Accounts, Clinic};
use crypto::KeySet;
use model::{AccessReviewId, Action, ClinicId, DataClass, Timestamp};
use ports::Creation;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Doc, idempotency};
use web::listing::list_once;
use web::{Exchange, Problem, Reply};

use crate::access_review::campaign::{Campaign, check_days};
use crate::access_review::evidence::enter;
use crate::access_review::read::{ReviewAnswer, find};
use crate::access_review::verdict::{Decision, Outcome};
use crate::documents::Documents;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewAccessReview")]
pub(crate) struct BeginBody {
    // Days, so that no clock but the clinic's own says when.
    /// 14 where it is left out.
    #[schemars(range(min = 1, max = 60))]
    due_in_days: Option<u8>,
}

/// `POST /v1/auth/access-reviews`
///
/// Order: record, latest review, review, log, evidence, review (entered), answer. The latest review comes first and says all that it is: it
/// decides which one is open. A crash anywhere after it leaves a review that is begun and not listed; the repeated request, the
/// job, and whoever asks for another one finish it.
pub(crate) fn begin(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let BeginBody { due_in_days } = exchange.json()?;
    check_days(due_in_days)?;
    let key = exchange.idempotency_key()?;
    let (recorded, caller) = admit(exchange, Request::new(Action::Create, DataClass::AccessReview))?;
    let (clinic, event) = (recorded.clinic(), recorded.event());
    let accounts = Accounts::open(exchange)?;
    let now = exchange.platform.clock.now();
    let id: AccessReviewId = idempotency::created_id(accounts.index, clinic, caller.account(), exchange.path(), key);
    latest_review(&accounts, clinic, now)?;
    let campaign = match find(&accounts, clinic, id)? {
        Some(campaign) => campaign,
        None => {
            let stay = clinic_of(&accounts, clinic)?.undecided_stay;
            let begun = Campaign::new(id, caller.account(), stay, due_in_days, now);
            start(&accounts, clinic, &begun, now).map_err(|problem| problem.recorded(event))?
        }
    };
    if !campaign.takes(due_in_days) {
        return Err(Problem::idempotency_key_reused().recorded(event));
    }
    let location = format!("{}/{id}", exchange.path());
    Ok(Reply::created(&location, &ReviewAnswer::from(&campaign))?.recorded(event))
}

pub(crate) fn clinic_of(accounts: &Accounts<'_>, clinic: ClinicId) -> Result<Clinic, Problem> {
    let clinic = accounts.clinic(clinic).read()?;
    let clinic = clinic.ok_or_else(|| Problem::defect("an account belongs to a clinic that does not exist"))?;
    Ok(clinic.value)
}

/// Changes a review, behind a pointer: all that goes into an update is compiled for each type of change.
pub(crate) fn change(
    doc: &Doc<'_, Campaign, KeySet>,
    change: &mut dyn FnMut(&mut Campaign) -> Result<(), Problem>,
) -> Result<Campaign, Problem> {
    let changed = doc.update(None, |campaign| change(campaign).map(|()| campaign.clone()));
    Ok(changed?.value)
}

/// Begins the review.
///
/// # Errors
/// 409 while another one is open.
pub(crate) fn start(
    accounts: &Accounts<'_>,
    clinic: ClinicId,
    begun: &Campaign,
    now: Timestamp,
) -> Result<Campaign, Problem> {
    let latest = accounts.latest_review(clinic);
    if latest.create(begun)? == Creation::Exists {
        change(&latest, &mut |latest| latest.give_way_to(begun))?;
    }
    enter_beginning(accounts, clinic, begun, now)
}

/// What is left to do of a beginning.
fn enter_beginning(
    accounts: &Accounts<'_>,
    clinic: ClinicId,
    begun: &Campaign,
    now: Timestamp,
) -> Result<Campaign, Problem> {
    let doc = accounts.campaign(clinic, begun.id);
    // What an earlier try wrote stands.
    let (Creation::Created | Creation::Exists) = doc.create(begun)?;
    list_once(&accounts.campaigns(clinic), accounts.index, *begun.id.as_bytes(), now)?;
    let entry = Decision::of_review(Outcome::Begun, begun.begun_by, begun.begun_at);
    enter(accounts, clinic, begun.id, &entry, true)?;
    change(&doc, &mut |campaign| {
        campaign.is_entered = true;
        Ok(())
    })
}

/// The review that was begun last: found entered, and let go of where it was closed by a request that died then.
pub(crate) fn latest_review(
    accounts: &Accounts<'_>,
    clinic: ClinicId,
    now: Timestamp,
) -> Result<Option<Campaign>, Problem> {
    let Some(latest) = accounts.latest_review(clinic).read()? else {
        return Ok(None);
    };
    let latest = latest.value;
    if latest.closed_at.is_some() {
        return Ok(Some(latest));
    }
    let campaign = match find(accounts, clinic, latest.id)? {
        Some(campaign) if campaign.is_entered => campaign,
        _ => enter_beginning(accounts, clinic, &latest, now)?,
    };
    if campaign.closed_at.is_some() {
        leave(accounts, clinic, latest.id, now)?;
    }
    Ok(Some(campaign))
}

/// The clinic lets go of a review that is closed: another one may begin.
pub(crate) fn leave(
    accounts: &Accounts<'_>,
    clinic: ClinicId,
    review: AccessReviewId,
    now: Timestamp,
) -> Result<(), Problem> {
    let mut leave = |latest: &mut Campaign| {
        if latest.id == review {
            latest.closed_at.get_or_insert(now);
        }
        Ok(())
    };
    change(&accounts.latest_review(clinic), &mut leave).map(drop)
}
