//! Messages as they are deployed: private calls between functions, the page that shows them, the job, and a provider on
//! the other end of a socket.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use confide::home::Home;
use confide_tests::{Deployment, Practice};
use jiff::SignedDuration;
use model::{ClinicId, Confidential, Function, Role, Timestamp};
use notification::{Channel, Content, MESSAGES, Message, Recipient, Urgency};
use ports::{Clock as _, EntropyExt as _};
use serde_json::json;
use testkit::{Call, World, log_in};

const CAPTURE: &str = "/v1/notify/capture";
const DRAIN: &str = "/v1/notify/jobs/drain";

#[expect(clippy::disallowed_methods, reason = "the host under test lives in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The deployment's keys, as somebody has them who was handed its keyrings, at the time of now.
fn world(home: &Home) -> World {
    let mut world = World::new(7);
    let keyrings = home.keyrings().unwrap();
    world.keyrings = keyrings
        .into_iter()
        .map(|(function, text)| (function, text.to_string()))
        .collect();
    world.clock.advance(now().duration_since(world.clock.now()));
    world
}

/// A session of a scheduler, put into the store while nobody serves it.
fn job(home: &Home, clinic: ClinicId) -> String {
    let world = world(home);
    let token = log_in(&world, &[Role::Job], clinic, world.entropy.id(), None);
    let store = rusqlite::Connection::open(home.store_file("sessions")).unwrap();
    for (label, key, value) in world.stores.dump() {
        assert_eq!(label, "sessions");
        store
            .execute(
                "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)",
                rusqlite::params![label, key, value],
            )
            .unwrap();
    }
    token
}

/// A message on its way from `auth`.
fn call(deployment: &Deployment, message: &Message) -> Call {
    let body = serde_json::to_value(message).unwrap();
    world(&deployment.home).private_call(Function::Auth, Function::Notify, MESSAGES, &body)
}

fn text(text: &str) -> Confidential<String> {
    Confidential::new(text.to_owned())
}

fn code(clinic_id: ClinicId, key: &str) -> Message {
    Message {
        key: format!("{key:-<16}"),
        clinic_id,
        recipient: Recipient::Phone(text("+493012345678")),
        content: Content::SignInCode { code: text("246813") },
        language: "en".to_owned(),
        urgency: Urgency::Now,
        expires_at: Some(now() + SignedDuration::from_mins(10)),
    }
}

#[test]
fn messages_are_taken_from_functions_only_and_shown() {
    let mut deployment = Deployment::start();
    let (clinic, client, admin) = {
        let practice = Practice::open(&deployment);
        let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
        let client = practice.consenting_client(&clinician);
        let person = json!({"client_id": client, "client": {
            "name": {"given": ["Zoe"], "family": "Okafor"}, "birth_date": "1987-03-21",
            "telecoms": [{"system": "email", "value": "zoe@example.org"}],
            "preferences": {"language": "hi", "channels": ["email"]}}});
        deployment.expect(201, &practice.post("/v1/identity/clients", &clinician, &person));
        (practice.clinic, client, practice.admin)
    };
    // Nothing but the key of the pair opens the route, which looks like none.
    let message = code(clinic, "code");
    let genuine = call(&deployment, &message);
    let body = serde_json::to_value(&message).unwrap();
    let nothing = deployment.expect(404, &Call::post("/v1/notify/nothing", &body));
    for forged in [
        Call::post(MESSAGES, &body),
        Call::post(MESSAGES, &body).bearer(&admin.token),
        Call::post(MESSAGES, &body).header("private-call", "auth 1764576000 AAAA"),
        call(&deployment, &code(clinic, "other")).body(body.to_string()),
    ] {
        assert_eq!(deployment.expect(404, &forged).json, nothing.json);
    }
    let contact = json!({"clinic_id": clinic, "client_id": client, "channel": "email"});
    deployment.expect(404, &Call::post("/v1/identity/private/contact", &contact));
    assert!(deployment.expect(200, &Call::get(CAPTURE)).body().contains("None yet."));

    // With it, the code is there at once; a client's message when the job has come by, at the address that she has.
    let sent = deployment.expect(200, &genuine);
    assert_eq!(sent.json["state"], "sent");
    let notice = Message {
        recipient: Recipient::Client {
            client_id: client.parse().unwrap(),
            channel: Channel::Email,
        },
        content: Content::PasswordChanged,
        urgency: Urgency::Queued,
        expires_at: None,
        ..code(clinic, "notice")
    };
    let queued = deployment.expect(200, &call(&deployment, &notice));
    assert_eq!(queued.json["state"], "pending");
    let page = deployment.expect(200, &Call::get(CAPTURE));
    assert!(page.body().contains("@localhost #246813") && !page.body().contains("zoe"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'; style-src 'sha256-")
    );

    deployment.expect(401, &Call::post(DRAIN, &json!({})));
    deployment.expect(403, &Call::post(DRAIN, &json!({})).bearer(&admin.token));
    let mut token = String::new();
    deployment.restart(|home| token = job(home, clinic));
    let drain = Call::post(DRAIN, &json!({})).bearer(&token);
    // The notice, and the invitation that the clinician was mailed.
    let drained = deployment.expect(200, &drain);
    assert_eq!(
        drained.json,
        json!({"ran": true, "tried": 2, "waiting": 0, "more": false})
    );
    let page = deployment.expect(200, &Call::get(CAPTURE)).body();
    assert!(page.contains("zoe@example.org") && page.contains("पासवर्ड"), "{page}");
    assert_eq!(deployment.expect(200, &drain).json["tried"], 0);
    let listed = deployment.expect(200, &Call::get(MESSAGES).bearer(&admin.token));
    assert_eq!(listed.json["messages"][0]["message_id"], queued.json["message_id"]);
    assert_eq!(listed.json["messages"][0]["state"], "sent");
}

/// What reached the provider: path, headers and body.
type Received = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

/// A provider on a port of its own. It takes a request, and answers or hangs up.
fn provider(answers: Arc<AtomicBool>) -> (u16, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = Received::default();
    let keeps = Arc::clone(&received);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut path, mut headers, mut length) = (String::new(), String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if path.is_empty() {
                    path.clone_from(&line);
                }
                let line = line.to_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                headers.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            keeps.lock().unwrap().push((path, headers, body));
            if answers.load(Ordering::SeqCst) {
                let _ = stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 13\r\n\r\n{\"sid\":\"SM1\"}");
            }
        }
    });
    (port, received)
}

/// Replaces settings of a deployment.
fn set(home: &Home, settings: &[(&str, String)]) {
    let text = fs::read_to_string(home.env_file()).unwrap();
    let name = |setting: &str| format!("SPIN_VARIABLE_NOTIFY_{}=", setting.to_uppercase());
    let kept = text
        .lines()
        .filter(|line| settings.iter().all(|(setting, _)| !line.starts_with(&name(setting))));
    let mut text = kept.fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    });
    for (setting, value) in settings {
        writeln!(text, "{}'{value}'", name(setting)).unwrap();
    }
    fs::write(home.env_file(), text).unwrap();
}

#[test]
fn a_provider_is_reached_and_tells_what_became_of_a_message() {
    let mut deployment = Deployment::start();
    let clinic = Practice::open(&deployment).clinic;
    let answers = Arc::new(AtomicBool::new(true));
    let (port, received) = provider(Arc::clone(&answers));
    // A port that nobody listens on.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let twilio = |port: u16| {
        vec![
            ("capture", "off".to_owned()),
            ("public_url", "https://confide.example.org".to_owned()),
            ("sms_provider", "twilio".to_owned()),
            ("sms_url", format!("http://127.0.0.1:{port}")),
            ("sms_account", "AC1".to_owned()),
            ("sms_token", "12345".to_owned()),
            ("sms_from", "+15005550006".to_owned()),
        ]
    };
    deployment.restart(|home| set(home, &twilio(port)));
    deployment.expect(404, &Call::get(CAPTURE));

    let delivered = code(clinic, "sent");
    let sent = deployment.expect(200, &call(&deployment, &delivered));
    assert_eq!(sent.json["state"], "sent");
    let (path, headers, body) = received.lock().unwrap().pop().unwrap();
    assert_eq!(path, "POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n");
    assert!(headers.contains("authorization: basic qumxojeymzq1\r\n"), "{headers}");
    let body = String::from_utf8(body).unwrap();
    assert!(
        body.contains("To=%2B493012345678") && body.contains("%40localhost+%23246813"),
        "{body}"
    );

    // Whoever hangs up may have sent it: it is not sent again. Whoever takes no connection has not.
    answers.store(false, Ordering::SeqCst);
    let lost = code(clinic, "lost");
    for _ in 0..2 {
        let answer = deployment.expect(200, &call(&deployment, &lost));
        assert_eq!(answer.json["state"], "unknown");
    }
    assert_eq!(received.lock().unwrap().len(), 1);
    deployment.restart(|home| set(home, &twilio(closed)));
    let unsent = code(clinic, "unsent");
    let answer = deployment.expect(200, &call(&deployment, &unsent));
    assert_eq!(answer.json["state"], "pending");
    answers.store(true, Ordering::SeqCst);
    let mut token = String::new();
    deployment.restart(|home| {
        set(home, &twilio(port));
        token = job(home, clinic);
    });
    let answer = deployment.expect(200, &call(&deployment, &unsent));
    assert_eq!(answer.json["state"], "sent");
    assert_eq!(
        deployment
            .expect(200, &Call::post(DRAIN, &json!({})).bearer(&token))
            .json["tried"],
        0
    );

    // What the provider tells later. The signature is Twilio's own example of a key and algorithm, over our URL.
    let id = sent.text("message_id");
    let target = format!("/v1/notify/callbacks/twilio?clinic={clinic}&message={id}");
    let told = |signature: &str| {
        Call::new(http::Method::POST, target.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-twilio-signature", signature)
            .body("MessageSid=SM1&MessageStatus=delivered")
    };
    deployment.expect(401, &told("RSOYDt4T1cUTdK1PDd93/VVr8B8="));
    let signed = format!("https://confide.example.org{target}MessageSidSM1MessageStatusdelivered");
    let signature = data_encoding::BASE64.encode(&hmac_sha1(b"12345", signed.as_bytes()));
    deployment.expect(204, &told(&signature));
    let again = deployment.expect(200, &call(&deployment, &delivered));
    assert_eq!(again.json, json!({"message_id": id, "state": "delivered"}));
}

fn hmac_sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut hmac = Hmac::<sha1::Sha1>::new_from_slice(key).unwrap();
    hmac.update(message);
    hmac.finalize().into_bytes().to_vec()
}
