//! Until when a client is a minor, and what she agreed to herself before that was known.

use access::{Caller, Permissions, Recorded, Request};
use jiff::tz::TimeZone;
use model::{Action, ClientId, Confidential, ConsentId, DataClass, Timestamp, latest_today};
use serde::Deserialize;
use store::StoreError;
use web::{Check, Exchange, Problem, Reply};

use crate::file::{ClientFile, Files, prune};
use crate::jurisdiction::Jurisdictions;
use crate::ledger::{Entered, LedgerEntry, OwnConsent, Standing, Withdrawal};
use crate::{representatives, shared_files};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MinorityBody {
    /// When she is of age; `null` where she is. It has to be said: an empty body makes nobody an adult.
    #[serde(deserialize_with = "Option::deserialize")]
    until: Option<Timestamp>,
}

/// What a minor agreed to herself, in one file: her own, or one that she shares.
struct OwnConsents<'f> {
    file: &'f ClientFile<'f>,
    /// Which participant she is, in a shared file.
    participant: Option<ClientId>,
    recorded: &'f Recorded,
    /// Whether it is said now that she is a minor.
    is_minor: bool,
}

impl OwnConsents<'_> {
    fn all(&self) -> Result<Vec<OwnConsent>, StoreError> {
        self.file.ledger().given_by_client(self.participant, self.file.now)
    }

    /// What has no effect from now on. What a minority until then took the effect of is entered on the way, where it is not yet: once another is said,
    /// nothing else tells which those are.
    fn without_effect(&self, current: &Permissions, until: Option<Timestamp>) -> Result<Vec<OwnConsent>, StoreError> {
        let mut hers = match self.is_minor || until.is_some() {
            true => self.all()?,
            false => Vec::new(),
        };
        for hers in &hers {
            if has_lost_effect(hers, current, until) {
                self.file.ledger().end(&LedgerEntry::Withdrawn(Withdrawal {
                    consent_id: hers.id,
                    withdrawn_at: self.file.now,
                    recorded_by: self.recorded.account(),
                    reason: Some(Confidential::new("The client is a minor.".to_owned())),
                }))?;
            }
        }
        // What was entered when this was tried before, too: a request that records it may have come in between.
        hers.retain(|hers| self.is_minor || (!hers.is_open && is_minors(hers, until)));
        Ok(hers)
    }
}

fn is_live(permissions: &Permissions, id: ConsentId) -> bool {
    permissions.consents.iter().any(|live| live.id == id)
}

/// Whether she was a minor until then when she gave it.
fn is_minors(hers: &OwnConsent, until: Option<Timestamp>) -> bool {
    until.is_some_and(|majority| hers.given_at < majority)
}

/// Whether a minority until then took the effect of it, and that is not entered yet.
fn has_lost_effect(hers: &OwnConsent, permissions: &Permissions, until: Option<Timestamp>) -> bool {
    hers.is_open && is_minors(hers, until) && !is_live(permissions, hers.id)
}

fn take_effect_of(hers: &[OwnConsent], permissions: &mut Permissions) {
    permissions
        .consents
        .retain(|live| hers.iter().all(|hers| hers.id != live.id));
}

/// Ends whoever acts for her as a minor with this majority, or at once where she is of age. One whose right was said to end on the birthday as it was known until now
/// would count as an adult's guardian between the two: it would reach beyond the minority.
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

/// Says until when the client is a minor. It has to be known before anybody can agree to anything (DPDP Act s.9(1), GDPR 8(2)), so it is
/// kept as the one moment that matters, and not as a birth date. Where it is said that she is of age, whoever acted for the minor acts no more: without the
/// moment a guardian would count as an adult's. What a minor agreed to herself, before it was known, ends with it, in the files that she shares too.
///
/// Order: permissions, ledger, permissions once more where something ended; the same in each shared file; ledger of who acts for her and of the minority; answer. A
/// crash in between leaves a minority that holds, consents without effect and representatives who act no more, that are not entered, and consents in shared files that still have theirs. The repeated request finishes it, and so does
/// one that says another time: what had no effect any more gets none again. The second write keeps a request that is recording such a consent from bringing it
/// back. Her own file comes first, so that nothing is agreed to in a shared one after it was looked through.
///
/// Where she is of age it comes last: what a broken off request has taken the effect of in a shared file is known by the minority that this ends.
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
            "must not be later than somebody who is born today is of age",
        );
    }
    check.finish().map_err(|problem| problem.recorded(recorded.event()))?;
    let is_minor = until.is_some_and(|majority| file.now < majority);
    let own = OwnConsents {
        file: &file,
        participant: None,
        recorded: &recorded,
        is_minor,
    };
    let set = || {
        file.change_by(
            |current| own.without_effect(current, current.minor_until),
            |permissions, hers| {
                prune(permissions, file.now);
                end_with(permissions, until.filter(|_| is_minor));
                permissions.minor_until = until;
                take_effect_of(hers, permissions);
            },
        )
    };
    if is_minor {
        let hers = set()?;
        if hers.iter().any(|hers| hers.is_open) {
            set()?;
        }
        end_in_shared_files(exchange, &caller, &own, until)?;
    } else {
        end_in_shared_files(exchange, &caller, &own, permissions.minor_until)?;
        set()?;
    }
    let entered = Entered::by(recorded.account());
    representatives::settle_all(&file, &entered)?;
    file.settle(|permissions| Standing::Minority(permissions.minor_until), &entered)?;
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// Ends in each file that the client shares what she agreed to there as a minor until then. Whoever sets her minority need not treat those who share it with her: it is
/// the law that ends this, so it is not decided about anew, and stands in the trail of each such file beside what it follows from.
///
/// A file that was opened before there were lists of them is in none, and stays as it is.
fn end_in_shared_files(
    exchange: &Exchange<'_>,
    caller: &Caller,
    own: &OwnConsents<'_>,
    until: Option<Timestamp>,
) -> Result<(), Problem> {
    if until.is_none() {
        return Ok(());
    }
    let OwnConsents { file, recorded, .. } = own;
    for current in shared_files::of(file)? {
        let shared = OwnConsents {
            file: &Files::new(exchange)?.of(file.clinic, current.client),
            participant: Some(file.client),
            ..*own
        };
        let hers = shared.all()?;
        if hers.is_empty() {
            continue;
        }
        if hers
            .iter()
            .any(|hers| (hers.is_open && own.is_minor) || has_lost_effect(hers, &current, until))
        {
            let request = Request::new(Action::Revoke, DataClass::Consent).about(current.client);
            exchange.gate()?.follow(caller, recorded, &request, &current)?;
        }
        let end = || {
            shared.file.change_by(
                |current| shared.without_effect(current, until),
                |permissions, hers| take_effect_of(hers, permissions),
            )
        };
        if end()?.iter().any(|hers| hers.is_open) {
            end()?;
        }
    }
    Ok(())
}
