//! What the body of a request offers as proof.

use account::password::Password;
use account::throttle::{Attempt, RouteClass};
use account::{Accounts, Ceremony, CodeUse, PasskeyProof, Proof};
use serde_json::Value;
use web::{Check, Exchange, Problem};
use webauthn::{AuthenticationResponse, Refused};

use crate::passkey_settings::relying_party;

/// Reads an assertion in this field of a body: 400 for what browsers do not send.
pub(crate) fn assertion(json: &Value, field: &str) -> Result<AuthenticationResponse, Problem> {
    AuthenticationResponse::parse(json).map_err(|refused| match refused {
        Refused::Malformed { field: within, detail } => {
            Problem::malformed(format!("{field}{within}"), "webauthn", detail)
        }
        _ => Problem::malformed(
            field,
            "webauthn",
            "must be what browsers answer when they are asked for a passkey",
        ),
    })
}

/// What a body offers as proof, of which it must be one thing.
pub(crate) struct Offered<'o> {
    pub(crate) password: Option<&'o Password>,
    pub(crate) totp: Option<&'o str>,
    pub(crate) sms_code: Option<&'o str>,
    pub(crate) recovery_code: Option<&'o str>,
    pub(crate) passkey: Option<&'o AuthenticationResponse>,
}

impl<'o> Offered<'o> {
    /// 422 unless it is one thing: what is shown beside it would be used up for nothing.
    pub(crate) fn check_one(&self) -> Result<(), Problem> {
        let offered = [
            self.password.is_some(),
            self.totp.is_some(),
            self.sms_code.is_some(),
            self.recovery_code.is_some(),
            self.passkey.is_some(),
        ];
        let mut check = Check::new();
        check.that(
            offered.into_iter().filter(|offered| *offered).count() == 1,
            "",
            "one-proof",
            "must have exactly one of the fields that prove something",
        );
        check.finish()
    }

    /// Begins an attempt with it: nobody can guess a passkey.
    ///
    /// # Errors
    /// As [`Attempt::begin`].
    pub(crate) fn begin<'t>(
        &self,
        exchange: &Exchange<'_>,
        accounts: &'t Accounts<'t>,
    ) -> Result<Attempt<'t>, Problem> {
        match self.passkey {
            Some(_) => Attempt::begin_unguessable(exchange, accounts, RouteClass::LogIn),
            None => Attempt::begin(exchange, accounts, RouteClass::LogIn),
        }
    }

    /// The assertion that it is, if it is one.
    pub(crate) fn passkey_proof(
        &self,
        exchange: &Exchange<'_>,
        ceremony: Ceremony,
    ) -> Result<Option<PasskeyProof<'o>>, Problem> {
        match self.passkey {
            None => Ok(None),
            Some(response) => Ok(Some(PasskeyProof {
                rp: relying_party(exchange)?,
                ceremony,
                response,
            })),
        }
    }

    /// The second factor that it is, if it is one.
    pub(crate) fn proof<'p>(&self, code_use: CodeUse, passkey: Option<&'p PasskeyProof<'o>>) -> Option<Proof<'p>>
    where
        'o: 'p,
    {
        let sms = self.sms_code.map(|code| Proof::Sms(code, code_use));
        sms.or(self.second_factor(passkey))
    }

    /// As [`Offered::proof`], where no code is sent.
    pub(crate) fn second_factor<'p>(&self, passkey: Option<&'p PasskeyProof<'o>>) -> Option<Proof<'p>>
    where
        'o: 'p,
    {
        let totp = self.totp.map(Proof::Totp);
        let recovery_code = self.recovery_code.map(Proof::RecoveryCode);
        totp.or(recovery_code).or(passkey.map(Proof::Passkey))
    }
}
