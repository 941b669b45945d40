//! Address and password, as somebody presents them who has not logged in.
//!
//! Whatever is wrong, the answer is the same, after the same work: the same store operations and one Argon2id.

use access::Request;
use account::email::{self, Email};
use account::password::Password;
use account::step::PasswordEvidence;
use account::throttle::{Attempt, Factor, RouteClass, Subject, Verdict};
use account::{Account, Accounts};
use audit_trail::Decision;
use model::{AccountId, Action, ClinicId, DataClass};
use web::{Check, Exchange, Problem};

/// An account, or one that does not exist, and what became of the password.
pub(crate) struct Presented<'t> {
    pub(crate) attempt: Attempt<'t>,
    pub(crate) account: Account,
    pub(crate) evidence: PasswordEvidence,
    exists: bool,
    verdict: Verdict,
    second: Option<Factor>,
}

pub(crate) fn invalid_credentials() -> Problem {
    Problem::new(
        http::StatusCode::UNAUTHORIZED,
        "invalid-credentials",
        "The clinic, e-mail address, password or code is not right, the code was used before, or the account is not open.",
    )
}

/// Records that somebody proved nothing, at this account or at none, and gives the problem that says no more than that. An
/// account that was not found names no clinic either: the trail of a clinic is about its own accounts.
pub(crate) fn record_refusal(
    exchange: &Exchange<'_>,
    request: Request,
    account: Option<&Account>,
    rule: &'static str,
    problem: Problem,
) -> Result<Problem, Problem> {
    let (clinic, request) = match account {
        Some(account) => (Some(account.clinic), request.of(account.id)),
        None => (None, request),
    };
    let event = exchange.gate()?.note(clinic, None, &request, Decision::Denied, rule)?;
    Ok(problem.recorded(event))
}

/// The address, if it is one and the password is not too long to be looked at.
pub(crate) fn checked(email: &str, password: &Password, mut check: Check) -> Result<Email, Problem> {
    let email = check.parsed(Email::parse(email), "/email", "email", email::RULE);
    password.check_length(&mut check, "/password");
    check.finish()?;
    email.ok_or_else(|| Problem::defect("a checked address is missing"))
}

/// Looks the account up and checks the password, beside which this factor is shown; 421 for a clinic that is at home elsewhere. At a locked factor nothing is right, and
/// everything takes as long.
pub(crate) fn present<'t>(
    exchange: &Exchange<'_>,
    accounts: &'t Accounts<'t>,
    clinic: ClinicId,
    email: &Email,
    password: &Password,
    second: Option<Factor>,
) -> Result<Presented<'t>, Problem> {
    let mut attempt = Attempt::begin(exchange, accounts, RouteClass::LogIn)?;
    attempt.resident_clinic(exchange, clinic)?;
    let found = accounts.find(clinic, email)?;
    let exists = found.is_some();
    let subject = match &found {
        Some(account) => Subject::Account(clinic, account.id),
        None => Subject::Nobody(clinic, email),
    };
    let shown: Vec<Factor> = [Factor::Password].into_iter().chain(second).collect();
    let verdict = attempt.at(subject, &shown)?;
    let account = found.unwrap_or_else(|| {
        let id = AccountId::from_bytes([0; 16]);
        Account::nobody(clinic, id, exchange.platform.clock.now())
    });
    let is_right = account.password.is_of(password, exchange.keyring.key("pepper")?)?;
    Ok(Presented {
        attempt,
        account,
        evidence: if is_right && exists && verdict == Verdict::Open {
            PasswordEvidence::Right
        } else {
            PasswordEvidence::Wrong
        },
        exists,
        verdict,
        second,
    })
}

impl Presented<'_> {
    /// Counts and records a refusal.
    pub(crate) fn refuse(&self, exchange: &Exchange<'_>, action: Action, class: DataClass) -> Result<Problem, Problem> {
        let wrong = match (self.evidence, self.second) {
            (PasswordEvidence::Right, Some(second)) => second,
            _ => Factor::Password,
        };
        self.attempt.failed(wrong)?;
        let rule = match self.verdict {
            Verdict::Open => "login.refused",
            Verdict::Locked => "login.locked",
        };
        let account = self.exists.then_some(&self.account);
        record_refusal(
            exchange,
            Request::new(action, class),
            account,
            rule,
            invalid_credentials(),
        )
    }
}
