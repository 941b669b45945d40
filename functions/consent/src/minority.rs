//! Until when a client is a minor, and what she agreed to herself before that was known.

use access::{Caller, Permissions, Recorded, Request};
use jiff::tz::TimeZone;
use model::{AccountId, Action, ClientId, Confidential, ConsentId, DataClass, Timestamp, latest_today};
use schemars::JsonSchema;
use serde::Deserialize;
use store::StoreError;
use web::{Check, Exchange, Problem, Reply};

use crate::file::{ClientFile, Files, prune};
use crate::jurisdiction::Jurisdictions;
use crate::ledger::{Consent, Entered, GivenBy, GivenConsent, LedgerEntry, Standing, Withdrawal};
use crate::{representatives, shared_files};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Minority", extend("required" = ["until"]))]
pub(crate) struct MinorityBody {
    /// When she is of age; `null` where she is. It has to be said.
    // An empty body makes nobody an adult.
    #[serde(deserialize_with = "Option::deserialize")]
    until: Option<Timestamp>,
}

/// Why what was given for a client ends before its time.
pub(crate) const GIVEN_FOR_TOO_LONG: &str = "Whoever gave it does not act for the client for as long.";

/// What a minority ends in one file: her own, or one that she shares.
struct Ending<'f> {
    file: &'f ClientFile<'f>,
    /// Which participant she is, in a shared file.
    participant: Option<ClientId>,
    recorded: &'f Recorded,
    /// Her own permissions as they are once whoever acts for her as a minor ends with this minority.
    person: &'f Permissions,
    /// Until when it is said now that she is a minor, where she is one.
    majority: Option<Timestamp>,
}

impl Ending<'_> {
    /// What she gave herself, and what was given for her and would go on beyond her majority.
    fn all(&self) -> Result<Vec<GivenConsent>, StoreError> {
        let now = self.file.now;
        let majority = self.majority.unwrap_or(now);
        let is_meant = |consent: &Consent| {
            consent.participant_id == self.participant
                && (consent.given_by == GivenBy::Client || outlasts(consent, self.person, majority, now))
        };
        self.file.ledger().given(is_meant, now)
    }

    /// Whether it ends now, or is entered now as what has ended. Of age, she keeps what she gave herself and what has its effect.
    fn ends(&self, given: &GivenConsent, current: &Permissions, until: Option<Timestamp>) -> bool {
        let was_given_for_her = given.given_by == GivenBy::Guardian && is_minors(given, until);
        let ends = given.is_open && (self.majority.is_some() || was_given_for_her);
        ends || has_lost_effect(given, current, until)
    }

    /// What has no effect from now on. What a minority until then took the effect of is entered on the way, where it is not yet: once another is said,
    /// nothing else tells which those are.
    fn without_effect(&self, current: &Permissions, until: Option<Timestamp>) -> Result<Vec<GivenConsent>, StoreError> {
        let is_minor = self.majority.is_some();
        let mut all = match is_minor || until.is_some() {
            true => self.all()?,
            false => Vec::new(),
        };
        for given in &all {
            if has_lost_effect(given, current, until) {
                let reason = match given.given_by {
                    GivenBy::Client => "The client is a minor.",
                    GivenBy::Guardian => GIVEN_FOR_TOO_LONG,
                };
                self.file.ledger().end(&LedgerEntry::Withdrawn(Withdrawal {
                    consent_id: given.id,
                    withdrawn_at: self.file.now,
                    recorded_by: self.recorded.account(),
                    reason: Some(Confidential::new(reason.to_owned())),
                }))?;
            }
        }
        // What was entered when this was tried before, too: a request that records it may have come in between.
        all.retain(|given| {
            let is_over = given.given_by == GivenBy::Guardian || !given.is_open;
            is_minor || (is_over && is_minors(given, until))
        });
        Ok(all)
    }
}

/// Whether somebody agreed to this for the client and acts for her no longer than until this majority, beyond which it would go on. It is not ended by the
/// majority itself, as what is given once the minority is known: it was given before that, or for a later majority in a file that has none.
pub(crate) fn outlasts(consent: &Consent, person: &Permissions, majority: Timestamp, now: Timestamp) -> bool {
    let acts_beyond = |account: AccountId| {
        let acting = person.representative(account, now);
        acting.is_some_and(|acting| !person.ends_with_minority(acting))
    };
    consent.given_by == GivenBy::Guardian
        && !consent.until_majority
        && consent.expires_at.is_none_or(|end| majority < end)
        && !consent.representative_id.is_some_and(acts_beyond)
}

fn is_live(permissions: &Permissions, id: ConsentId) -> bool {
    permissions.consents.iter().any(|live| live.id == id)
}

/// Whether she was a minor until then when it was given.
fn is_minors(given: &GivenConsent, until: Option<Timestamp>) -> bool {
    until.is_some_and(|majority| given.given_at < majority)
}

/// Whether a minority until then took the effect of it, and that is not entered yet.
fn has_lost_effect(given: &GivenConsent, permissions: &Permissions, until: Option<Timestamp>) -> bool {
    given.is_open && is_minors(given, until) && !is_live(permissions, given.id)
}

fn take_effect_of(ended: &[GivenConsent], permissions: &mut Permissions) {
    permissions
        .consents
        .retain(|live| ended.iter().all(|given| given.id != live.id));
}

/// Ends whoever acts for her as a minor with this majority, or at once where she is of age. One whose right was said to end on the birthday as it was known
/// until now would count as an adult's guardian between the two: it would reach beyond the minority.
fn end_with(permissions: &mut Permissions, majority: Option<Timestamp>) {
    let mut representatives = std::mem::take(&mut permissions.representatives);
    match majority {
        None => representatives.retain(|there| !permissions.ends_with_minority(there)),
        Some(majority) => {
            for there in &mut representatives {
                if permissions.ends_with_minority(there) {
                    there.until = there.until.map(|end| end.min(majority));
                }
            }
        }
    }
    permissions.representatives = representatives;
}

/// Says until when the client is a minor. It has to be known before anybody can agree to anything (DPDP Act s.9(1), GDPR 8(2)), so it is kept as the one
/// moment that matters, and not as a birth date. Where it is said that she is of age, whoever acted for the minor acts no more: without the moment a guardian
/// would count as an adult's. What a minor agreed to herself, before it was known, ends with it, in the files that she shares too; and so does what whoever
/// acts for the minor agreed to and would go on beyond her majority (45 CFR 164.502(g)(3)): she agrees anew.
///
/// Order: permissions, ledger, permissions once more where something ended; the same in each shared file; ledger of who acts for her and of the minority;
/// answer. A crash in between leaves a minority that holds, consents without effect and representatives who act no more, that are not entered, and consents
/// in shared files that still have theirs. The repeated request finishes it while she is a minor, and so does one that says another time: what had no effect
/// any more gets none again. Said again when she is of age by then, it leaves what she gave herself in shared files and still has effect, which staff
/// withdraw. The second write keeps a request that is recording such a consent from bringing it back. Her own file comes first, so that nothing is agreed to
/// in a shared one after it was looked through.
///
/// Where she is of age the minority comes last: what is ended for it in a shared file, and what a broken off request has taken the effect of there, is known
/// by it alone. Her own file comes first all the same, so that nobody who acted for the minor agrees in the meantime. A crash in between leaves a minority in
/// which fewer act for her.
pub(crate) fn set(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let MinorityBody { until } = exchange.json()?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) =
        ClientFile::enter(exchange, &caller, Action::Amend, DataClass::ClientFile, None)?;
    let mut check = Check::new();
    check.that(
        permissions.participants.is_empty(),
        "/until",
        "person",
        "a shared file has no age: each participant has her own",
    );
    if let Some(until) = until {
        // A year that was typed wrongly would take what she agrees to herself from an adult, for as long.
        let jurisdiction = Jurisdictions::new(exchange)?.read(file.clinic)?;
        let regimes = jurisdiction.map(|jurisdiction| jurisdiction.value.regimes);
        let latest = law::latest_majority(&regimes.unwrap_or_default(), latest_today(file.now));
        check.that(
            until.to_zoned(TimeZone::UTC).date() <= latest,
            "/until",
            "majority",
            "must not be later than somebody who is born today is of age, wherever that is latest",
        );
    }
    check.finish().map_err(|problem| problem.recorded(recorded.event()))?;
    let majority = until.filter(|majority| file.now < *majority);
    let before = permissions.minor_until;
    let mut person = permissions;
    prune(&mut person, file.now);
    end_with(&mut person, majority);
    person.minor_until = majority.or(before);
    let own = Ending {
        file: &file,
        participant: None,
        recorded: &recorded,
        person: &person,
        majority,
    };
    let set = |is_last: bool| {
        file.change_by(
            |current| own.without_effect(current, current.minor_until),
            |permissions, ended| {
                prune(permissions, file.now);
                end_with(permissions, majority);
                if is_last {
                    permissions.minor_until = until;
                }
                take_effect_of(ended, permissions);
            },
        )
    };
    if majority.is_some() {
        if set(true)?.iter().any(|given| given.is_open) {
            set(true)?;
        }
        end_in_shared_files(exchange, &caller, &own, majority)?;
    } else {
        if before.is_some() {
            set(false)?;
            end_in_shared_files(exchange, &caller, &own, before)?;
        }
        set(true)?;
    }
    let entered = Entered::by(recorded.account());
    representatives::settle_all(&file, &entered)?;
    file.settle(|permissions| Standing::Minority(permissions.minor_until), &entered)?;
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// Ends in each file that the client shares what she agreed to there as a minor until then, and what was agreed to for her. Whoever sets her minority need
/// not treat those who share it with her: it is the law that ends this, so it is not decided about anew, and stands in the trail of each such file beside
/// what it follows from.
///
/// A file that was opened before there were lists of them is in none, and stays as it is.
fn end_in_shared_files(
    exchange: &Exchange<'_>,
    caller: &Caller,
    own: &Ending<'_>,
    until: Option<Timestamp>,
) -> Result<(), Problem> {
    let Ending { file, recorded, .. } = own;
    for current in shared_files::of(file)? {
        let shared = Ending {
            file: &Files::new(exchange)?.of(file.clinic, current.client),
            participant: Some(file.client),
            ..*own
        };
        let all = shared.all()?;
        if all.is_empty() {
            continue;
        }
        if all.iter().any(|given| shared.ends(given, &current, until)) {
            let request = Request::new(Action::Revoke, DataClass::Consent).about(current.client);
            exchange.gate()?.follow(caller, recorded, &request, &current)?;
        }
        let end = || {
            shared.file.change_by(
                |current| shared.without_effect(current, until),
                |permissions, ended| take_effect_of(ended, permissions),
            )
        };
        if end()?.iter().any(|given| given.is_open) {
            end()?;
        }
    }
    Ok(())
}
