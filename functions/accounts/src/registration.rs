//! Clients who open an account themselves, where their clinic allows it.
//!
//! Nothing is kept of who has not shown that the address is hers: what she asked for is in the link. The account that it leads to
//! is named in it, so that a link leads to one account however often it is followed.

use access::Request;
use account::email::{self, Email};
use account::session::admit;
use account::throttle::{Attempt, Factor, Postage, RouteClass, Subject, Verdict, limit_rate};
use account::{Accounts, Link, LinkUse, USUAL_LANGUAGE};
use audit_trail::Decision;
use http::StatusCode;
use model::{AccountId, Action, ClinicId, Confidential, DataClass, Role};
use notification::{Channel, Content, Message, Recipient, Urgency};
use ports::EntropyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Check, Exchange, Problem, Reply};

use crate::access_review::Lapse;
use crate::enrolment::{Newcomer, NewcomerBody, Standing, check_language, record_refusal, refuse};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ClinicSettings")]
pub(crate) struct Settings {
    /// Whether clients may open an account themselves.
    self_registration: bool,
    /// What becomes of accounts about which nobody has decided when an access review is due.
    access_review_lapse: Lapse,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClinicSettingsChange")]
pub(crate) struct SettingsBody {
    /// Whether clients may open an account themselves.
    self_registration: bool,
    /// Left out, it stays as it is.
    access_review_lapse: Option<Lapse>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RegistrationRequest")]
pub(crate) struct RegistrationBody {
    clinic_id: ClinicId,
    email: String,
    /// A language tag such as `en` or `pt-BR` (BCP 47), in which the message is. `en` where it is left out.
    language: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RegistrationAsked")]
pub(crate) struct AskedAnswer {
    /// A sentence to show. The same, whatever there is.
    detail: &'static str,
}

fn invalid_link() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-link",
        "The link is not valid, was used before or is over, or the clinic does not take registrations any more.",
    )
}

/// `GET /v1/auth/clinic/settings`
pub(crate) fn settings(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, _) = admit(exchange, Request::new(Action::Read, DataClass::Account))?;
    let accounts = Accounts::open(exchange)?;
    let clinic = accounts.clinic(recorded.clinic()).read()?;
    let clinic = clinic.ok_or_else(|| Problem::defect("an account belongs to a clinic that does not exist"))?;
    let answer = Settings {
        self_registration: clinic.value.self_registration,
        access_review_lapse: Lapse::of(clinic.value.undecided_stay),
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// `PUT /v1/auth/clinic/settings`
///
/// Order: record, clinic, answer. One change; repeated, it is the same.
pub(crate) fn set(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let SettingsBody {
        self_registration,
        access_review_lapse,
    } = exchange.json()?;
    let (recorded, _) = admit(exchange, Request::new(Action::Amend, DataClass::Account).fresh())?;
    let accounts = Accounts::open(exchange)?;
    accounts
        .change_clinic(recorded.clinic(), &mut |clinic| {
            clinic.self_registration = self_registration;
            if let Some(lapse) = access_review_lapse {
                clinic.undecided_stay = lapse == Lapse::None;
            }
            Ok(())
        })
        .map_err(|problem| problem.recorded(recorded.event()))?;
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// `POST /v1/auth/registrations`
///
/// Whether the clinic exists, allows it, and has an account with the address is told nobody: the answer, the work and the store
/// operations are the same, and so is the message, but for a decoy's recipient. Nothing is kept for it here. That an address gets no more
/// links for now is told nobody either: see [`Postage`].
///
/// Order: request counted, link counted, record, message, answer. A crash before the message leaves a link counted that nobody was mailed; after
/// the message, a link whose request was not answered.
pub(crate) fn ask(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let RegistrationBody {
        clinic_id: clinic,
        email,
        language,
    } = exchange.json()?;
    let mut check = Check::new();
    let email = check.parsed(Email::parse(&email), "/email", "email", email::RULE);
    check_language(&mut check, language.as_deref(), "/language");
    check.finish()?;
    let email = email.ok_or_else(|| Problem::defect("a checked address is missing"))?;
    let accounts = Accounts::open(exchange)?;
    limit_rate(exchange, &accounts, RouteClass::Registration)?;
    let (entropy, now) = (exchange.platform.entropy, exchange.platform.clock.now());
    let allowed = accounts
        .resident_clinic(exchange, clinic)?
        .is_some_and(|clinic| clinic.self_registration);
    let is_free = accounts.holder_of(clinic, &email)?.is_none();
    let good_for: &[u8] = if allowed && is_free { b"account" } else { b"" };
    let postage = Postage::count(
        exchange,
        &accounts,
        RouteClass::RegistrationMail,
        clinic,
        &email,
        good_for,
    )?;

    let request = Request::new(Action::Create, DataClass::Account);
    let (in_clinic, decision, rule) = if allowed && is_free && postage.is_paid() {
        (Some(clinic), Decision::Allowed, "registration.asked")
    } else if allowed && is_free {
        (Some(clinic), Decision::Denied, "registration.limited")
    } else {
        (None, Decision::Denied, "registration.refused")
    };
    let noted = exchange.gate()?.note(in_clinic, None, &request, decision, rule);
    let event = noted.map_err(|error| postage.excuse(error.into()))?;
    let account: AccountId = entropy.id();
    let link = Link::new(LinkUse::Registration, clinic, account, 0, now).mailed_to(email.spelled());
    let token = link.seal(LinkUse::Registration, accounts.seal, entropy)?;
    let message = Message {
        // Each event sends one link.
        key: format!("registration/{event}"),
        clinic_id: clinic,
        recipient: if allowed && is_free && postage.is_paid() {
            Recipient::Email(email.spelled().clone())
        } else {
            Recipient::Nobody {
                channel: Channel::Email,
            }
        },
        content: Content::Registration {
            token: Confidential::new(token.to_string()),
        },
        language: language.unwrap_or_else(|| USUAL_LANGUAGE.to_owned()),
        urgency: Urgency::Queued,
        expires_at: Some(link.expires_at),
    };
    message
        .send(exchange)
        .map_err(|problem| postage.excuse(problem.recorded(event)))?;
    let answer = AskedAnswer {
        detail: "If the clinic takes registrations and has no account with this address, a link is on its way to it.",
    };
    Ok(Reply::accepted(&answer)?.recorded(event))
}

/// `POST /v1/auth/registrations/confirm`
///
/// Order: failure counted, record, account, account log, e-mail index, failure given back, answer. The index comes last and makes the link one that was
/// used: a crash anywhere before leaves an account that nobody can log in to, and the same request goes on where it stopped until the
/// link is over. Of two links to one address, the first that comes to the index wins.
pub(crate) fn confirm(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let NewcomerBody {
        token,
        display_name,
        language,
        password,
    } = NewcomerBody::read(exchange)?;
    let accounts = Accounts::open(exchange)?;
    let mut attempt = Attempt::begin(exchange, &accounts, RouteClass::Acceptance)?;
    let now = exchange.platform.clock.now();
    let refused = |attempt: &Attempt<'_>, clinic| refuse(exchange, attempt, clinic, invalid_link());
    let Some(link) = Link::open(LinkUse::Registration, accounts.seal, &token, now) else {
        return Err(refused(&attempt, None)?);
    };
    let email =
        Email::parse(link.email.expose()).map_err(|_| Problem::defect("a link was mailed to what is no address"))?;
    let clinic = attempt.resident_clinic(exchange, link.clinic)?;
    let Some(clinic) = clinic.filter(|clinic| clinic.self_registration) else {
        return Err(refused(&attempt, Some(link.clinic))?);
    };
    let newcomer = Newcomer {
        clinic: link.clinic,
        account: link.account,
        email: &email,
        display_name: &display_name,
        language: language.as_deref(),
        password: &password,
        roles: &[Role::Client],
        client: None,
    };
    let verdict = attempt.at(Subject::Account(link.clinic, link.account), &[Factor::Password])?;
    let begun = match newcomer.standing(exchange, &accounts)? {
        Standing::Begun(account) if verdict == Verdict::Open => Some(account),
        Standing::Begun(_) | Standing::Taken => return Err(refused(&attempt, Some(link.clinic))?),
        Standing::Nothing => {
            if let Err(problem) = newcomer.check_password(clinic.name.expose()) {
                return Err(record_refusal(exchange, Some(link.clinic), attempt.excuse(problem))?);
            }
            let holder = accounts.holder_of(link.clinic, &email);
            if holder.map_err(|problem| attempt.excuse(problem))?.is_some() {
                return Err(refused(&attempt, Some(link.clinic))?);
            }
            None
        }
    };
    let excused = |problem| attempt.excuse(problem);
    let event = newcomer.record(exchange, "enrolment.registration").map_err(excused)?;
    let account = newcomer.begin(exchange, &accounts, begun).map_err(excused)?;
    newcomer
        .claim_email(&accounts)
        .map_err(|problem| excused(problem.recorded(event)))?;
    // The account is there whether what was counted is given back or not.
    let _ = attempt.released();
    newcomer.answer(&account, event)
}
