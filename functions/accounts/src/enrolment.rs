//! How accounts come to be: by the operator's one-time code, or by an invitation.
//!
//! Both are named by what they are enrolled with, so that a request that is repeated comes to the same account, finishes
//! what the first try began and gives the same answer, until the account's owner has proven to hold it.
//!
//! Each try is counted as failed before anything else is written, and given back after all is written (see [`Attempt`]): a
//! newcomer has an account's tries before she has the account.

use access::{Request, bootstrap_code};
use account::email::{self, Email};
use account::factor::{Factors, Holder, TotpSecret};
use account::password::{Context, Password, PasswordHash};
use account::throttle::{Attempt, Factor, RouteClass, Subject, Verdict};
use account::{Account, Accounts, Administrators, Clinic, USUAL_LANGUAGE, strength};
use audit_trail::{Actor, Decision};
use model::{AccountId, Action, ClientId, ClinicId, Confidential, DataClass, EventId, Region, Role, is_language_tag};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::UpdateError;
use web::listing::list_once;
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::documents::Documents;
use crate::invitation::{Token, account_id, check_roles};

pub(crate) const MOST_NAME: usize = 200;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewClinic")]
pub(crate) struct OpenClinicBody {
    /// The operator's one-time code.
    #[schemars(with = "String")]
    code: Zeroizing<String>,
    clinic: ClinicBody,
    administrator: AdministratorBody,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Clinic")]
struct ClinicBody {
    /// 1 to 200 characters.
    name: String,
    /// Where its data is to be kept: this deployment's region, unless it is named.
    region: Option<Region>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FirstAdministrator")]
struct AdministratorBody {
    email: String,
    /// 1 to 200 characters.
    display_name: String,
    /// A language tag such as `en` or `pt-BR` (BCP 47). `en` where it is left out.
    language: Option<String>,
    /// 8 to 256 characters; nothing that is easily guessed.
    password: Password,
    /// One to four of staff's, `clinic_admin` among them. That alone where they are left out. Nobody changes her own roles, so where she
    /// is alone there is nobody to give her others.
    roles: Option<Vec<Role>>,
}

/// What somebody says of herself with a token: an invitation's, or that of a link to register.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Newcomer")]
pub(crate) struct NewcomerBody {
    /// As the invitation or the link has it.
    #[schemars(with = "String")]
    pub(crate) token: Zeroizing<String>,
    /// 1 to 200 characters.
    pub(crate) display_name: String,
    /// A language tag such as `en` or `pt-BR` (BCP 47). `en` where it is left out.
    pub(crate) language: Option<String>,
    /// At least 8 characters for staff and 15 for others, at most 256; nothing that is easily guessed.
    pub(crate) password: Password,
}

impl NewcomerBody {
    /// Reads it, and checks what needs no account to be checked.
    pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Self, Problem> {
        let body: Self = exchange.json()?;
        let mut check = Check::new();
        check.text(&body.display_name, "/display_name", 1, MOST_NAME);
        check_language(&mut check, body.language.as_deref(), "/language");
        body.password.check_length(&mut check, "/password");
        check.finish()?;
        Ok(body)
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Enrolment")]
pub(crate) struct EnrolmentAnswer {
    clinic_id: ClinicId,
    account_id: AccountId,
    /// For an authenticator app, which a code confirms before it counts.
    totp: TotpAnswer,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TotpSecret")]
struct TotpAnswer {
    /// In base32, to type where nothing can be scanned.
    #[schemars(with = "String")]
    secret: Zeroizing<String>,
    /// The `otpauth` URI, to be shown as a QR code.
    #[schemars(with = "String")]
    uri: Zeroizing<String>,
}

/// Who is about to get an account.
pub(crate) struct Newcomer<'n> {
    pub(crate) clinic: ClinicId,
    pub(crate) account: AccountId,
    pub(crate) email: &'n Email,
    pub(crate) display_name: &'n str,
    pub(crate) language: Option<&'n str>,
    pub(crate) password: &'n Password,
    pub(crate) roles: &'n [Role],
    pub(crate) client: Option<ClientId>,
}

/// What there is of the account already.
pub(crate) enum Standing {
    Nothing,
    /// An earlier try with the same address and password, whose owner has not proven anything yet.
    Begun(Box<Account>),
    /// Somebody else's, or finished.
    Taken,
}

pub(crate) fn email_taken() -> Problem {
    Problem::conflict(
        "email-taken",
        "The clinic has an account with this e-mail address already.",
    )
}

fn code_used() -> Problem {
    Problem::conflict(
        "code-used",
        "The code was used before. Log in with the account that it made, or ask the operator for another code.",
    )
}

fn invalid_code() -> Problem {
    Problem::new(http::StatusCode::UNAUTHORIZED, "invalid-code", "The code is not valid.")
}

fn invalid_token() -> Problem {
    Problem::new(
        http::StatusCode::UNAUTHORIZED,
        "invalid-token",
        "The invitation is not valid (any more). Ask for a new one.",
    )
}

fn checked_email(check: &mut Check, text: &str, field: &str) -> Option<Email> {
    check.parsed(Email::parse(text), field, "email", email::RULE)
}

pub(crate) fn check_language(check: &mut Check, language: Option<&str>, field: &str) {
    check.that(
        language.is_none_or(is_language_tag),
        field,
        "language",
        "must be a language tag such as en or pt-BR (BCP 47)",
    );
}

impl Newcomer<'_> {
    pub(crate) fn standing(&self, exchange: &Exchange<'_>, accounts: &Accounts<'_>) -> Result<Standing, Problem> {
        let Some(existing) = accounts.account(self.clinic, self.account).read()? else {
            return Ok(Standing::Nothing);
        };
        let account = existing.value;
        let same = self.email.is_same(account.email.expose())
            && account.password.is_of(self.password, exchange.keyring.key("pepper")?)?;
        Ok(if same && account.enrolled_at.is_none() {
            Standing::Begun(Box::new(account))
        } else {
            Standing::Taken
        })
    }

    /// 422 where this must not be the account's password.
    pub(crate) fn check_password(&self, clinic: &str) -> Result<(), Problem> {
        let context = Context {
            email: self.email.folded(),
            display_name: self.display_name,
            clinic,
        };
        let mut check = Check::new();
        self.password
            .check_new(&mut check, "/password", strength(self.roles), &context);
        check.finish()
    }

    /// The account that an earlier try has begun, or else a new one, and lets administrators and reviewers see it.
    pub(crate) fn begin(
        &self,
        exchange: &Exchange<'_>,
        accounts: &Accounts<'_>,
        begun: Option<Box<Account>>,
    ) -> Result<Account, Problem> {
        let account = match begun {
            Some(account) => *account,
            None => self.create(exchange, accounts)?,
        };
        let log = accounts.listing(self.clinic);
        let now = exchange.platform.clock.now();
        list_once(&log, accounts.index, *self.account.as_bytes(), now)?;
        if account.holder() == Holder::Staff {
            let staff = accounts.staff(self.clinic);
            list_once(&staff, accounts.index, *self.account.as_bytes(), now)?;
        }
        Ok(account)
    }

    /// The account, or 409 where another request is making it at this moment.
    fn create(&self, exchange: &Exchange<'_>, accounts: &Accounts<'_>) -> Result<Account, Problem> {
        let entropy = exchange.platform.entropy;
        let account = Account {
            email: self.email.spelled().clone(),
            display_name: Confidential::new(self.display_name.to_owned()),
            language: self.language.unwrap_or(USUAL_LANGUAGE).to_owned(),
            roles: self.roles.to_vec(),
            client: self.client,
            password: PasswordHash::make(self.password, exchange.keyring.key("pepper")?, entropy)?,
            factors: Factors {
                totp_candidate: Some(TotpSecret::generate(entropy)),
                ..Factors::default()
            },
            passwords: 1,
            ..Account::nobody(self.clinic, self.account, exchange.platform.clock.now())
        };
        match accounts.account(self.clinic, self.account).create(&account)? {
            Creation::Created => Ok(account),
            // Repeated, the request finds what it has to hold its password against.
            Creation::Exists => Err(Problem::from(store::StoreError::Contended)),
        }
    }

    /// Makes the account the one that has the address, which is what lets it log in; 409 where another one is.
    pub(crate) fn claim_email(&self, accounts: &Accounts<'_>) -> Result<(), Problem> {
        if accounts.claim_email(self.clinic, self.email, self.account)? {
            Ok(())
        } else {
            Err(email_taken())
        }
    }

    /// Writes that the enrolment is about to happen.
    pub(crate) fn record(&self, exchange: &Exchange<'_>, rule: &'static str) -> Result<EventId, Problem> {
        let actor = Actor {
            account: self.account,
            role: self.roles.first().copied().unwrap_or(Role::Client),
            session: None,
        };
        let request = Request::new(Action::Create, DataClass::Account).of(self.account);
        Ok(exchange
            .gate()?
            .note(Some(self.clinic), Some(actor), &request, Decision::Allowed, rule)?)
    }

    pub(crate) fn answer(&self, account: &Account, event: EventId) -> Result<Reply, Problem> {
        let location = format!("/v1/auth/accounts/{}", self.account);
        // Only an account whose owner has proven nothing yet is answered with, and such a one has its secret.
        let secret = (account.factors.totp_candidate.as_ref())
            .ok_or_else(|| Problem::defect("an account that was just enrolled has no app to confirm"))?;
        Ok(Reply::created(
            &location,
            &EnrolmentAnswer {
                clinic_id: self.clinic,
                account_id: self.account,
                totp: TotpAnswer {
                    secret: secret.base32(),
                    uri: secret.uri(account.email.expose()),
                },
            },
        )?
        .recorded(event))
    }
}

/// Counts and records a refusal.
pub(crate) fn refuse(
    exchange: &Exchange<'_>,
    attempt: &Attempt<'_>,
    clinic: Option<ClinicId>,
    problem: Problem,
) -> Result<Problem, Problem> {
    attempt.failed(Factor::Password)?;
    record_refusal(exchange, clinic, problem)
}

/// Records a refusal: of what is no guess, once it is given back.
pub(crate) fn record_refusal(
    exchange: &Exchange<'_>,
    clinic: Option<ClinicId>,
    problem: Problem,
) -> Result<Problem, Problem> {
    let request = Request::new(Action::Create, DataClass::Account);
    let event = exchange
        .gate()?
        .note(clinic, None, &request, Decision::Denied, "enrolment.refused")?;
    Ok(problem.recorded(event))
}

/// `POST /v1/auth/clinics`
///
/// Order: record, account, account log, staff log, clinic, e-mail index, answer. The index comes last: before it nobody can log in, and a crash
/// anywhere before leaves documents that nothing leads to but the same code with the same address and password. Then
/// the repeated request adds what is missing. A crash after the index loses the answer only, which is made again.
pub(crate) fn open_clinic(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let OpenClinicBody {
        code,
        clinic: ClinicBody { name, region },
        administrator:
            AdministratorBody {
                email,
                display_name,
                language,
                password,
                roles,
            },
    } = exchange.json()?;
    let roles = roles.unwrap_or_else(|| vec![Role::ClinicAdmin]);
    let mut check = Check::new();
    check.text(&name, "/clinic/name", 1, MOST_NAME);
    check.text(&display_name, "/administrator/display_name", 1, MOST_NAME);
    check_language(&mut check, language.as_deref(), "/administrator/language");
    check_roles(&mut check, &roles, "/administrator/roles");
    check.that(
        roles.contains(&Role::ClinicAdmin),
        "/administrator/roles",
        "administrator",
        "must name the role clinic_admin: somebody has to run the clinic",
    );
    let email = checked_email(&mut check, &email, "/administrator/email");
    let context = Context {
        email: email.as_ref().map(Email::folded).unwrap_or_default(),
        display_name: &display_name,
        clinic: &name,
    };
    password.check_new(
        &mut check,
        "/administrator/password",
        strength(&[Role::ClinicAdmin]),
        &context,
    );
    check.finish()?;
    let email = email.ok_or_else(|| Problem::defect("a checked address is missing"))?;
    let region = match region {
        Some(region) => exchange.check_residency(&region).map(|()| region)?,
        None => exchange.region()?,
    };

    let accounts = Accounts::open(exchange)?;
    let mut attempt = Attempt::begin(exchange, &accounts, RouteClass::Registration)?;
    let key = exchange.keyring.key("bootstrap")?;
    let Some(code) = bootstrap_code::verify(key, &code) else {
        return Err(refuse(exchange, &attempt, None, invalid_code())?);
    };
    let newcomer = Newcomer {
        clinic: code.clinic(key),
        account: code.account(key),
        email: &email,
        display_name: &display_name,
        language: language.as_deref(),
        password: &password,
        roles: &roles,
        client: None,
    };
    let verdict = attempt.at(Subject::Account(newcomer.clinic, newcomer.account), &[Factor::Password])?;
    let begun = match newcomer.standing(exchange, &accounts)? {
        Standing::Nothing => None,
        // With other roles it is another request, and what the first one made keeps its own.
        Standing::Begun(account) if verdict == Verdict::Open && account.roles == roles => Some(account),
        Standing::Begun(_) | Standing::Taken => {
            return Err(refuse(exchange, &attempt, Some(newcomer.clinic), code_used())?);
        }
    };

    let excused = |problem| attempt.excuse(problem);
    let event = newcomer.record(exchange, "enrolment.bootstrap").map_err(excused)?;
    let account = newcomer.begin(exchange, &accounts, begun).map_err(excused)?;
    let clinic = Clinic {
        name: Confidential::new(name),
        region,
        created_at: account.created_at,
        administrators: Administrators::first(newcomer.account),
        self_registration: false,
        undecided_stay: false,
    };
    // What an earlier try wrote stands.
    let opened = accounts.clinic(newcomer.clinic).create(&clinic);
    let (Creation::Created | Creation::Exists) = opened.map_err(|error| excused(error.into()))?;
    newcomer
        .claim_email(&accounts)
        .map_err(|problem| excused(problem.recorded(event)))?;
    // The account is there whether what was counted is given back or not.
    let _ = attempt.released();
    newcomer.answer(&account, event)
}

/// `POST /v1/auth/invitations/accept`
///
/// Order: record, invitation (accepted), account, account log, staff log, e-mail index, clinic (of an administrator), answer. Acceptance comes first, so that an invitation is
/// either revoked or accepted and never both. A crash after it leaves an accepted invitation without an account, one
/// after the account leaves an account that nobody can log in to; nobody was told of either, and the same token goes
/// on where it stopped until the invitation's time is over. After that the address is free for another invitation. A
/// crash after the index leaves an administrator who does not count as one (see [`Administrators`]), or loses the answer
/// only, which is made again.
pub(crate) fn accept(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let NewcomerBody {
        token,
        display_name,
        language,
        password,
    } = NewcomerBody::read(exchange)?;

    let accounts = Accounts::open(exchange)?;
    let mut attempt = Attempt::begin(exchange, &accounts, RouteClass::Acceptance)?;
    let now = exchange.platform.clock.now();
    let refused = |attempt: &Attempt<'_>, clinic| refuse(exchange, attempt, clinic, invalid_token());
    let Some(token) = Token::parse(&token) else {
        return Err(refused(&attempt, None)?);
    };
    let clinic = token.clinic;
    let doc = accounts.invitation(clinic, token.invitation);
    let invitation = match doc.read()? {
        Some(invitation) if token.is_of(accounts.index, &invitation.value.verifier) => invitation.value,
        _ => return Err(refused(&attempt, None)?),
    };
    if !invitation.is_open(now) {
        return Err(refused(&attempt, Some(clinic))?);
    }
    let email = Email::parse(invitation.email.expose())
        .map_err(|_| Problem::defect("an invitation holds what is no address"))?;
    let home = attempt.resident_clinic(exchange, clinic)?;
    let account = account_id(accounts.index, clinic, token.invitation);
    let verdict = attempt.at(Subject::Account(clinic, account), &[Factor::Password])?;
    let newcomer = Newcomer {
        clinic,
        account,
        email: &email,
        display_name: &display_name,
        language: language.as_deref(),
        password: &password,
        roles: &invitation.roles,
        client: invitation.client,
    };
    let begun = match newcomer.standing(exchange, &accounts)? {
        Standing::Begun(account) if verdict == Verdict::Open => Some(account),
        Standing::Begun(_) | Standing::Taken => return Err(refused(&attempt, Some(clinic))?),
        Standing::Nothing => {
            let name = home.as_ref().map_or("", |clinic| clinic.name.expose().as_str());
            if let Err(problem) = newcomer.check_password(name) {
                return Err(record_refusal(exchange, Some(clinic), attempt.excuse(problem))?);
            }
            let holder = accounts.holder_of(clinic, &email);
            if holder.map_err(|problem| attempt.excuse(problem))?.is_some() {
                return Err(record_refusal(exchange, Some(clinic), attempt.excuse(email_taken()))?);
            }
            None
        }
    };

    let excused = |problem| attempt.excuse(problem);
    let event = newcomer.record(exchange, "enrolment.invitation").map_err(excused)?;
    let accepted = doc.update(None, |invitation| {
        if !invitation.is_open(now) {
            return Err(invalid_token());
        }
        invitation.accepted_at.get_or_insert(now);
        Ok(())
    });
    match accepted {
        Ok(_) => {}
        // Revoked since it was read.
        Err(UpdateError::Refused(_)) => return Err(refused(&attempt, Some(clinic))?),
        Err(error) => return Err(excused(Problem::from(error).recorded(event))),
    }
    let account = newcomer.begin(exchange, &accounts, begun).map_err(excused)?;
    newcomer
        .claim_email(&accounts)
        .map_err(|problem| excused(problem.recorded(event)))?;
    if account.is_active_administrator() {
        // As it was when it was made: whoever has closed it since goes first.
        let counted = accounts.change_clinic(clinic, &mut |clinic| {
            clinic.administrators.count(account.id, 1);
            Ok(())
        });
        counted.map_err(excused)?;
    }
    // The account is there whether what was counted is given back or not.
    let _ = attempt.released();
    newcomer.answer(&account, event)
}
