//! The second factors of oneself: what there is, how it is added and taken away.
//!
//! Each needs a proof that is recent, or a session that is there to set up the first one. Nothing changes before its
//! owner's notice of it is durable, so that nobody changes how somebody logs in without her learning of it.

pub(crate) mod passkeys;
pub(crate) mod recovery_codes;
pub(crate) mod sms;
pub(crate) mod totp;

use access::{Assurance, Caller, Request};
use account::factor::{Factors, SecondFactor};
use account::notice;
use account::session::{admit, end_others, own_account};
use account::step;
use account::{Account, Accounts, Unchanged};
use audit_trail::Decision;
use http::StatusCode;
use model::{Action, Confidential, DataClass, EventId, Timestamp};
use notification::{Content, Factor};
use passkeys::PasskeyAnswer;
pub(crate) use passkeys::{add as add_passkey, options as passkey_options, remove as remove_passkey};
pub(crate) use recovery_codes::make as make_recovery_codes;
use schemars::JsonSchema;
use serde::Serialize;
pub(crate) use sms::{begin as begin_sms, confirm as confirm_sms, remove as remove_sms};
use store::{UpdateError, Versioned};
pub(crate) use totp::{begin as begin_totp, confirm as confirm_totp, remove as remove_totp};
use web::{Exchange, Problem, Reply};

/// Somebody who may change how she logs in, and her account.
pub(crate) struct Own<'o> {
    exchange: &'o Exchange<'o>,
    accounts: &'o Accounts<'o>,
    pub(crate) caller: Caller,
    pub(crate) account: Account,
    version: u64,
    request: Request,
    pub(crate) event: EventId,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnTotp")]
struct TotpAnswer {
    confirmed_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnSms")]
struct SmsAnswer {
    /// Its last two digits, such as `…23`.
    number: Confidential<String>,
    confirmed_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnRecoveryCodes")]
struct RecoveryCodesAnswer {
    made_at: Timestamp,
    /// How many were not used yet.
    left: usize,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnFactors")]
pub(crate) struct ListAnswer {
    passkeys: Vec<PasskeyAnswer>,
    /// The authenticator app; `null` where there is none.
    totp: Option<TotpAnswer>,
    /// The number that codes are sent to; `null` where there is none.
    sms: Option<SmsAnswer>,
    /// `null` where none were made.
    recovery_codes: Option<RecoveryCodesAnswer>,
    /// What would be better than what there is. Absent where there is nothing better.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    suggested: &'static [SecondFactor],
}

/// The caller's session must not change factors as they are by now.
fn not_by_this_session(assurance: Assurance) -> Problem {
    if assurance == Assurance::Enrolment {
        Problem::new(
            StatusCode::FORBIDDEN,
            "log-in-required",
            "The account has a second factor now. Log in with it to change more.",
        )
    } else {
        Problem::step_up_required()
    }
}

impl<'o> Own<'o> {
    /// Authenticates, decides and records, and holds the session against the account.
    pub(crate) fn admit(
        exchange: &'o Exchange<'o>,
        accounts: &'o Accounts<'o>,
        request: Request,
    ) -> Result<Self, Problem> {
        let (recorded, caller) = admit(exchange, request.clone().fresh())?;
        let Versioned {
            version,
            value: account,
        } = own_account(accounts, &caller)?;
        let own = Self {
            exchange,
            accounts,
            caller,
            account,
            version,
            request,
            event: recorded.event(),
        };
        match own.check(&own.account) {
            Ok(()) => Ok(own),
            Err(problem) => Err(own.refuse(problem)),
        }
    }

    /// Records that the session, or what was shown in it, is refused what the table allows.
    pub(crate) fn refuse(&self, problem: Problem) -> Problem {
        let session = self.caller.session().id;
        let (clinic, actor) = (Some(self.account.clinic), Some(self.account.actor(Some(session))));
        let rule = "authenticator.refused";
        let recorded = self
            .exchange
            .gate()
            .and_then(|gate| Ok(gate.note(clinic, actor, &self.request, Decision::Denied, rule)?));
        match recorded {
            Ok(event) => problem.recorded(event),
            Err(unrecorded) => unrecorded,
        }
    }

    /// Whether the session may change the factors of the account as it is by now.
    fn check(&self, account: &Account) -> Result<(), Problem> {
        let assurance = self.caller.session().assurance;
        if step::may_change_factors(&account.circumstances(), assurance) {
            Ok(())
        } else {
            Err(not_by_this_session(assurance))
        }
    }

    /// Makes the notice of a change durable, before the change. It is named by the account's version, so that a request that is
    /// repeated after it died in between sends it once.
    pub(crate) fn tell(&self, exchange: &Exchange<'_>, content: Content) -> Result<(), Problem> {
        let occasion = self.version.to_be_bytes();
        notice::tell(exchange, self.accounts, &self.account, &occasion, content)
            .map_err(|problem| problem.recorded(self.event))
    }

    /// Changes the account, unless the session may not change it any more, and gives what it then is. What is refused of the
    /// account as it is by then is recorded so.
    pub(crate) fn change(
        &self,
        change: &mut dyn FnMut(&mut Account) -> Result<(), Problem>,
    ) -> Result<Account, Problem> {
        let mut changed = None;
        let result = self
            .accounts
            .change(self.account.clinic, self.account.id, &mut |account| {
                self.check(account)?;
                change(account)?;
                changed = Some(account.clone());
                Ok(())
            });
        match (result, changed) {
            (Ok(()), Some(account)) => Ok(account),
            (Err(UpdateError::Refused(Unchanged::Failed(problem))), _) if problem.kind != "contended" => {
                Err(self.refuse(problem))
            }
            (Err(error), _) => Err(Problem::from(error).recorded(self.event)),
            (Ok(()), None) => Err(Problem::defect("a change that was made was not tried").recorded(self.event)),
        }
    }

    /// Ends all other sessions of the account.
    pub(crate) fn end_others(&self, exchange: &Exchange<'_>, account: &Account) -> Result<(), Problem> {
        end_others(exchange, self.accounts, account, Some(self.caller.session().id))
            .map_err(|problem| problem.recorded(self.event))
    }

    pub(crate) fn done(&self) -> Reply {
        Reply::no_content().recorded(self.event)
    }
}

/// A code that confirms nothing.
fn wrong_code() -> Problem {
    Problem::conflict(
        "wrong-code",
        "The code is not right, was used before or tried too often, or there is nothing to confirm. Begin again.",
    )
}

/// What is asked of the trail for a factor.
fn request(action: Action) -> Request {
    Request::new(action, DataClass::Authenticator).while_enrolling()
}

/// Takes a factor away: `take` does it, and says whether there was one.
///
/// Order: record, notice, account, sessions, answer. A crash after the notice leaves a notice of what was not done; the repeated
/// request does it and sends no other. A crash after the account leaves other sessions alive; the repeated request finds nothing
/// to take away and ends them.
fn remove(exchange: &Exchange<'_>, factor: Factor, take: &dyn Fn(&mut Factors) -> bool) -> Result<Reply, Problem> {
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::Revoke))?;
    let taken = |account: &mut Account| -> Result<bool, Problem> {
        let holder = account.holder();
        let was_there = take(&mut account.factors);
        let left = account.factors.registered();
        if was_there && !step::may_be_left_with(holder, left) {
            return Err(Problem::conflict(
                "last-second-factor",
                "Staff need a second factor. Set up another one before you take this one away.",
            ));
        }
        // Recovery codes stand in for another factor. Where none is left, they would be found again beside the next one.
        if left.usable_by(holder).is_empty() {
            account.factors.recovery_codes = None;
        }
        Ok(was_there)
    };
    if taken(&mut own.account.clone()).map_err(|problem| own.refuse(problem))? {
        own.tell(exchange, Content::FactorRemoved { factor })?;
    }
    let account = own.change(&mut |account| taken(account).map(drop))?;
    own.end_others(exchange, &account)?;
    Ok(own.done())
}

/// `GET /v1/auth/factors`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::List))?;
    let factors = &own.account.factors;
    let better = factors.registered().passkey || factors.registered().totp;
    Ok(Reply::ok(&ListAnswer {
        passkeys: factors.passkeys.iter().map(PasskeyAnswer::from).collect(),
        totp: factors.totp.as_ref().map(|totp| TotpAnswer {
            confirmed_at: totp.confirmed_at,
        }),
        sms: factors.sms.as_ref().map(|sms| SmsAnswer {
            number: sms.phone.hint(),
            confirmed_at: sms.confirmed_at,
        }),
        recovery_codes: factors.recovery_codes.as_ref().map(|codes| RecoveryCodesAnswer {
            made_at: codes.made_at,
            left: codes.left(),
        }),
        suggested: if better { &[] } else { &step::BETTER },
    })?
    .recorded(own.event))
}
