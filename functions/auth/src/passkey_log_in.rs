//! Log-in with a passkey alone: no address is typed and no password exists to be stolen.

use access::Request;
use account::step::{PasswordEvidence, Step};
use account::throttle::{Attempt, RouteClass, limit_rate, proven};
use account::{Account, Accounts, Ceremony, PasskeyProof, Proof};
use model::{AccountId, Action, ClinicId, Confidential, DataClass};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use web::{Check, Exchange, Problem, Reply};

use crate::credentials::{invalid_credentials, record_refusal};
use crate::offered::assertion;
use crate::opening::{Opening, Transport, check_device_name};
use crate::passkey_settings::relying_party;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewChallenge")]
pub(crate) struct ChallengeBody {
    clinic_id: ClinicId,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PasskeyLogIn")]
pub(crate) struct PasskeyBody {
    clinic_id: ClinicId,
    /// What the browser answers the options with.
    #[schemars(with = "webauthn::AuthenticationResponse")]
    credential: Value,
    /// What the list of sessions is to call this one, 1 to 100 characters.
    device_name: Option<String>,
    /// How the token of the session travels: `bearer` where it is left out.
    #[serde(default)]
    transport: Transport,
}

/// `POST /v1/auth/passkeys/challenge`
///
/// What the browser needs to ask for any passkey that it has for us; it names no account. Anybody may ask, as often as a
/// network may, and nothing is kept: the challenge proves itself. Whether there is such a clinic is not looked at.
pub(crate) fn challenge(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ChallengeBody { clinic_id: clinic } = exchange.json()?;
    let rp = relying_party(exchange)?;
    let accounts = Accounts::open(exchange)?;
    limit_rate(exchange, &accounts, RouteClass::PasskeyChallenge)?;
    let now = exchange.platform.clock.now();
    let challenge = Ceremony::LogIn(clinic).challenge(accounts.index, exchange.platform.entropy, now);
    Reply::ok(&rp.request_options(&challenge, &[]))
}

/// `POST /v1/auth/passkeys/sessions`
///
/// The account is the one that the authenticator names, and only its own passkeys are looked at. A failure is counted for the
/// network and never for the account: a passkey cannot be guessed, so nobody is to be locked out of hers, and whoever else is wrong in
/// her network does not keep her out. Who uses up the network's quota of requests does, minute by minute.
///
/// Order: request counted, then see [`Opening::open`]. The challenge is remembered as used, and the passkey's
/// counter kept, with the slot. Of a refusal: failure counted, record, answer.
pub(crate) fn log_in(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let PasskeyBody {
        clinic_id: clinic,
        credential,
        device_name,
        transport,
    } = exchange.json()?;
    let mut check = Check::new();
    check_device_name(&mut check, device_name.as_deref());
    check.finish()?;
    let credential = assertion(&credential, "/credential")?;
    let proof = PasskeyProof {
        rp: relying_party(exchange)?,
        ceremony: Ceremony::LogIn(clinic),
        response: &credential,
    };
    let accounts = Accounts::open(exchange)?;
    let attempt = Attempt::begin_unguessable(exchange, &accounts, RouteClass::LogIn)?;
    attempt.resident_clinic(exchange, clinic)?;
    let (index, now) = (accounts.index, exchange.platform.clock.now());
    // A response that names no account costs the same reads.
    let id = credential.account().unwrap_or(AccountId::from_bytes([0; 16]));
    let found = accounts.account(clinic, id).read()?.map(|account| account.value);
    let refused = || refuse(exchange, &attempt, found.as_ref());
    let Some(account) = &found else {
        return Err(refused()?);
    };
    let decide = |account: &mut Account| {
        let proof = Proof::Passkey(&proof);
        account.log_in(PasswordEvidence::NotShown, Some(&proof), index, now)
    };
    let step = decide(&mut account.clone())?;
    let Step::Session { assurance, rule } = step else {
        return Err(refused()?);
    };
    let opening = Opening {
        accounts: &accounts,
        account,
        assurance,
        rule,
        device_name: device_name.map(Confidential::new),
        transport,
    };
    match opening.open(exchange, &mut |account| Ok(decide(account)? == step))? {
        Some(reply) => {
            // The session has begun whether the failures before are forgotten now or later.
            let _ = proven(exchange, &accounts, clinic, account.id);
            Ok(reply)
        }
        None => Err(refused()?),
    }
}

/// Counts and records a refusal.
fn refuse(exchange: &Exchange<'_>, attempt: &Attempt<'_>, account: Option<&Account>) -> Result<Problem, Problem> {
    attempt.refused(exchange)?;
    let request = Request::new(Action::Create, DataClass::Session);
    record_refusal(exchange, request, account, "login.refused", invalid_credentials())
}
