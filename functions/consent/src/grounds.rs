//! Other grounds than consent: what the law of the clinic's jurisdiction lets it use without asking, and why it does here.

use access::{LiveGround, Need, TABLE};
use jiff::SignedDuration;
use law::Regime;
use law::grounds::{Basis, allowed};
use model::{Action, Confidential, DataClass, GroundId, Purpose, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::idempotency;
use web::{Check, Exchange, Problem, Reply};

use crate::content::check_selections;
use crate::file::ClientFile;
use crate::jurisdiction::Jurisdictions;
use crate::ledger::{Established, GroundEnd, LedgerEntry, OtherGround};
use crate::optional_body::Reason;

/// The most that are live at a time. The permissions document is read on every request about the client, so it stays small.
const LIVE: usize = 32;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewGround")]
pub(crate) struct GroundBody {
    basis: Basis,
    /// At least one, each once.
    purposes: Vec<Purpose>,
    /// At least one, each once.
    classes: Vec<DataClass>,
    /// Why the ground holds here, in 10 to 2 000 characters. Some grounds need it.
    #[serde(default)]
    justification: Option<Confidential<String>>,
    /// No later than such a ground may last, which is also what holds where this is absent.
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EndedGround")]
pub(crate) struct EndAnswer {
    ground_id: GroundId,
    ended_at: Timestamp,
}

/// Whether any decision about this class for this purpose asks for a ground. What none asks for would be written down, with its sections, and
/// let nobody at anything.
fn is_asked_for(class: DataClass, purpose: Purpose) -> bool {
    TABLE
        .iter()
        .any(|row| row.needs.contains(&Need::Ground) && row.classes.contains(&class) && row.purposes.contains(&purpose))
}

impl GroundBody {
    /// Until when it may be relied on: no longer than such a ground is.
    fn latest(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.basis.longest()).unwrap_or(now)
    }

    /// Whether all of this would be opened by it, and every law that the clinic is under knows it for that; and which sections say so.
    ///
    /// # Errors
    /// 422 with every field that breaks a rule.
    fn check(&self, regimes: &[Regime], now: Timestamp) -> Result<Vec<String>, Problem> {
        let mut check = Check::new();
        check_selections(&mut check, &self.purposes, &self.classes);
        if let Some(justification) = &self.justification {
            check.text(justification.expose(), "/justification", 10, 2_000);
        }
        check.that(
            self.justification.is_some() || !self.basis.needs_justification(),
            "/justification",
            "required",
            "must say, in words, why this ground holds here",
        );
        check.that(
            self.expires_at.is_none_or(|end| now < end && end <= self.latest(now)),
            "/expires_at",
            "range",
            format!(
                "must lie in the future, and at most {} days ahead for this ground",
                self.basis.longest().as_hours() / SignedDuration::from_hours(24).as_hours()
            ),
        );
        let mut citations = Vec::new();
        for purpose in &self.purposes {
            for class in &self.classes {
                let is_asked_for = is_asked_for(*class, *purpose);
                check.that(
                    is_asked_for,
                    "/basis",
                    "opens-nothing",
                    format!(
                        "would open nothing: no row of the access table asks for a ground to use {class} for {purpose}"
                    ),
                );
                check.that(
                    !is_asked_for || allowed(regimes, self.basis, *purpose, *class).is_some(),
                    "/basis",
                    "no-such-ground",
                    format!(
                        "is not a ground under every law of the clinic to use {class} for {purpose}: ask for consent"
                    ),
                );
                // Each law's own section: the clinic answers to all of them.
                let by_law = regimes
                    .iter()
                    .filter_map(|regime| allowed(&[*regime], self.basis, *purpose, *class));
                citations.extend(by_law.map(|rule| rule.source.citation.to_owned()));
            }
        }
        check.finish()?;
        citations.sort_unstable();
        citations.dedup();
        Ok(citations)
    }
}

/// Establishes a ground.
///
/// Order: ledger, permissions, answer. A crash after the ledger entry leaves a ground that is entered and not yet in effect; the repeated
/// request comes to the same id, finds the entry and lets it take effect.
pub(crate) fn establish(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let body: GroundBody = exchange.json()?;
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let index = exchange.keyring.key("index")?;
    let ground_id: GroundId = idempotency::created_id(index, caller.clinic(), caller.account(), exchange.path(), key);
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Create,
        DataClass::LawfulGround,
        Some(ground_id.to_string()),
    )?;
    let refused = |problem: Problem| problem.recorded(recorded.event());
    let now = file.now;
    let fingerprint = idempotency::fingerprint(index, exchange.body());
    let ledger = file.ledger();
    let id = ground_id.as_bytes();
    let begun = if let Some(begun) = ledger.begun(id)? {
        begun
    } else {
        let jurisdiction = Jurisdictions::new(exchange)?.of(recorded.clinic()).map_err(refused)?;
        let citations = body.check(&jurisdiction.regimes, now).map_err(refused)?;
        // Requests that meet here may go beyond the bound by as many as they are, which keeps the document small enough.
        if permissions
            .grounds
            .iter()
            .filter(|ground| ground.is_current(now))
            .count()
            >= LIVE
        {
            return Err(refused(Problem::conflict(
                "too-many-grounds",
                format!("A client's data is used on at most {LIVE} other grounds. End one first."),
            )));
        }
        ledger.begin(LedgerEntry::Established(Established {
            ground: OtherGround {
                ground_id,
                basis: body.basis.name().to_owned(),
                citations,
                expires_at: Some(body.expires_at.unwrap_or(body.latest(now))),
                purposes: body.purposes,
                classes: body.classes,
                justification: body.justification,
                established_at: now,
                recorded_by: recorded.account(),
            },
            fingerprint,
        }))?
    };
    let LedgerEntry::Established(established) = begun else {
        return Err(Problem::defect("something else has the id of a ground"));
    };
    if established.fingerprint != fingerprint {
        return Err(refused(Problem::idempotency_key_reused()));
    }
    let ground = &established.ground;
    if ground.expires_at.is_none_or(|end| now < end) {
        file.make_live(
            |_| file.has_ended(id),
            |permissions| permissions.grounds.iter().any(|live| live.id == ground_id),
            |permissions| {
                permissions.grounds.push(LiveGround {
                    id: ground_id,
                    purposes: ground.purposes.clone(),
                    classes: ground.classes.clone(),
                    expires_at: ground.expires_at,
                });
            },
        )?;
    }
    Ok(Reply::created_without_location(ground)?.recorded(recorded.event()))
}

/// Ends a ground, in effect on the next request everywhere.
///
/// Order: permissions, ledger, permissions once more, answer: as a consent is withdrawn, and for the same reasons.
pub(crate) fn end(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ground_id: GroundId = exchange.parameter("ground")?;
    let reason = Reason::of(exchange)?;
    let caller = exchange.caller()?;
    let (file, recorded, _) = ClientFile::enter(
        exchange,
        &caller,
        Action::Revoke,
        DataClass::LawfulGround,
        Some(ground_id.to_string()),
    )?;
    let ledger = file.ledger();
    let id = ground_id.as_bytes();
    let history = ledger.find(id)?.ok_or_else(|| Problem::not_found(recorded.event()))?;
    let remove = |permissions: &mut access::Permissions| permissions.grounds.retain(|live| live.id != ground_id);
    file.end(remove)?;
    if history.ended.is_none() {
        ledger.end(&LedgerEntry::GroundEnded(GroundEnd {
            ground_id,
            ended_at: file.now,
            recorded_by: recorded.account(),
            reason,
        }))?;
        file.end(remove)?;
    }
    // Of two that meet, the first is in the ledger, and both are answered with it.
    let Some(LedgerEntry::GroundEnded(ended)) = ledger.find(id)?.and_then(|history| history.ended) else {
        return Err(Problem::defect(
            "the end of a ground that was just entered is not in the ledger",
        ));
    };
    let answer = EndAnswer {
        ground_id,
        ended_at: ended.ended_at,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}
