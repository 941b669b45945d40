//! The passkeys of oneself.

use account::factor::{Full, RegisteredPasskey};
use account::{Accounts, Ceremony};
use http::StatusCode;
use model::{Action, Confidential, PasskeyId, Timestamp};
use notification::{Content, Factor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::{Check, Exchange, Problem, Reply, Violation};
use webauthn::{Refused, RegistrationResponse, User};

use super::{Own, remove as remove_factor, request};
use crate::passkey_settings::relying_party;

const MOST_NAME: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPasskey")]
pub(crate) struct PasskeyBody {
    /// What its owner calls it, 1 to 100 characters.
    name: String,
    /// What the browser answers the options with.
    #[schemars(with = "RegistrationResponse")]
    credential: Value,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnPasskey")]
pub(crate) struct PasskeyAnswer {
    id: PasskeyId,
    /// What its owner calls it.
    name: Confidential<String>,
    added_at: Timestamp,
    /// Absent where it was never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    /// Whether it is copied to other devices of its owner's.
    backed_up: bool,
}

impl From<&RegisteredPasskey> for PasskeyAnswer {
    fn from(passkey: &RegisteredPasskey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name.clone(),
            added_at: passkey.added_at,
            last_used_at: passkey.last_used_at,
            backed_up: passkey.credential.backed_up,
        }
    }
}

/// Why a credential is not registered, for its owner: 400 for what browsers do not send, 422 for the rest.
fn refused(refused: Refused) -> Problem {
    let (rule, detail) = match refused {
        Refused::Malformed { field, detail } => {
            return Problem::malformed(format!("/credential{field}"), "webauthn", detail);
        }
        Refused::Type => ("type", "must answer the options for a new passkey"),
        Refused::Challenge => (
            "challenge",
            "must answer a challenge that was made for this session and is not over",
        ),
        Refused::Origin | Refused::CrossOrigin => (
            "origin",
            "must come from a page of this deployment that is in nobody's frame",
        ),
        Refused::RelyingParty => ("rp-id", "must be made for this deployment"),
        Refused::UserPresence | Refused::UserVerification => (
            "user-verification",
            "must be made by an authenticator that checks its user: with a PIN, a finger, a face",
        ),
        Refused::Algorithm => ("algorithm", "must be of an algorithm that the options offer"),
        Refused::BackupState
        | Refused::PublicKey
        | Refused::CredentialId
        | Refused::UserHandle
        | Refused::BackupEligibility
        | Refused::Signature
        | Refused::SignatureCounter => ("credential", "must be a credential as WebAuthn describes it"),
    };
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-content",
        "Some fields break a rule; see `errors`.",
    )
    .violating(vec![Violation {
        field: "/credential".to_owned(),
        rule,
        detail: detail.to_owned(),
    }])
}

fn too_many(Full: Full) -> Problem {
    Problem::conflict(
        "too-many-passkeys",
        "The account has as many passkeys as it can have. Remove one that is not used.",
    )
}

/// `POST /v1/auth/factors/passkeys/options`
///
/// What the browser needs to make a passkey. Nothing but the record is written: the challenge proves itself.
pub(crate) fn options(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let rp = relying_party(exchange)?;
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::Create))?;
    let (account, session) = (&own.account, own.caller.session().id);
    let now = exchange.platform.clock.now();
    let ceremony = Ceremony::Registration(account.clinic, account.id, session);
    let challenge = ceremony.challenge(accounts.index, exchange.platform.entropy, now);
    let user = User {
        account: account.id,
        name: account.email.expose(),
        display_name: account.display_name.expose(),
    };
    let registered = account.factors.passkeys.credentials();
    Ok(Reply::ok(&rp.creation_options(&challenge, &user, &registered))?.recorded(own.event))
}

/// `POST /v1/auth/factors/passkeys`
///
/// Order: record, notice, account (passkey, challenge used up), answer. A crash after the notice leaves a notice of what was not
/// done; the repeated request does it and sends no other. A crash after the account loses the answer only: the repeated
/// request finds the credential and is told of it.
pub(crate) fn add(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let PasskeyBody { name, credential } = exchange.json()?;
    let mut check = Check::new();
    check.text(&name, "/name", 1, MOST_NAME);
    check.finish()?;
    let credential = RegistrationResponse::parse(&credential).map_err(refused)?;
    let rp = relying_party(exchange)?;
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::Create))?;
    let answer = |passkey: &RegisteredPasskey| -> Result<Reply, Problem> {
        Ok(Reply::created_without_location(&PasskeyAnswer::from(passkey))?.recorded(own.event))
    };
    if let Some(there) = own.account.factors.passkeys.find(credential.credential_id()) {
        return answer(there);
    }
    let (index, now) = (accounts.index, exchange.platform.clock.now());
    let (clinic, account) = (own.account.clinic, own.account.id);
    let ceremony = Ceremony::Registration(clinic, account, own.caller.session().id);
    let proven = credential.challenge().and_then(|challenge| {
        let unused = ceremony.recognise(index, &challenge, now)?;
        Some((challenge, unused))
    });
    let registered = match proven {
        None => Err(Refused::Challenge),
        Some((challenge, unused)) => rp.register(&challenge, &credential).map(|passkey| (passkey, unused)),
    };
    let (passkey, unused) = registered.map_err(|reason| own.refuse(refused(reason)))?;
    let passkey = RegisteredPasskey::new(index, clinic, account, name, passkey, now);
    let mut trial = own.account.factors.passkeys.clone();
    trial.add(passkey.clone()).map_err(|full| own.refuse(too_many(full)))?;
    let added = Content::FactorAdded {
        factor: Factor::Passkey,
    };
    own.tell(exchange, added)?;
    own.change(&mut |account| {
        // The same request at the same time.
        if account.factors.passkeys.find(&passkey.credential.id).is_some() {
            return Ok(());
        }
        if !account.used_challenges.use_up(unused, now) {
            return Err(refused(Refused::Challenge));
        }
        account.enrolled_at.get_or_insert(now);
        account.factors.passkeys.add(passkey.clone()).map_err(too_many)
    })?;
    answer(&passkey)
}

/// `DELETE /v1/auth/factors/passkeys/{passkey}`
pub(crate) fn remove(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: PasskeyId = exchange.parameter("passkey")?;
    remove_factor(exchange, Factor::Passkey, &|factors| factors.passkeys.remove(id))
}
