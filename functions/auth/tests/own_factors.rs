//! What people do with their own factors, password and sessions.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::rc::Rc;

use audit_trail::Decision;
use jiff::SignedDuration;
use notification::{Content, Factor, Recipient};
use ports::Clock;
use practicekit::authenticator::Authenticator;
use practicekit::sweep::recorded_as;
use practicekit::{ADMIN, Person, Practice, ZOE, ZOE_PASSWORD, code_at, code_by_sms, messages, other_code};
use serde_json::{Value, json};
use testkit::{Answer, Call};

const FACTORS: &str = "/v1/auth/factors";
const STEP_UP: &str = "/v1/auth/sessions/current/step-up";
const PASSWORD: &str = "/v1/auth/password";
const PHONE: &str = "+14155550123";

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn step_up(practice: &Practice, token: &str, body: &Value) -> Answer {
    practice.send(&Call::post(STEP_UP, body).bearer(token))
}

/// Proves somebody again, who has another token from then on.
#[track_caller]
fn proven(practice: &Practice, token: &mut String, body: &Value) -> Answer {
    let answer = step_up(practice, token, body);
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert!(!practice.is_live(token), "a copy of the token so far is worth nothing");
    *token = answer.text("token");
    answer
}

/// The code of an app, after the one that was used last.
fn next_code(practice: &Practice, secret: &str) -> String {
    practice.world.clock.advance(SignedDuration::from_secs(30));
    code_at(secret, practice.world.clock.now().as_second())
}

fn listed(practice: &Practice, token: &str) -> Value {
    let answer = practice.send(&Call::get(FACTORS).bearer(token));
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json
}

/// What was told by e-mail, and to whom.
fn told() -> Vec<(String, Content)> {
    let told = messages().into_iter().map(|message| match message.recipient {
        Recipient::Email(address) => (address.expose().clone(), message.content),
        other => panic!("{other:?}"),
    });
    told.collect()
}

/// Ada and three sessions of hers.
fn ada(seed: u64) -> (Practice, Person, [String; 3]) {
    let (practice, ada) = Practice::open(seed);
    let tokens = [(), (), ()].map(|()| practice.log_in(&ada).text("token"));
    messages();
    (practice, ada, tokens)
}

#[test]
fn everything_about_factors_needs_a_recent_proof() {
    let (practice, ada, [mut token, ..]) = ada(301);
    let calls = || {
        [
            Call::get(FACTORS),
            Call::post("/v1/auth/factors/totp", &json!({})),
            Call::post("/v1/auth/factors/totp/confirm", &json!({"code": "000000"})),
            Call::delete("/v1/auth/factors/totp"),
            Call::post("/v1/auth/factors/sms", &json!({"phone": PHONE})),
            Call::post("/v1/auth/factors/sms/confirm", &json!({"code": "000000"})),
            Call::delete("/v1/auth/factors/sms"),
            Call::post("/v1/auth/factors/passkeys/options", &json!({})),
            Call::delete(format!(
                "/v1/auth/factors/passkeys/{}",
                model::PasskeyId::from_bytes([1; 16])
            )),
            Call::post("/v1/auth/factors/recovery-codes", &json!({})).once("codes"),
            Call::put(PASSWORD, &json!({"current": ada.password, "new": "other walks 8"})),
        ]
    };
    practice.world.clock.advance(minutes(5));
    for call in calls() {
        let anonymous = practice.send(&call);
        assert_eq!((anonymous.status, anonymous.problem()), (401, Some("unauthenticated")));
        let stale = practice.send(&call.bearer(&token));
        assert_eq!(
            (stale.status, stale.problem()),
            (401, Some("step-up-required")),
            "{}",
            stale.json
        );
        let challenge = stale.header("www-authenticate").unwrap();
        assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
    }
    assert_eq!(messages(), []);
    let code = next_code(&practice, &ada.secret);
    let proven = proven(&practice, &mut token, &json!({"totp": code}));
    assert_eq!(proven.json["assurance"], json!("multi_factor"));
    let now = practice.world.clock.now();
    assert_eq!(proven.text("fresh_until"), (now + minutes(5)).to_string());
    listed(&practice, &token);
    practice.world.clock.advance(minutes(5));
    assert_eq!(
        practice.send(&Call::get(FACTORS).bearer(&token)).status,
        401,
        "and for five minutes only"
    );
}

#[test]
fn what_proves_somebody_again() {
    let (practice, ada, [mut token, other, _]) = ada(302);
    let codes = practice.recovery_codes(&token, "codes");
    let mut device = Authenticator::new(1);
    practice.register_passkey(&token, &mut device);
    let options = |token: &str| {
        practice
            .send(&Call::post("/v1/auth/sessions/current/step-up/passkey", &json!({})).bearer(token))
            .json
    };
    let refused = |answer: &Answer| {
        assert_eq!(
            (answer.status, answer.problem()),
            (403, Some("proof-refused")),
            "{}",
            answer.json
        );
    };
    refused(&step_up(&practice, &token, &json!({"password": ada.password})));
    refused(&step_up(&practice, &token, &json!({"recovery_code": "x"})));
    refused(&step_up(&practice, &token, &json!({"sms_code": "000000"})));
    proven(&practice, &mut token, &json!({"recovery_code": codes[0]}));
    refused(&step_up(&practice, &token, &json!({"recovery_code": codes[0]})));
    let code = next_code(&practice, &ada.secret);
    proven(&practice, &mut token, &json!({"totp": code}));
    refused(&step_up(&practice, &token, &json!({"totp": code})));
    let shown = device.get(&options(&token));
    refused(&step_up(&practice, &other, &json!({"passkey": shown})));
    proven(&practice, &mut token, &json!({"passkey": shown}));
    refused(&step_up(&practice, &token, &json!({"passkey": shown})));
    for body in [json!({}), json!({"password": "x", "totp": "000000"})] {
        assert_eq!(step_up(&practice, &token, &body).status, 422);
    }
    assert!(practice.is_live(&token), "a proof that is refused ends no session");
    let sms = Call::post("/v1/auth/sessions/current/step-up/sms", &json!({})).bearer(&token);
    assert_eq!(practice.send(&sms).problem(), Some("no-such-factor"));
}

#[test]
fn guessing_at_a_step_up_is_locked_out() {
    let (practice, ada, [token, ..]) = ada(303);
    for _ in 0..5 {
        let wrong = other_code(&practice.code(&ada));
        assert_eq!(step_up(&practice, &token, &json!({"totp": wrong})).status, 403);
    }
    let right = json!({"totp": next_code(&practice, &ada.secret)});
    assert_eq!(step_up(&practice, &token, &right).status, 403, "locked");
    practice.world.clock.advance(minutes(2));
    let right = json!({"totp": next_code(&practice, &ada.secret)});
    assert_eq!(step_up(&practice, &token, &right).status, 200);
}

#[test]
fn a_client_proves_herself_with_what_she_has() {
    let (practice, ada) = Practice::open(304);
    let zoe = practice.enrol_zoe(&ada);
    let [mut token, mut other] = [(), ()].map(|()| practice.password_alone(&zoe).text("token"));
    practice.world.clock.advance(minutes(6));
    let password = json!({"password": zoe.password});
    let again = proven(&practice, &mut token, &password);
    assert_eq!(again.json["assurance"], json!("single_factor"));
    assert_eq!(listed(&practice, &token)["suggested"], json!(["passkey", "totp"]));
    proven(&practice, &mut other, &password);
    let secret = practice.register_totp(&token);
    // Both sessions were begun and proven with the password alone. It changes nothing any more.
    for token in [&token, &other] {
        assert_eq!(
            practice.send(&Call::get(FACTORS).bearer(token)).problem(),
            Some("step-up-required")
        );
        assert_eq!(
            step_up(&practice, token, &json!({"password": zoe.password})).status,
            403
        );
    }
    let code = next_code(&practice, &secret);
    let again = proven(&practice, &mut other, &json!({"totp": code}));
    assert_eq!(again.json["assurance"], json!("multi_factor"));
    assert_eq!(listed(&practice, &other).get("suggested"), None);
    let current = practice.send(&Call::get("/v1/auth/sessions/current").bearer(&other));
    assert_eq!(current.json["assurance"], json!("multi_factor"));
}

#[test]
fn a_client_proves_herself_by_sms() {
    let (practice, ada) = Practice::open(305);
    let zoe = practice.enrol_zoe(&ada);
    let [mut token, other] = [(), ()].map(|()| practice.password_alone(&zoe).text("token"));
    practice.register_sms(&token, PHONE);
    practice.world.clock.advance(minutes(1));
    let send =
        |token: &str| practice.send(&Call::post("/v1/auth/sessions/current/step-up/sms", &json!({})).bearer(token));
    messages();
    assert_eq!(send(&token).status, 202);
    assert_eq!(send(&token).status, 429);
    let (_, code) = code_by_sms();
    assert_eq!(
        step_up(&practice, &other, &json!({"sms_code": code})).status,
        403,
        "of one session"
    );
    proven(&practice, &mut token, &json!({"sms_code": code}));
    assert_eq!(
        step_up(&practice, &token, &json!({"sms_code": code})).status,
        403,
        "used"
    );
    let factors = listed(&practice, &token);
    assert_eq!(factors["sms"]["number"], json!("…23"));
    assert_eq!(factors["suggested"], json!(["passkey", "totp"]), "there is better");
}

#[test]
fn another_app_takes_the_place_of_the_first() {
    let (practice, ada, [token, other, _]) = ada(306);
    let confirm = |code: &str| {
        let body = json!({"code": code});
        practice.send(&Call::post("/v1/auth/factors/totp/confirm", &body).bearer(&token))
    };
    assert_eq!(
        confirm(other_code(&practice.code(&ada))).status,
        409,
        "nothing was begun"
    );
    let begun = practice.send(&Call::post("/v1/auth/factors/totp", &json!({})).bearer(&token));
    assert_eq!(
        confirm(&practice.code(&ada)).problem(),
        Some("wrong-code"),
        "the first app's code"
    );
    assert_eq!(messages(), []);
    let secret = begun.text("secret");
    let code = code_at(&secret, practice.world.clock.now().as_second());
    assert!(practice.is_live(&other));
    assert_eq!(confirm(&code).status, 204);
    assert_eq!(confirm(&code).status, 204, "repeated");
    assert_eq!(
        told(),
        [(ADMIN.to_owned(), Content::FactorAdded { factor: Factor::Totp })]
    );
    assert!(!practice.is_live(&other), "what the first app opened is over");
    assert!(practice.is_live(&token));
    practice.world.clock.advance(SignedDuration::from_secs(30));
    let first = practice.credentials(ADMIN, ada.password, Some(&practice.code(&ada)));
    assert_eq!(practice.send(&first).status, 401);
    let second = practice.credentials(
        ADMIN,
        ada.password,
        Some(&code_at(&secret, practice.world.clock.now().as_second())),
    );
    assert_eq!(practice.send(&second).status, 201);
}

/// Where no app waits to be confirmed, the code is one of the app that lets her in: counted as at a log-in, and used up.
#[test]
fn guessing_at_a_code_that_confirms_nothing_is_locked_out() {
    let (practice, ada, [token, ..]) = ada(316);
    let confirm = |code: &str| {
        let body = json!({"code": code});
        practice.send(&Call::post("/v1/auth/factors/totp/confirm", &body).bearer(&token))
    };
    let used = confirm(&practice.code(&ada));
    assert_eq!((used.status, used.problem()), (409, Some("wrong-code")));
    let code = next_code(&practice, &ada.secret);
    assert_eq!(confirm(&code).status, 204);
    assert_eq!(
        step_up(&practice, &token, &json!({"totp": code})).status,
        403,
        "used up"
    );
    for _ in 0..3 {
        assert_eq!(confirm(other_code(&code)).problem(), Some("wrong-code"));
    }
    let right = next_code(&practice, &ada.secret);
    assert_eq!(confirm(&right).problem(), Some("wrong-code"), "locked");
    assert_eq!(
        step_up(&practice, &token, &json!({"totp": right})).status,
        403,
        "everywhere"
    );
}

#[test]
fn staff_keep_a_second_factor() {
    let (practice, _, [token, other, _]) = ada(307);
    practice.recovery_codes(&token, "codes");
    messages();
    let remove = |path: &str| practice.send(&Call::delete(path).bearer(&token));
    let last = remove("/v1/auth/factors/totp");
    assert_eq!(
        (last.status, last.problem()),
        (409, Some("last-second-factor")),
        "recovery codes are none"
    );
    assert_eq!(messages(), []);
    assert!(practice.is_live(&other));
    let mut device = Authenticator::new(1);
    let passkey = practice.register_passkey(&token, &mut device).text("id");
    messages();
    assert_eq!(remove("/v1/auth/factors/totp").status, 204);
    assert_eq!(
        told(),
        [(ADMIN.to_owned(), Content::FactorRemoved { factor: Factor::Totp })]
    );
    assert!(
        practice.is_live(&token) && !practice.is_live(&other),
        "all other sessions are over"
    );
    assert_eq!(remove("/v1/auth/factors/totp").status, 204, "repeated");
    assert_eq!(told(), []);
    assert_eq!(
        remove(&format!("/v1/auth/factors/passkeys/{passkey}")).problem(),
        Some("last-second-factor")
    );
    let factors = listed(&practice, &token);
    assert_eq!(
        (&factors["totp"], &factors["recovery_codes"]["left"]),
        (&json!(null), &json!(10))
    );
}

#[test]
fn a_client_may_go_back_to_the_password() {
    let (practice, ada) = Practice::open(308);
    let zoe = practice.enrol_zoe(&ada);
    let mut token = practice.password_alone(&zoe).text("token");
    practice.register_sms(&token, PHONE);
    let secret = {
        practice.world.clock.advance(minutes(1));
        messages();
        practice.send(&Call::post("/v1/auth/sessions/current/step-up/sms", &json!({})).bearer(&token));
        let (_, code) = code_by_sms();
        proven(&practice, &mut token, &json!({"sms_code": code}));
        practice.register_totp(&token)
    };
    practice.recovery_codes(&token, "codes");
    messages();
    let remove = |path: &str| assert_eq!(practice.send(&Call::delete(path).bearer(&token)).status, 204);
    remove("/v1/auth/factors/sms");
    let alone = practice.password_alone(&zoe);
    assert_eq!(alone.json["second_factors"], json!(["totp", "recovery_code"]));
    let factors: Vec<Content> = told().into_iter().map(|(_, content)| content).collect();
    assert_eq!(factors, [Content::FactorRemoved { factor: Factor::Sms }]);
    remove("/v1/auth/factors/totp");
    assert_eq!(
        listed(&practice, &token)["recovery_codes"],
        json!(null),
        "they stand in for nothing"
    );
    assert_eq!(practice.password_alone(&zoe).json["assurance"], json!("single_factor"));
    let code = next_code(&practice, &secret);
    assert_eq!(
        practice
            .send(&practice.credentials(zoe.email, zoe.password, Some(&code)))
            .status,
        401
    );
}

#[test]
fn a_number_is_confirmed_by_the_code_that_was_sent_to_it() {
    let (practice, ada) = Practice::open(309);
    let zoe = practice.enrol_zoe(&ada);
    let [token, other] = [(), ()].map(|()| practice.password_alone(&zoe).text("token"));
    messages();
    let begin =
        |phone: &str| practice.send(&Call::post("/v1/auth/factors/sms", &json!({"phone": phone})).bearer(&token));
    let confirm = |token: &str, code: &str| {
        practice.send(&Call::post("/v1/auth/factors/sms/confirm", &json!({"code": code})).bearer(token))
    };
    assert_eq!(begin("4155550123").status, 422);
    assert_eq!(begin(PHONE).status, 202);
    assert_eq!(begin("+14155550199").status, 429, "one a minute, whichever number");
    let (phone, code) = code_by_sms();
    assert_eq!(phone, PHONE);
    assert_eq!(practice.password_alone(&zoe).status, 201, "it is no factor yet");
    assert_eq!(confirm(&token, other_code(&code)).problem(), Some("wrong-code"));
    assert_eq!(
        confirm(&other, &code).problem(),
        Some("wrong-code"),
        "the code is of one session"
    );
    assert_eq!(confirm(&token, &code).status, 204);
    assert_eq!(
        told(),
        [(zoe.email.to_owned(), Content::FactorAdded { factor: Factor::Sms })]
    );
    assert_eq!(practice.password_alone(&zoe).json["second_factors"], json!(["sms"]));
}

#[test]
fn recovery_codes_are_shown_once() {
    let (practice, _, [token, ..]) = ada(310);
    let call = |key: &str| {
        Call::post("/v1/auth/factors/recovery-codes", &json!({}))
            .bearer(&token)
            .once(key)
    };
    let without_key = Call::post("/v1/auth/factors/recovery-codes", &json!({})).bearer(&token);
    assert_eq!(practice.send(&without_key).status, 400);
    let made = practice.send(&call("first"));
    assert_eq!(made.status, 200);
    let again = practice.send(&call("first"));
    assert_eq!((again.status, again.problem()), (409, Some("recovery-codes-shown")));
    assert_eq!(again.json.get("recovery_codes"), None);
    assert_ne!(
        practice.send(&call("second")).json["recovery_codes"],
        made.json["recovery_codes"]
    );
    let factors: Vec<Content> = told().into_iter().map(|(_, content)| content).collect();
    let added = Content::FactorAdded {
        factor: Factor::RecoveryCodes,
    };
    assert_eq!(factors, [added.clone(), added]);
}

#[test]
fn another_password_ends_all_other_sessions() {
    let (practice, ada, [token, other, _]) = ada(311);
    let change = |current: &str, new: &str| {
        practice.send(&Call::put(PASSWORD, &json!({"current": current, "new": new})).bearer(&token))
    };
    let log_in = practice.password_alone(&ada).text("log_in");
    let wrong = change("hill walks 8", "other walks 8");
    assert_eq!((wrong.status, wrong.problem()), (403, Some("proof-refused")));
    for (new, rule) in [("short", "length"), ("ada okafor", "personal"), ("password1", "common")] {
        let answer = change(ada.password, new);
        assert_eq!((answer.status, &answer.json["errors"][0]["rule"]), (422, &json!(rule)));
    }
    assert!(practice.is_live(&other));
    assert_eq!(messages(), []);
    assert_eq!(change(ada.password, "other walks 8").status, 204);
    assert_eq!(told(), [(ADMIN.to_owned(), Content::PasswordChanged)]);
    assert!(practice.is_live(&token) && !practice.is_live(&other));
    assert_eq!(change(ada.password, "other walks 8").status, 204, "repeated");
    assert_eq!(told(), []);
    assert_eq!(
        practice.complete(&log_in, "totp", &practice.code(&ada)).problem(),
        Some("log-in-over")
    );
    practice.world.clock.advance(SignedDuration::from_secs(30));
    let old = practice.credentials(ADMIN, ada.password, Some(&practice.code(&ada)));
    assert_eq!(practice.send(&old).status, 401);
    let new = practice.credentials(ADMIN, "other walks 8", Some(&practice.code(&ada)));
    assert_eq!(practice.send(&new).status, 201);
}

#[test]
fn guessing_at_the_current_password_is_locked_out() {
    let (practice, ada, [token, ..]) = ada(312);
    let change = |current: &str| {
        practice.send(&Call::put(PASSWORD, &json!({"current": current, "new": "other walks 8"})).bearer(&token))
    };
    for _ in 0..5 {
        assert_eq!(change("guess").status, 403);
    }
    assert_eq!(change(ada.password).status, 403, "locked");
    practice.world.clock.advance(minutes(2));
    assert_eq!(change(ada.password).status, 204);
}

/// A repeated request is recognised by the new password: that is a guess as well.
#[test]
fn each_password_that_is_tried_is_counted() {
    for (guesses, status) in [(1, 204), (2, 403)] {
        let (practice, ada, [token, ..]) = ada(317);
        let change =
            |new: &str| practice.send(&Call::put(PASSWORD, &json!({"current": "guess", "new": new})).bearer(&token));
        for _ in 0..guesses {
            assert_eq!(change("another guess").status, 403);
        }
        assert_eq!(change(ada.password).status, status, "{guesses}");
    }
}

#[test]
fn a_client_keeps_a_password_that_stands_alone() {
    let (practice, ada) = Practice::open(313);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    let body = json!({"current": ZOE_PASSWORD, "new": "fourteen chars"});
    let answer = practice.send(&Call::put(PASSWORD, &body).bearer(&token));
    assert_eq!(
        (answer.status, &answer.json["errors"][0]["rule"]),
        (422, &json!("length"))
    );
}

#[test]
fn all_sessions_end_at_once() {
    let (practice, _, [token, one, two]) = ada(314);
    let end = |query: &str| practice.send(&Call::delete(format!("/v1/auth/sessions{query}")).bearer(&token));
    assert_eq!(end("?all=perhaps").status, 400);
    assert_eq!(end("").status, 204);
    assert!(practice.is_live(&token) && !practice.is_live(&one) && !practice.is_live(&two));
    assert_eq!(end("").status, 204);
    assert_eq!(end("?all=true").status, 204);
    assert!(!practice.is_live(&token));
}

#[test]
fn nothing_changes_while_nobody_can_be_told() {
    let (practice, ada, [token, other, _]) = ada(315);
    practice.register_passkey(&token, &mut Authenticator::new(1));
    practice.world.deploy(model::Function::Notify, &[]);
    let before = listed(&practice, &token);
    let mut device = Authenticator::new(2);
    let credential = practice.created(&token, &mut device);
    for call in [
        Call::delete("/v1/auth/factors/totp"),
        Call::post(
            "/v1/auth/factors/passkeys",
            &json!({"name": "x", "credential": credential}),
        ),
        Call::post("/v1/auth/factors/recovery-codes", &json!({})).once("codes"),
        Call::put(PASSWORD, &json!({"current": ada.password, "new": "other walks 8"})),
    ] {
        assert_eq!(practice.send(&call.bearer(&token)).status, 503);
    }
    assert_eq!(listed(&practice, &token), before);
    assert!(practice.is_live(&other));
}

/// The secret need not be enrolment's: any session that may set up an app can have begun with another one.
#[test]
fn an_app_is_told_of_also_where_a_password_confirms_it() {
    let (practice, ada) = Practice::open(318);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    let begin = || practice.send(&Call::post("/v1/auth/factors/totp", &json!({})).bearer(&token));
    let confirm = |secret: String| practice.send(&practice.confirmation(&Person { secret, ..zoe.clone() }));
    messages();

    practice.world.deploy(model::Function::Notify, &[]);
    let secret = begin().text("secret");
    assert_eq!(confirm(secret.clone()).status, 503);
    assert_eq!(listed(&practice, &token)["totp"], Value::Null);

    practicekit::deploy_notify(&practice.world);
    assert_eq!(confirm(secret.clone()).status, 204);
    assert_eq!(confirm(secret).status, 204, "repeated");
    assert_eq!(
        told(),
        [(ZOE.to_owned(), Content::FactorAdded { factor: Factor::Totp })]
    );
}

/// By a cookie, the page's second token goes with it; and of two proofs by one token, one counts.
#[test]
fn a_session_that_is_proven_again_has_another_token() {
    let (practice, ada) = Practice::open(319);
    practice.world.clock.advance(minutes(1));
    let mut body = json!({"clinic_id": practice.clinic, "email": ADMIN, "password": ada.password,
        "totp": practice.code(&ada), "transport": "cookie"});
    let opened = practice.send(&Call::post("/v1/auth/sessions", &body));
    let cookie = |answer: &Answer| {
        let (cookie, attributes) = answer.header("set-cookie").unwrap().split_once(';').unwrap();
        (cookie.to_owned(), attributes.to_owned())
    };
    let send = |call: Call, by: &Answer| {
        let call = call.header("cookie", &cookie(by).0);
        practice.send(&call.header("x-csrf-token", &by.text("csrf_token")))
    };
    practice.world.clock.advance(minutes(10));
    body = json!({"totp": practice.code(&ada)});
    let proven = send(Call::post(STEP_UP, &body), &opened);
    assert_eq!(
        (proven.status, proven.json.get("token")),
        (200, None),
        "{}",
        proven.json
    );
    assert!(
        cookie(&proven).1.contains("Max-Age=42600"),
        "as long as the session has: {:?}",
        cookie(&proven)
    );
    for path in [FACTORS, "/v1/auth/sessions/current"] {
        assert_eq!(send(Call::get(path), &opened).status, 401, "{path}");
        assert_eq!(send(Call::get(path), &proven).status, 200, "{path}");
    }
    assert_eq!(send(Call::delete("/v1/auth/sessions"), &proven).status, 204);

    let mut refused = 0;
    for nth in 0.. {
        let (practice, ada) = Practice::open(320);
        let token = practice.log_in(&ada).text("token");
        practice.recovery_codes(&token, "codes");
        let codes = practice.recovery_codes(&token, "others");
        let call = |code: &String| Call::post(STEP_UP, &json!({"recovery_code": code})).bearer(&token);
        let (practice, other) = (Rc::new(practice), call(&codes[1]));
        let heard = Rc::new(RefCell::new(None));
        let (rival, answer) = (Rc::clone(&practice), Rc::clone(&heard));
        practice.world.stores.meanwhile(nth, move || {
            *answer.borrow_mut() = Some(rival.send(&other));
        });
        let one = practice.send(&call(&codes[0]));
        let done = practice.world.stores.operations() <= nth;
        practice.world.stores.disarm();
        let answers: Vec<Answer> = heard.take().into_iter().chain([one]).collect();
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "{nth}");
        for lost in lost {
            assert_eq!(lost.status, 401, "{nth}: {}", lost.json);
            // Who comes with a token that is over stands in no trail.
            if lost.header("audit-id").is_some() {
                let recorded = recorded_as(&practice, lost);
                assert_eq!(recorded, ("step-up.refused".to_owned(), Decision::Denied), "{nth}");
                refused += 1;
            }
        }
        if done {
            break;
        }
    }
    assert!(refused > 0, "one was overtaken after it was admitted");
}
