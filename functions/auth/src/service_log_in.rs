//! Log-in of service identities: what a scheduler gets for its secret.

use access::{Assurance, Request};
use account::throttle::{Attempt, RouteClass};
use account::{Account, AccountState, Accounts, ServiceSecret};
use audit_trail::Decision;
use http::StatusCode;
use model::{Action, DataClass};
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::opening::{Opening, Transport};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ServiceLogIn")]
pub(crate) struct TokenBody {
    /// The secret of a service identity.
    #[schemars(with = "String")]
    secret: Zeroizing<String>,
}

fn invalid_secret() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-secret",
        "The secret is not a service identity's, or its identity was deleted or disabled.",
    )
}

/// `POST /v1/auth/service-tokens`
///
/// A session of ten minutes. It needs no other identifier: the secret says whose it is. What is no secret, an identity that is not there
/// and a wrong secret are one answer; 256 bits are guessed by nobody, so only the network is limited and no account locked.
///
/// Order: failure counted, then see [`Opening::open`], failure given back. Of a refusal: record, answer.
pub(crate) fn log_in(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let TokenBody { secret } = exchange.json()?;
    let accounts = Accounts::open(exchange)?;
    let attempt = Attempt::begin(exchange, &accounts, RouteClass::LogIn)?;
    let secret = ServiceSecret::parse(&secret);
    let found = match &secret {
        Some(secret) => {
            attempt.resident_clinic(exchange, secret.clinic)?;
            accounts.account(secret.clinic, secret.account).read()?
        }
        None => None,
    };
    let found = found.map(|account| account.value);
    let is_right = |account: &Account| {
        let shown = secret.as_ref().zip(account.service_verifier.as_ref());
        let proven = shown.is_some_and(|(secret, verifier)| secret.verifier(accounts.index).matches(verifier));
        proven && account.is_service() && account.state == AccountState::Active
    };
    let refused = |account: Option<&Account>| {
        let request = Request::new(Action::Create, DataClass::Session);
        let (clinic, request) = match account {
            Some(account) => (Some(account.clinic), request.of(account.id)),
            None => (None, request),
        };
        let gate = exchange.gate()?;
        let event = gate.note(clinic, None, &request, Decision::Denied, "login.refused")?;
        Ok::<_, Problem>(invalid_secret().recorded(event))
    };
    let Some(account) = found.as_ref().filter(|account| is_right(account)) else {
        return Err(refused(found.as_ref())?);
    };
    let opening = Opening {
        accounts: &accounts,
        account,
        assurance: Assurance::SingleFactor,
        rule: "login.service",
        device_name: None,
        transport: Transport::Bearer,
    };
    let opened = opening.open(exchange, &mut |account| Ok(is_right(account)));
    match opened.map_err(|problem| attempt.excuse(problem))? {
        Some(reply) => {
            // The session has begun whether what was counted is given back now or later.
            let _ = attempt.released();
            Ok(reply)
        }
        None => Err(refused(Some(account))?),
    }
}
