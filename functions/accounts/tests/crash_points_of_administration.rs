//! What administrators do, broken off at every operation on a store in every way: repeated, it is done, once, and listed so.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use model::Function;
use notification::Template;
use practicekit::sweep::{Chain, Moment, Sweep};
use practicekit::{Person, Practice, deploy_notify, mailed_link, messages, staff};
use serde_json::{Value, json};
use testkit::{Answer, Call};

/// A clinic with its administrator's session, and a clinician's account.
struct Clinic {
    practice: Practice,
    ada: Person,
    token: String,
    ben: String,
}

fn clinic(seed: u64) -> Clinic {
    let (practice, ada) = Practice::open(seed);
    let token = practice.log_in(&ada).text("token");
    let invited = practice.invite(&token, "an-invitation-of-ben", &staff("ben@example.org"));
    let ben = practice.accept(&invited.text("token"), "eight ch").text("account_id");
    messages();
    Clinic {
        practice,
        ada,
        token,
        ben,
    }
}

impl Clinic {
    fn post(&self, path: &str, body: &Value) -> Call {
        Call::post(format!("/v1/auth/{path}"), body).bearer(&self.token)
    }

    fn get(&self, practice: &Practice, path: &str) -> Value {
        let answer = practice.send(&Call::get(format!("/v1/auth/{path}")).bearer(&self.token));
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json
    }

    fn done(&self, call: &Call) -> Answer {
        let answer = self.practice.send(call);
        assert!((200..300).contains(&answer.status), "{}", answer.json);
        messages();
        answer
    }

    /// Proves again that it is her: the time that cases take passes for her as well.
    fn freshen(&mut self) {
        self.token = self.practice.log_in(&self.ada).text("token");
    }

    /// Breaks the request off everywhere; `verify` looks at what the repeated one came to.
    fn sweep(&self, request: &Call, verify: impl Fn(&Practice, &Answer)) {
        let sweep = Sweep {
            moment: &Moment::after(&self.practice),
            request: |_: &Practice| request.clone(),
            also: None,
            look: |practice: &Practice, first: Option<&Answer>| {
                if let Some(first) = first {
                    verify(practice, first);
                }
            },
            verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
                assert!(first.is_none_or(|first| first.json == again.json), "the same answer");
                verify(practice, again);
            },
            thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
        };
        sweep.run(Chain::Begun);
    }
}

#[test]
fn enabling() {
    let clinic = clinic(521);
    let path = format!("accounts/{}", clinic.ben);
    clinic.done(&clinic.post(&format!("{path}/disable"), &json!({"reason": "on leave"})));
    clinic.sweep(&clinic.post(&format!("{path}/enable"), &json!({})), |practice, _| {
        assert_eq!(clinic.get(practice, &path)["state"], "active");
    });
}

/// Both mailboxes have confirmed another address, and the change died at its notice: nobody else can have either address until the account
/// is closed for good, and anybody then.
#[test]
fn closing_an_account_that_has_taken_another_address() {
    const NEW: &str = "ben@elsewhere.example";
    let (practice, ada) = Practice::open(528);
    let ben = practice.enrol_ben(&ada);
    practice.confirm(&ben);
    let bens = practice.log_in(&ben).text("token");
    messages();
    let change = Call::post("/v1/auth/email-change", &json!({"email": NEW})).bearer(&bens);
    assert_eq!(practice.send(&change).status, 202);
    let sent = messages();
    let links = sent.iter().filter_map(|message| message.content.token());
    let confirmations = links.map(|link| Call::post("/v1/auth/email-change/confirm", &json!({"token": link.expose()})));
    let [current, new] = &confirmations.collect::<Vec<_>>()[..] else {
        panic!("a link to each");
    };
    assert_eq!(practice.send(current).status, 200);
    practice.world.deploy(Function::Notify, &[]);
    assert_eq!(practice.send(new).status, 503);
    deploy_notify(&practice.world);

    let token = practice.log_in(&ada).text("token");
    let clinic = Clinic {
        ben: practice.send(&Call::get("/v1/auth/accounts").bearer(&token)).json["accounts"][0]["account_id"]
            .as_str()
            .unwrap()
            .to_owned(),
        practice,
        ada,
        token,
    };
    let invited = |practice: &Practice, email: &str| practice.invite(&clinic.token, email, &staff(email));
    for email in [ben.email, NEW] {
        assert_eq!(invited(&clinic.practice, email).problem(), Some("email-taken"));
    }
    let path = format!("accounts/{}/deactivate", clinic.ben);
    clinic.sweep(&clinic.post(&path, &json!({"reason": "left"})), |practice, _| {
        for email in [ben.email, NEW] {
            assert_eq!(invited(practice, email).status, 201, "{email}");
        }
        assert_eq!(practice.send(new).problem(), Some("invalid-link"));
    });
}

#[test]
fn linking_a_client_file() {
    let clinic = clinic(522);
    clinic.done(&Call::put("/v1/auth/clinic/settings", &json!({"self_registration": true})).bearer(&clinic.token));
    let ask = json!({"clinic_id": clinic.practice.clinic, "email": "yves@example.org"});
    let asked = clinic.practice.send(&Call::post("/v1/auth/registrations", &ask));
    assert_eq!(asked.status, 202);
    let token = mailed_link(Template::Registration);
    let body = json!({"token": token, "display_name": "Yves", "password": "seven lanterns at dusk"});
    let yves = clinic
        .done(&Call::post("/v1/auth/registrations/confirm", &body))
        .text("account_id");
    let path = format!("accounts/{yves}");
    let file = model::ClientId::from_bytes([5; 16]).to_string();
    let call = Call::put(format!("/v1/auth/{path}/client-file"), &json!({"client_id": file})).bearer(&clinic.token);
    clinic.sweep(&call, |practice, _| {
        assert_eq!(clinic.get(practice, &path)["client_id"], json!(file));
    });
}

#[test]
fn changing_settings() {
    let clinic = clinic(523);
    let settings = json!({"self_registration": true, "access_review_lapse": "none"});
    let call = Call::put("/v1/auth/clinic/settings", &settings).bearer(&clinic.token);
    clinic.sweep(&call, |practice, _| {
        assert_eq!(clinic.get(practice, "clinic/settings"), settings);
    });
}

#[test]
fn asking_for_a_recovery_and_withdrawing_it() {
    let mut clinic = clinic(524);
    // There have to be two administrators who are not the account's owner.
    let cyd = json!({"email": "cyd@example.org", "roles": ["clinic_admin"]});
    let invited = clinic.practice.invite(&clinic.token, "an-invitation-of-cyd", &cyd);
    assert_eq!(clinic.practice.accept(&invited.text("token"), "eight ch").status, 201);
    let body = json!({"account_id": clinic.ben, "reason": "telephone lost"});
    let request = |clinic: &Clinic| clinic.post("recoveries", &body).once("a-recovery-of-ben");
    let is = |clinic: &Clinic, practice: &Practice, recovery: &str, state: &str| {
        let listed = clinic.get(practice, "recoveries");
        let [only] = &listed["recoveries"].as_array().unwrap()[..] else {
            panic!("one, not {listed}");
        };
        assert_eq!(
            (&only["recovery_id"], &only["state"]),
            (&json!(recovery), &json!(state))
        );
    };
    clinic.sweep(&request(&clinic), |practice, answer| {
        is(&clinic, practice, &answer.text("recovery_id"), "pending");
    });
    clinic.freshen();
    let recovery = clinic.done(&request(&clinic)).text("recovery_id");
    let withdrawal = Call::delete(format!("/v1/auth/recoveries/{recovery}")).bearer(&clinic.token);
    clinic.sweep(&withdrawal, |practice, _| is(&clinic, practice, &recovery, "withdrawn"));
}

/// Whether the secret opens a session.
fn lets_in(practice: &Practice, secret: &str) -> bool {
    let answer = practice.send(&Call::post("/v1/auth/service-tokens", &json!({"secret": secret})));
    assert!([201, 401].contains(&answer.status), "{}", answer.json);
    answer.status == 201
}

#[test]
fn making_a_service_identity() {
    let clinic = clinic(525);
    let body = json!({"name": "mail", "role": "job"});
    let sweep = Sweep {
        moment: &Moment::after(&clinic.practice),
        request: |_: &Practice| clinic.post("service-identities", &body).once("an-identity-for-mail"),
        // The secret is shown once, also where nobody saw it.
        also: Some(409),
        look: |practice: &Practice, first: Option<&Answer>| {
            if let Some(first) = first {
                assert!(lets_in(practice, &first.text("secret")));
            }
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            let listed = clinic.get(practice, "service-identities");
            let [only] = &listed["service_identities"].as_array().unwrap()[..] else {
                panic!("one, not {listed}");
            };
            if again.status == 201 {
                assert!(first.is_none() && lets_in(practice, &again.text("secret")));
            }
            let id = only["service_identity_id"].as_str().unwrap();
            let deletion = Call::delete(format!("/v1/auth/service-identities/{id}")).bearer(&clinic.token);
            assert_eq!(practice.send(&deletion).status, 204, "a secret that nobody saw ends so");
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Begun);
}

#[test]
fn deleting_a_service_identity() {
    let clinic = clinic(527);
    let body = json!({"name": "mail", "role": "job"});
    let made = clinic.done(&clinic.post("service-identities", &body).once("an-identity-for-mail"));
    let secret = made.text("secret");
    assert!(lets_in(&clinic.practice, &secret));
    let path = format!("/v1/auth/service-identities/{}", made.text("service_identity_id"));
    clinic.sweep(&Call::delete(path).bearer(&clinic.token), |practice, _| {
        assert!(!lets_in(practice, &secret));
    });
}

/// Whoever asks, nothing is kept but that it was asked for; what is mailed is good.
#[test]
fn asking_for_a_link() {
    let clinic = clinic(526);
    clinic.done(&Call::put("/v1/auth/clinic/settings", &json!({"self_registration": true})).bearer(&clinic.token));
    let ask = json!({"clinic_id": clinic.practice.clinic, "email": "yves@example.org"});
    clinic.sweep(&Call::post("/v1/auth/registrations", &ask), |practice, _| {
        let tokens: Vec<String> = messages()
            .iter()
            .filter_map(|message| Some(message.content.token()?.expose().clone()))
            .collect();
        let Some(link) = tokens.last() else {
            // It was looked at before.
            return;
        };
        let body = json!({"token": link, "display_name": "Yves", "password": "too short"});
        let answer = practice.send(&Call::post("/v1/auth/registrations/confirm", &body));
        assert_eq!(answer.status, 422, "a link that is good: {}", answer.json);
    });
}
