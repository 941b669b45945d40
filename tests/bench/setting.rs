use std::thread;
use std::time::Duration;

use confide::client::Client;
use confide_tests::{PASSWORD, totp};
use serde_json::{Value, json};
use testkit::{Answer, Call};

use crate::target::CONNECTIONS;

/// Bytes of a note's text.
const NOTE: usize = 2048;

/// How often a request is sent again that could not be carried out.
const REPEATS: usize = 20;

/// A practice on the deployment that is measured: a clinician, and for each connection a client of hers with one note.
/// Clients of their own because that is what concurrent requests of a practice are about.
pub(crate) struct Setting {
    pub(crate) token: String,
    pub(crate) clients: Vec<Chart>,
    /// What a client logs in with: a password, and no second factor, whose codes are good once.
    pub(crate) credentials: Value,
    /// What every client agrees to.
    pub(crate) consent: Value,
}

/// A client and her note.
pub(crate) struct Chart {
    pub(crate) client: String,
    pub(crate) note: String,
}

/// The body of a write.
pub(crate) fn note() -> Value {
    // Words, not one letter: nothing may be easier than it is with a real note.
    let text: String = "She slept better, and spoke of the harbour again. "
        .chars()
        .cycle()
        .take(NOTE)
        .collect();
    confide_tests::note(&text)
}

pub(crate) struct Deployment {
    client: Client,
    /// Begins all idempotency keys.
    name: String,
    keys: u32,
    pub(crate) repeats: Repeats,
}

/// How often requests were sent again, by what they were answered.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Repeats {
    /// 409 `contended`.
    pub(crate) contended: usize,
    /// 503.
    pub(crate) unavailable: usize,
}

impl Repeats {
    /// How long to wait before a request is sent again that was answered so; `None` where that would not help.
    fn wait(&mut self, answer: &Answer) -> Option<Duration> {
        let count = match (answer.status, answer.problem()) {
            (409, Some("contended")) => &mut self.contended,
            (503, _) => &mut self.unavailable,
            _ => return None,
        };
        let seconds = answer.header("retry-after")?.parse().ok()?;
        *count += 1;
        Some(Duration::from_secs(seconds))
    }
}

impl Deployment {
    /// The deployment at a URL, for somebody whose name nobody else has who creates with the same session.
    pub(crate) fn new(url: &str, name: impl Into<String>) -> Self {
        Self {
            client: Client::new(url),
            name: name.into(),
            keys: 0,
            repeats: Repeats::default(),
        }
    }

    pub(crate) fn expect(&self, status: u16, call: &Call) -> Answer {
        let answer = Answer::from(self.client.send(call.request()).expect("an answer"));
        assert_eq!(answer.status, status, "{call:?} → {}", answer.json);
        answer
    }

    /// A `POST` with a fresh idempotency key, which must create something; sent again under it, as a front end would, where it met
    /// too many others.
    pub(crate) fn create(&mut self, token: &str, path: &str, body: &Value) -> Answer {
        self.keys += 1;
        let key = format!("bench-{}-{:08}", self.name, self.keys);
        let call = Call::post(path, body).bearer(token).once(&key);
        for _ in 0..REPEATS {
            let answer = Answer::from(self.client.send(call.request()).expect("an answer"));
            match self.repeats.wait(&answer) {
                Some(wait) => thread::sleep(wait),
                None => {
                    assert_eq!(answer.status, 201, "{call:?} → {}", answer.json);
                    return answer;
                }
            }
        }
        self.expect(201, &call)
    }

    /// Opens a file, records a consent and writes a note.
    pub(crate) fn chart(&mut self, token: &str, consent: &Value) -> Chart {
        let client = self.create(token, "/v1/consent/clients", &json!({})).text("client_id");
        self.create(token, &format!("/v1/consent/clients/{client}/consents"), consent);
        let note = self.note(token, &client);
        Chart { client, note }
    }

    /// Writes a note. Returns its id.
    pub(crate) fn note(&mut self, token: &str, client: &str) -> String {
        self.create(token, &format!("/v1/records/clients/{client}/records"), &note())
            .text("id")
    }

    /// Confirms the second factor and logs in. Returns the token.
    fn log_in(&self, clinic: &str, email: &str, secret: &str) -> String {
        let credentials = |field: &str, steps: i64| {
            let mut body = json!({"clinic_id": clinic, "email": email, "password": PASSWORD});
            body[field] = totp(secret, steps).into();
            body
        };
        // The codes of now and of the step that comes: should the step end meanwhile, both are still within the drift.
        self.expect(204, &Call::post("/v1/auth/totp/confirm", &credentials("code", 0)));
        self.expect(201, &Call::post("/v1/auth/sessions", &credentials("totp", 1)))
            .text("token")
    }
}

fn second_factor(answer: &Answer) -> &str {
    answer.json["totp"]["secret"].as_str().unwrap()
}

impl Setting {
    /// Founds the practice over HTTP, as anybody would.
    pub(crate) fn open(url: &str, code: &str) -> Self {
        let mut deployment = Deployment::new(url, "set-up");
        let email = "admin@practice.example";
        let founded = deployment.expect(
            201,
            &Call::post(
                "/v1/auth/clinics",
                &json!({
                    "code": code,
                    "clinic": {"name": "Quayside Practice"},
                    "administrator": {"email": email, "display_name": "Ada Administrator", "password": PASSWORD},
                }),
            ),
        );
        let clinic = founded.text("clinic_id");
        let admin = deployment.log_in(&clinic, email, second_factor(&founded));

        let email = "clinician@practice.example";
        let invited = deployment.create(
            &admin,
            "/v1/auth/invitations",
            &json!({"email": email, "roles": ["clinician"]}),
        );
        let accepted = deployment.expect(
            201,
            &Call::post(
                "/v1/auth/invitations/accept",
                &json!({"token": invited.text("token"), "display_name": "Cleo Clinician", "password": PASSWORD}),
            ),
        );
        let token = deployment.log_in(&clinic, email, second_factor(&accepted));

        let jurisdiction = Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction());
        deployment.expect(201, &jurisdiction.bearer(&admin));
        let (purposes, classes) = (["TREAT", "PATADMIN", "PATRQT"], ["identity", "health"]);
        let notice = deployment.create(&admin, "/v1/consent/notices", &testkit::notice(&purposes, &classes));
        let consent = json!({
            "notice_id": notice.text("notice_id"), "language": "en", "purposes": purposes, "classes": classes,
            "given_by": "client", "method": "in_person",
        });
        let clients: Vec<Chart> = (0..CONNECTIONS).map(|_| deployment.chart(&token, &consent)).collect();
        let email = "client@practice.example";
        let invitation = json!({"email": email, "roles": ["client"], "client_id": clients[0].client});
        let invited = deployment.create(&admin, "/v1/auth/invitations", &invitation);
        let acceptance = json!({"token": invited.text("token"), "display_name": "Clio Client", "password": PASSWORD});
        deployment.expect(201, &Call::post("/v1/auth/invitations/accept", &acceptance));
        let credentials = json!({"clinic_id": clinic, "email": email, "password": PASSWORD});
        Self {
            token,
            clients,
            credentials,
            consent,
        }
    }
}
