//! Another address for one's own account. See [`account::EmailChange`] for who has to confirm it.

use access::Request;
use account::email::{self, Email};
use account::session::{admit, own_account};
use account::throttle::{Attempt, RouteClass, limit_rate};
use account::{Account, AccountState, Accounts, EmailChange, Link, LinkUse, Mailbox, Unchanged, notice};
use audit_trail::Decision;
use http::StatusCode;
use model::{AccountId, Action, ClinicId, Confidential, DataClass, EventId, Timestamp};
use notification::{Content, Message, Recipient, Urgency};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::UpdateError;
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::enrolment::email_taken;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewEmail")]
pub(crate) struct EmailBody {
    email: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EmailConfirmation")]
pub(crate) struct ConfirmBody {
    /// As either link that was mailed has it.
    #[schemars(with = "String")]
    token: Zeroizing<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EmailChange")]
pub(crate) struct EmailChangeAnswer {
    /// The address that was asked for.
    email: Confidential<String>,
    expires_at: Timestamp,
    /// Which of the two mailboxes have still to confirm it.
    waiting_for: Vec<Mailbox>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EmailConfirmed")]
pub(crate) struct ConfirmedAnswer {
    /// Which mailbox has still to confirm it. Empty where the address is changed.
    waiting_for: Vec<Mailbox>,
}

impl From<EmailChange> for EmailChangeAnswer {
    fn from(change: EmailChange) -> Self {
        Self {
            waiting_for: change.waiting_for(),
            expires_at: change.expires_at,
            email: change.email,
        }
    }
}

fn invalid_link() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-link",
        "The link is not valid, is over, or is of a change that was withdrawn or asked for anew. Ask for the change again.",
    )
}

fn no_change() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-email-change",
        "No change of the e-mail address is open.",
    )
}

fn checked(account: &Confidential<String>) -> Result<Email, Problem> {
    Email::parse(account.expose()).map_err(|_| Problem::defect("an account holds what is no address"))
}

fn own(exchange: &Exchange<'_>, accounts: &Accounts<'_>, request: Request) -> Result<(Account, EventId), Problem> {
    let (recorded, caller) = admit(exchange, request)?;
    match own_account(accounts, &caller) {
        Ok(account) => Ok((account.value, recorded.event())),
        Err(problem) => Err(problem.recorded(recorded.event())),
    }
}

/// `POST /v1/auth/email-change`
///
/// Mails a link to the address so far and one to the new one, whoever has that: whether another account has it, only its reader
/// learns, at the end. A change that is open makes room.
///
/// Order: request counted, record, account, messages, answer. A crash after the account leaves an open change whose links were not
/// all mailed; the repeated request opens another in its place.
pub(crate) fn ask(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let EmailBody { email } = exchange.json()?;
    let mut check = Check::new();
    let email = check.parsed(Email::parse(&email), "/email", "email", email::RULE);
    check.finish()?;
    let email = email.ok_or_else(|| Problem::defect("a checked address is missing"))?;
    let accounts = Accounts::open(exchange)?;
    // Mail to an address that somebody else may read.
    limit_rate(exchange, &accounts, RouteClass::Reset)?;
    let request = Request::new(Action::Amend, DataClass::Authenticator).fresh();
    let (account, event) = own(exchange, &accounts, request)?;
    begin(exchange, &accounts, &account, &email, event).map_err(|problem| problem.recorded(event))
}

fn begin(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    account: &Account,
    email: &Email,
    event: EventId,
) -> Result<Reply, Problem> {
    let now = exchange.platform.clock.now();
    let mut link = Link::new(LinkUse::EmailChangeTo, account.clinic, account.id, 0, now);
    let mut before = None;
    accounts.change(account.clinic, account.id, &mut |account| {
        let mut check = Check::new();
        check.that(
            !email.is_same(account.email.expose()),
            "/email",
            "changed",
            "must be another address than the account's",
        );
        check.finish()?;
        // The address that this change replaces: an earlier change may have been made since the account was read.
        link.email = account.email.clone();
        before = account.email_change.take();
        link.number = account.ask_for_email(email, link.expires_at);
        Ok(())
    })?;
    free(accounts, account, before)?;
    for (mailbox, address) in [(Mailbox::Current, &link.email), (Mailbox::New, email.spelled())] {
        let token = link.seal(mailbox.link_use(), accounts.seal, exchange.platform.entropy)?;
        let token = Confidential::new(token.to_string());
        let content = match mailbox {
            Mailbox::Current => Content::EmailChangeOld { token },
            Mailbox::New => Content::EmailChangeNew { token },
        };
        let message = Message {
            // Each event sends one link to each.
            key: format!("{}/{event}", content.template().name()),
            clinic_id: account.clinic,
            recipient: Recipient::Email(address.clone()),
            content,
            language: account.language.clone(),
            urgency: Urgency::Queued,
            expires_at: Some(link.expires_at),
        };
        message.send(exchange)?;
    }
    let answer = EmailChangeAnswer {
        email: email.spelled().clone(),
        expires_at: link.expires_at,
        waiting_for: Mailbox::ALL.to_vec(),
    };
    Ok(Reply::accepted(&answer)?.recorded(event))
}

/// Frees the address of a change that will not be made, where a request that died had taken it already. Not where the account has
/// it by now: a later change may have been to the same address.
fn free(accounts: &Accounts<'_>, account: &Account, change: Option<EmailChange>) -> Result<(), Problem> {
    let Some(change) = change.filter(EmailChange::is_confirmed) else {
        return Ok(());
    };
    let email = checked(&change.email)?;
    let now = accounts.account(account.clinic, account.id).read()?;
    if now.is_some_and(|now| email.is_same(now.value.email.expose())) {
        return Ok(());
    }
    accounts.release_email(account.clinic, &email, account.id)
}

/// `GET /v1/auth/email-change`
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let accounts = Accounts::open(exchange)?;
    let (account, event) = own(
        exchange,
        &accounts,
        Request::new(Action::List, DataClass::Authenticator),
    )?;
    let now = exchange.platform.clock.now();
    let change = account
        .email_change
        .filter(|change| now < change.expires_at)
        .ok_or_else(|| no_change().recorded(event))?;
    Ok(Reply::ok(&EmailChangeAnswer::from(change))?.recorded(event))
}

/// `DELETE /v1/auth/email-change`
///
/// Order: record, account, address, answer. A crash after the account leaves the address of a change that both had confirmed, and
/// whose making had died, with the account: it can log in with it, and nobody else can take it.
pub(crate) fn withdraw(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let accounts = Accounts::open(exchange)?;
    let (account, event) = own(
        exchange,
        &accounts,
        Request::new(Action::Revoke, DataClass::Authenticator),
    )?;
    let mut before = None;
    let withdrawn = accounts.change(account.clinic, account.id, &mut |account| {
        before = account.email_change.take();
        account.withdraw_email_change();
        Ok(())
    });
    withdrawn
        .map_err(Problem::from)
        .and_then(|()| free(&accounts, &account, before))
        .map_err(|problem| problem.recorded(event))?;
    Ok(Reply::no_content().recorded(event))
}

/// `POST /v1/auth/email-change/confirm`
///
/// Needs no session: mail is often read on another device than the one at which somebody logged in.
///
/// Order: failure counted, record, account (confirmed); and once both have: new address taken, notice, account (address), address so
/// far freed; failure given back, answer. A crash after the new address leaves an account that is found under both; after the
/// account, the address so far is nobody else's yet. Either link, followed again, does what is left.
pub(crate) fn confirm(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ConfirmBody { token } = exchange.json()?;
    let accounts = Accounts::open(exchange)?;
    let attempt = Attempt::begin(exchange, &accounts, RouteClass::Acceptance)?;
    let now = exchange.platform.clock.now();
    let link = Mailbox::ALL
        .into_iter()
        .find_map(|mailbox| Some((mailbox, Link::open(mailbox.link_use(), accounts.seal, &token, now)?)));
    let Some((mailbox, link)) = link else {
        return Err(refuse(exchange, None, None)?);
    };
    attempt.resident_clinic(exchange, link.clinic)?;
    let account = accounts.account(link.clinic, link.account).read()?;
    let account = account
        .map(|account| account.value)
        .filter(|account| account.state == AccountState::Active && account.email_changes == link.number);
    let Some(account) = account else {
        return Err(refuse(exchange, Some(link.clinic), Some(link.account))?);
    };
    let request = Request::new(Action::Amend, DataClass::Authenticator).of(account.id);
    let actor = account.actor(None);
    let noted = exchange.gate()?.note(
        Some(account.clinic),
        Some(actor),
        &request,
        Decision::Allowed,
        "email-change.confirmed",
    );
    let event = noted.map_err(|error| attempt.excuse(error.into()))?;
    let waiting_for =
        confirmed(exchange, &accounts, &link, mailbox).map_err(|problem| attempt.excuse(problem.recorded(event)))?;
    // It is confirmed whether what was counted is given back or not.
    let _ = attempt.released();
    Ok(Reply::ok(&ConfirmedAnswer { waiting_for })?.recorded(event))
}

/// The mailbox confirms; whom it still waits for then.
fn confirmed(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    link: &Link,
    mailbox: Mailbox,
) -> Result<Vec<Mailbox>, Problem> {
    // The account as it is then; none where it was withdrawn or closed meanwhile.
    let change = |decide: &dyn Fn(&mut Account) -> bool| -> Result<Option<Account>, Problem> {
        let mut changed = None;
        let result = accounts.change(link.clinic, link.account, &mut |account| {
            if account.state != AccountState::Active || !decide(account) {
                return Err(Unchanged::Raced);
            }
            changed = Some(account.clone());
            Ok(())
        });
        match result {
            Ok(()) => Ok(changed),
            Err(UpdateError::Refused(Unchanged::Raced)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    let account = change(&|account| account.confirm_email_change(link.number, mailbox))?.ok_or_else(invalid_link)?;
    if let Some(open) = account.email_change.clone() {
        if !open.is_confirmed() {
            return Ok(open.waiting_for());
        }
        if !accounts.claim_email(account.clinic, &checked(&open.email)?, account.id)? {
            return Err(email_taken());
        }
        let occasion = link.number.to_be_bytes();
        notice::tell(exchange, accounts, &account, &occasion, Content::EmailChanged)?;
        if change(&|account| account.make_email_change(link.number))?.is_none() {
            free(accounts, &account, Some(open))?;
            return Err(invalid_link());
        }
    }
    accounts.release_email(link.clinic, &checked(&link.email)?, link.account)?;
    Ok(Vec::new())
}

/// Records a refusal, which is counted already.
fn refuse(exchange: &Exchange<'_>, clinic: Option<ClinicId>, account: Option<AccountId>) -> Result<Problem, Problem> {
    let mut request = Request::new(Action::Amend, DataClass::Authenticator);
    if let Some(account) = account {
        request = request.of(account);
    }
    let gate = exchange.gate()?;
    let event = gate.note(clinic, None, &request, Decision::Denied, "email-change.refused")?;
    Ok(invalid_link().recorded(event))
}
