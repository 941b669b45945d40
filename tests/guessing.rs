//! Guessing, as an attacker does it who has many networks: what it gets, what it costs the owner, and what its time tells.
//!
//! A short run is part of every test; `cargo test -p confide-tests --test guessing -- --ignored --nocapture` makes 10 000
//! guesses, which takes some minutes, as each that gets as far costs an Argon2id.
// Test code: a failed expectation is a failed test. Time is what is looked at here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use confide_tests::{Deployment, PASSWORD, Practice};
use serde_json::{Value, json};
use testkit::Call;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// How many failures a network has in a quarter of an hour, and how many requests in a minute.
const FAILURES: usize = 50;

/// Sends a body from one of many networks: every address of 127.0.0.0/8 is this machine.
fn send(runtime: &Runtime, url: &str, network: usize, path: &str, body: &Value) -> u16 {
    let target = url.strip_prefix("http://").unwrap().parse().unwrap();
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         idempotency-key: guess-guess-guess\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        let source = format!("127.{}.{}.1:0", 1 + network / 250, 1 + network % 250);
        socket.bind(source.parse().unwrap()).unwrap();
        let mut stream = socket.connect(target).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    });
    let head = String::from_utf8_lossy(&answer);
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The guesses, one after the other over all routes that anybody can reach. Not at a passkey: a signature is not guessed, nor counted.
fn guess(practice: &Practice<'_>, number: usize) -> (&'static str, Value) {
    let clinic = practice.clinic;
    let known = &practice.admin.email;
    let unknown = format!("nobody{number}@practice.example");
    let credentials = |email: &str, password: &str| json!({"clinic_id": clinic, "email": email, "password": password});
    let with = |mut body: Value, field: &str, value: Value| {
        body[field] = value;
        body
    };
    let code = format!("{:06}", number * 7919 % 1_000_000);
    let filler = "A".repeat(86);
    match number % 14 {
        0 => (
            "/v1/auth/sessions",
            credentials(known, &format!("guess number {number}")),
        ),
        1 => (
            "/v1/auth/sessions",
            credentials(&unknown, &format!("guess number {number}")),
        ),
        2 => (
            "/v1/auth/sessions",
            with(credentials(known, PASSWORD), "totp", code.into()),
        ),
        3 => (
            "/v1/auth/totp/confirm",
            with(credentials(known, PASSWORD), "code", code.into()),
        ),
        4 => (
            "/v1/auth/log-ins/complete",
            json!({"log_in": format!("cfl_{filler}"), "totp": code}),
        ),
        5 => (
            "/v1/auth/sessions",
            with(
                credentials(known, PASSWORD),
                "recovery_code",
                format!("{number:016}").into(),
            ),
        ),
        6 => (
            "/v1/auth/invitations/accept",
            json!({"token": format!("cfi_{filler}"), "display_name": "Mallory", "password": "a long enough guess"}),
        ),
        7 => (
            "/v1/auth/password-resets/confirm",
            json!({"token": format!("cfm_{filler}"), "password": "a long enough guess"}),
        ),
        8 => (
            "/v1/auth/password-resets/sms",
            json!({"token": format!("cfm_{filler}")}),
        ),
        9 => (
            "/v1/auth/registrations/confirm",
            json!({"token": format!("cfm_{filler}"), "display_name": "Mallory", "password": "a long enough guess"}),
        ),
        10 => (
            "/v1/auth/email-change/confirm",
            json!({"token": format!("cfm_{filler}")}),
        ),
        11 => (
            "/v1/auth/recoveries/complete",
            json!({"token": format!("cfm_{filler}"), "password": "a long enough guess"}),
        ),
        12 => ("/v1/auth/service-tokens", json!({"secret": format!("cfj_{filler}")})),
        _ => (
            "/v1/auth/clinics",
            json!({
                "code": format!("cfb_{filler}"), "clinic": {"name": "Mallory's"},
                "administrator": {"email": unknown, "display_name": "Mallory", "password": "a long enough guess"},
            }),
        ),
    }
}

/// The owner gets in where she usually is, whatever strangers did meanwhile.
fn owner_gets_in(practice: &Practice<'_>, recovery_code: &str) {
    let mine = json!({
        "clinic_id": practice.clinic, "email": practice.admin.email, "password": PASSWORD, "recovery_code": recovery_code,
    });
    practice.deployment.expect(201, &Call::post("/v1/auth/sessions", &mine));
}

fn attack(guesses: usize, each: usize) {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let codes = practice.post("/v1/auth/factors/recovery-codes", &practice.admin, &json!({}));
    let codes = deployment.expect(200, &codes);
    let runtime = Runtime::new().unwrap();
    let url = deployment.url();
    let mut statuses: BTreeMap<(&str, u16), usize> = BTreeMap::new();
    let mut refused: BTreeMap<usize, usize> = BTreeMap::new();
    for number in 0..guesses {
        // Every network tries every kind of guess.
        let network = number / each;
        let (path, body) = guess(&practice, number);
        let status = send(&runtime, &url, network, path, &body);
        *statuses.entry((path, status)).or_default() += 1;
        if status == 401 {
            *refused.entry(network).or_default() += 1;
        }
    }
    println!("{guesses} guesses from {} networks", guesses.div_ceil(each));
    for ((path, status), count) in &statuses {
        println!("{count:>7}  {status}  {path}");
        assert!([401, 409, 422, 429].contains(status), "{path} answered {status}");
    }
    assert!(refused.values().all(|count| *count <= FAILURES), "{refused:?}");
    owner_gets_in(&practice, codes.json["recovery_codes"][0].as_str().unwrap());
}

#[test]
fn guesses_get_nowhere_and_lock_nobody_out() {
    // One network goes beyond its limit; the others stay below it.
    attack(120, 80);
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_guesses_get_nowhere_and_lock_nobody_out() {
    attack(10_000, 40);
}

/// Mann-Whitney's U of two samples, as standard deviations from what chance gives.
fn mann_whitney(one: &[Duration], other: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> = one.iter().map(|time| (*time, true)).collect();
    all.extend(other.iter().map(|time| (*time, false)));
    all.sort();
    let ranks: usize = (1..)
        .zip(&all)
        .filter(|(_, (_, is_one))| *is_one)
        .map(|(rank, _)| rank)
        .sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    let u = ranks as f64 - n * (n + 1.0) / 2.0;
    (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// An address that has an account and one that has none take the same time: in turns, each from a network that has tried
/// nothing before. Of runs where nothing differs, one in 15 000 is beyond four standard deviations.
#[test]
#[ignore = "takes a minute"]
fn time_does_not_tell_who_has_an_account() {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let runtime = Runtime::new().unwrap();
    let url = deployment.url();
    let time = |number: usize, email: &str| {
        let body = json!({"clinic_id": practice.clinic, "email": email, "password": format!("guess number {number}")});
        let begin = Instant::now();
        assert_eq!(
            send(&runtime, &url, 1000 + number / 20, "/v1/auth/sessions", &body),
            401
        );
        begin.elapsed()
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..300 {
        let nobody = format!("nobody{number}@practice.example");
        // Who goes first changes, so that neither always meets what the other left warm.
        if number % 2 == 0 {
            known.push(time(2 * number, &practice.admin.email));
            unknown.push(time(2 * number + 1, &nobody));
        } else {
            unknown.push(time(2 * number, &nobody));
            known.push(time(2 * number + 1, &practice.admin.email));
        }
    }
    let deviations = mann_whitney(&known, &unknown);
    println!("known against unknown, 300 each: z = {deviations:.2} (Mann-Whitney)");
    assert!(deviations.abs() < 4.0, "z = {deviations:.2}");
}
