//! Those who walk through the tour: how they are invited and log in.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::tour::stage::{Answer, Ask, Stage};

/// Somebody who has logged in.
pub(crate) struct Person {
    pub(crate) token: String,
}

pub(crate) const PASSWORD: &str = "quiet-harbour-lantern-7";

#[expect(
    clippy::disallowed_methods,
    reason = "the tour lives in real time, as an authenticator app does"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A clinic that people join.
pub(crate) struct Clinic<'s> {
    pub(crate) stage: &'s mut Stage,
    pub(crate) clinic: &'s str,
    pub(crate) admin: &'s Person,
}

impl Clinic<'_> {
    pub(crate) fn staff(&mut self, email: &str, role: &str) -> Result<Person> {
        self.join(email, role, json!({"email": email, "roles": [role]}))
    }

    /// Somebody who acts for a client, with the account that her file names.
    pub(crate) fn guardian(&mut self, email: &str) -> Result<(Person, String)> {
        let person = self.join(email, "guardian", json!({"email": email, "roles": ["guardian"]}))?;
        let account = account(self.stage, &person)?;
        Ok((person, account))
    }

    pub(crate) fn client(&mut self, email: &str, client: &str) -> Result<Person> {
        self.join(
            email,
            "client",
            json!({"email": email, "roles": ["client"], "client_id": client}),
        )
    }

    fn join(&mut self, email: &str, role: &str, invitation: Value) -> Result<Person> {
        let invited = self.stage.expect(
            201,
            &format!("The administrator invites somebody as {role}"),
            &Ask::post("/v1/auth/invitations", invitation).by(&self.admin.token),
        )?;
        let joined = self.stage.expect(
            201,
            "who accepts with a password and gets a second factor",
            &Ask::post(
                "/v1/auth/invitations/accept",
                json!({"token": invited.text("/token"), "display_name": format!("Tour {role}"), "password": PASSWORD}),
            ),
        )?;
        log_in(self.stage, self.clinic, email, &joined)
    }
}

/// The account that somebody has logged in to.
pub(crate) fn account(stage: &Stage, person: &Person) -> Result<String> {
    let session = stage.ask(&Ask::get("/v1/auth/sessions/current").by(&person.token))?;
    Ok(session.text("/account_id"))
}

/// Confirms the second factor with the code of now, and logs in with that of the step that comes: a code is used once, and
/// should the step end meanwhile, both are still within the drift that is allowed.
pub(crate) fn log_in(stage: &mut Stage, clinic: &str, email: &str, enrolled: &Answer) -> Result<Person> {
    let secret = enrolled.text("/totp/secret");
    let credentials = json!({"clinic_id": clinic, "email": email, "password": PASSWORD});
    let with = |field: &str, code: String| {
        let mut body = credentials.clone();
        if let Some(body) = body.as_object_mut() {
            body.insert(field.to_owned(), code.into());
        }
        body
    };
    stage.expect(
        204,
        "The authenticator app proves that it has the secret",
        &Ask::post("/v1/auth/totp/confirm", with("code", totp(&secret, 0)?)),
    )?;
    let session = stage.expect(
        201,
        "Log-in with password and code",
        &Ask::post("/v1/auth/sessions", with("totp", totp(&secret, 1)?)),
    )?;
    Ok(Person {
        token: session.text("/token"),
    })
}

/// The code of now, or of some steps of 30 s before or after (RFC 6238).
fn totp(secret: &str, steps: i64) -> Result<String> {
    let secret: [u8; 20] = data_encoding::BASE32_NOPAD
        .decode(secret.as_bytes())
        .ok()
        .and_then(|secret| secret.try_into().ok())
        .context("the TOTP secret is not 20 bytes of base32")?;
    let now = now().as_second() + steps * 30;
    let totp = totp_rs::Builder::new()
        .with_algorithm(totp_rs::Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_secret(secret)
        .build()
        .context("TOTP does not take its parameters")?;
    Ok(totp.generate(u64::try_from(now)?).to_string())
}
