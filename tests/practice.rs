use std::cell::Cell;

use model::{AccountId, ClinicId};
use serde_json::{Value, json};
use testkit::Call;

use crate::Deployment;

/// Everybody's password.
pub const PASSWORD: &str = "quiet-harbour-lantern-7";

/// Somebody who has logged in.
#[derive(Debug, Clone)]
pub struct Person {
    pub account: AccountId,
    pub token: String,
    pub email: String,
    pub totp_secret: String,
}

/// A clinic with an administrator, on a deployment.
pub struct Practice<'d> {
    pub deployment: &'d Deployment,
    pub clinic: ClinicId,
    pub admin: Person,
    keys: Cell<u32>,
}

/// A progress note that says this.
#[must_use]
pub fn note(text: &str) -> Value {
    json!({"kind": "progress_note", "content": {"session_at": "2026-11-02T14:00:00Z", "text": text}})
}

/// The code that an authenticator app shows some steps of 30 s from now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the host under test lives in real time")]
pub fn totp(secret: &str, steps: i64) -> String {
    let now = jiff::Timestamp::now().as_second() + steps * 30;
    let secret: [u8; 20] = data_encoding::BASE32_NOPAD
        .decode(secret.as_bytes())
        .unwrap()
        .try_into()
        .unwrap();
    totp_rs::Builder::new()
        .with_algorithm(totp_rs::Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_secret(secret)
        .build()
        .unwrap()
        .generate(u64::try_from(now).unwrap())
        .to_string()
}

fn log_in(deployment: &Deployment, clinic: ClinicId, email: &str, totp_secret: &str) -> Person {
    let credentials = |field: &str, steps: i64| {
        let mut body = json!({"clinic_id": clinic, "email": email, "password": PASSWORD});
        body[field] = totp(totp_secret, steps).into();
        body
    };
    // The codes of now and of the step that comes: should the step end meanwhile, both are still within the drift.
    deployment.expect(204, &Call::post("/v1/auth/totp/confirm", &credentials("code", 0)));
    let session = deployment.expect(201, &Call::post("/v1/auth/sessions", &credentials("totp", 1)));
    Person {
        account: session.text("account_id").parse().unwrap(),
        token: session.text("token"),
        email: email.to_owned(),
        totp_secret: totp_secret.to_owned(),
    }
}

impl<'d> Practice<'d> {
    /// Opens a clinic, logs its administrator in, and says which laws it is under.
    #[must_use]
    pub fn open(deployment: &'d Deployment) -> Self {
        let code = deployment.home.bootstrap_code().unwrap();
        let email = "admin@practice.example";
        let opened = deployment.expect(
            201,
            &Call::post(
                "/v1/auth/clinics",
                &json!({
                    "code": *code,
                    "clinic": {"name": "Quayside Practice"},
                    "administrator": {"email": email, "display_name": "Ada Administrator", "password": PASSWORD},
                }),
            ),
        );
        let clinic = opened.text("clinic_id").parse().unwrap();
        let secret = opened.json["totp"]["secret"].as_str().unwrap();
        let admin = log_in(deployment, clinic, email, secret);
        let jurisdiction = Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction());
        deployment.expect(201, &jurisdiction.bearer(&admin.token));
        Self {
            deployment,
            clinic,
            admin,
            keys: Cell::new(0),
        }
    }

    /// A fresh idempotency key.
    #[must_use]
    pub fn key(&self) -> String {
        self.keys.set(self.keys.get() + 1);
        format!("idempotency-key-{}", self.keys.get())
    }

    /// A `POST` of somebody's, with a fresh idempotency key.
    #[must_use]
    pub fn post(&self, path: &str, person: &Person, body: &Value) -> Call {
        Call::post(path, body).bearer(&person.token).once(&self.key())
    }

    /// Invites somebody, accepts, and logs in.
    pub fn join(&self, email: &str, roles: &[&str], client: Option<&str>) -> Person {
        let mut invitation = json!({"email": email, "roles": roles});
        if let Some(client) = client {
            invitation["client_id"] = client.into();
        }
        let invited = self
            .deployment
            .expect(201, &self.post("/v1/auth/invitations", &self.admin, &invitation));
        let joined = self.deployment.expect(
            201,
            &Call::post(
                "/v1/auth/invitations/accept",
                &json!({"token": invited.text("token"), "display_name": "Test Person", "password": PASSWORD}),
            ),
        );
        log_in(
            self.deployment,
            self.clinic,
            email,
            joined.json["totp"]["secret"].as_str().unwrap(),
        )
    }

    /// Opens a file for a client in the care of `clinician`, and records her consent to everything.
    #[must_use]
    pub fn consenting_client(&self, clinician: &Person) -> String {
        let deployment = self.deployment;
        let opened = deployment.expect(201, &self.post("/v1/consent/clients", clinician, &json!({})));
        let client = opened.text("client_id");
        let purposes = ["TREAT", "PATADMIN", "PATRQT", "HPAYMT"];
        let classes = ["identity", "health", "psychotherapy", "billing"];
        let notice = deployment.expect(
            201,
            &self.post(
                "/v1/consent/notices",
                &self.admin,
                &testkit::notice(&purposes, &classes),
            ),
        );
        deployment.expect(
            201,
            &self.post(
                &format!("/v1/consent/clients/{client}/consents"),
                clinician,
                &json!({
                    "notice_id": notice.text("notice_id"), "language": "en", "purposes": purposes, "classes": classes,
                    "given_by": "client", "method": "in_person",
                }),
            ),
        );
        client
    }
}
