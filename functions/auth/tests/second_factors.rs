//! Log-ins with second factors, as callers see them: asked for, shown, used up.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::SignedDuration;
use model::Function;
use notification::{Accepted, MESSAGES, State};
use ports::Clock;
use practicekit::authenticator::Authenticator;
use practicekit::sweep::trail;
use practicekit::{ADMIN, ADMIN_PASSWORD, Person, Practice, ZOE, code_at, code_by_sms, messages, other_code, race};
use serde_json::json;
use testkit::{Answer, Call};

const COMPLETE: &str = "/v1/auth/log-ins/complete";
const PHONE: &str = "+14155550123";

fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn ask_for_sms(practice: &Practice, log_in: &str) -> Answer {
    practice.send(&Call::post("/v1/auth/log-ins/sms", &json!({"log_in": log_in})))
}

/// A client who gets codes by SMS.
fn zoe_with_sms(seed: u64) -> (Practice, Person) {
    let (practice, ada) = Practice::open(seed);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    practice.register_sms(&token, PHONE);
    messages();
    practice.world.clock.advance(minutes(1));
    (practice, zoe)
}

#[test]
fn a_right_password_waits_for_the_second_factor() {
    let (practice, ada) = Practice::open(101);
    practice.world.clock.advance(seconds(30));
    let mut body =
        json!({"clinic_id": practice.clinic, "email": ADMIN, "password": ADMIN_PASSWORD, "device_name": "Desk"});
    let begun = practice.send(&Call::post("/v1/auth/sessions", &body));
    assert_eq!((begun.status, &begun.json["second_factors"]), (202, &json!(["totp"])));
    assert_eq!(begun.text("expires_at"), "2026-12-01T08:10:30Z");
    assert!(begun.header("audit-id").is_some());
    let log_in = begun.text("log_in");

    let wrong = practice.complete(&log_in, "totp", other_code(&practice.code(&ada)));
    assert_eq!((wrong.status, wrong.problem()), (401, Some("invalid-credentials")));
    let call = Call::post(COMPLETE, &json!({"log_in": log_in, "totp": practice.code(&ada)}));
    let done = practice.send(&call.clone().header("spin-client-addr", "192.0.2.7:1"));
    assert_eq!(
        (done.status, &done.json["assurance"]),
        (201, &json!("multi_factor")),
        "{}",
        done.json
    );
    assert_eq!(done.json.get("suggested"), None);
    let token = done.text("token");
    let listed = practice.send(&Call::get("/v1/auth/sessions").bearer(&token));
    let session = &listed.json["sessions"][0];
    assert_eq!(
        (&session["device_name"], &session["network"]),
        (&json!("Desk"), &json!("192.0.2.7"))
    );

    let again = practice.send(&call);
    assert_eq!(
        (again.status, again.problem()),
        (401, Some("log-in-over")),
        "a log-in is completed once"
    );
    body["totp"] = json!(practice.code(&ada));
    assert_eq!(
        practice.send(&Call::post("/v1/auth/sessions", &body)).status,
        401,
        "the code is used up"
    );
    let second = practice.password_alone(&ada).text("log_in");
    assert_eq!(
        practice.complete(&second, "totp", &practice.code(&ada)).status,
        401,
        "here too"
    );
    practice.world.clock.advance(seconds(30));
    assert_eq!(practice.complete(&second, "totp", &practice.code(&ada)).status, 201);
}

#[test]
fn a_log_in_waits_ten_minutes_among_four() {
    let (practice, ada) = Practice::open(102);
    let log_ins: Vec<String> = (0..5).map(|_| practice.password_alone(&ada).text("log_in")).collect();
    practice.world.clock.advance(seconds(30));
    let complete = |log_in: &str| practice.complete(log_in, "totp", &practice.code(&ada));
    assert_eq!(
        complete(&log_ins[0]).problem(),
        Some("log-in-over"),
        "the oldest made room"
    );
    assert_eq!(complete(&log_ins[1]).status, 201);
    practice.world.clock.advance(minutes(9));
    assert_eq!(complete(&log_ins[2]).status, 201);
    practice.world.clock.advance(seconds(30));
    assert_eq!(complete(&log_ins[3]).problem(), Some("log-in-over"), "over");
    for forged in ["", "cfl_", "cfs_AAAA", &format!("cfl_{}", "A".repeat(107))] {
        let answer = complete(forged);
        assert_eq!(
            (answer.status, answer.problem()),
            (401, Some("log-in-over")),
            "{forged}"
        );
    }
}

#[test]
fn one_thing_is_shown_and_no_two() {
    let (practice, ada) = Practice::open(103);
    let log_in = practice.password_alone(&ada).text("log_in");
    practice.world.clock.advance(seconds(30));
    let code = practice.code(&ada);
    for body in [
        json!({"log_in": log_in}),
        json!({"log_in": log_in, "totp": code, "recovery_code": "x"}),
        json!({"log_in": log_in, "totp": code, "sms_code": "x"}),
    ] {
        assert_eq!(practice.send(&Call::post(COMPLETE, &body)).status, 422);
    }
    let both = json!({"clinic_id": practice.clinic, "email": ADMIN, "password": ADMIN_PASSWORD,
        "totp": code, "recovery_code": "x"});
    assert_eq!(practice.send(&Call::post("/v1/auth/sessions", &both)).status, 422);
    assert_eq!(
        practice.complete(&log_in, "totp", &code).status,
        201,
        "nothing was used up"
    );
}

#[test]
fn codes_by_sms() {
    let (practice, zoe) = zoe_with_sms(104);
    let begun = practice.password_alone(&zoe);
    assert_eq!((begun.status, &begun.json["second_factors"]), (202, &json!(["sms"])));
    let log_in = begun.text("log_in");
    let sent = ask_for_sms(&practice, &log_in);
    assert_eq!(
        (sent.status, &sent.json["sent_to"]),
        (202, &json!("…23")),
        "{}",
        sent.json
    );
    assert!(sent.text("warning").contains("intercepted"));
    assert_eq!(sent.json["suggested"], json!(["passkey", "totp"]));
    let (phone, code) = code_by_sms();
    assert_eq!(phone, PHONE);

    let too_soon = ask_for_sms(&practice, &log_in);
    assert_eq!((too_soon.status, too_soon.header("retry-after")), (429, Some("60")));
    let other = practice.password_alone(&zoe).text("log_in");
    assert_eq!(
        ask_for_sms(&practice, &other).status,
        429,
        "no other log-in gets round that"
    );
    assert_eq!(
        practice.complete(&other, "sms_code", &code).status,
        401,
        "the code is of one log-in"
    );
    assert_eq!(practice.complete(&log_in, "sms_code", other_code(&code)).status, 401);
    let done = practice.complete(&log_in, "sms_code", &code);
    assert_eq!(
        (done.status, &done.json["assurance"]),
        (201, &json!("multi_factor")),
        "{}",
        done.json
    );
    assert_eq!(
        practice.complete(&log_in, "sms_code", &code).problem(),
        Some("log-in-over")
    );
    assert_eq!(practice.complete(&other, "sms_code", &code).status, 401, "used");

    practice.world.clock.advance(minutes(1));
    assert_eq!(ask_for_sms(&practice, &other).status, 202);
    let (_, code) = code_by_sms();
    practice.world.clock.advance(minutes(10));
    let late = practice.password_alone(&zoe).text("log_in");
    assert_eq!(practice.complete(&late, "sms_code", &code).status, 401);
    assert_eq!(
        practice.complete(&other, "sms_code", &code).problem(),
        Some("log-in-over")
    );
}

#[test]
fn a_code_by_sms_has_five_tries_whoever_makes_them() {
    let (practice, zoe) = zoe_with_sms(105);
    let log_in = practice.password_alone(&zoe).text("log_in");
    assert_eq!(ask_for_sms(&practice, &log_in).status, 202);
    let (_, code) = code_by_sms();
    for network in 1..=5 {
        let body = json!({"log_in": log_in, "sms_code": other_code(&code)});
        let call = Call::post(COMPLETE, &body).header("spin-client-addr", &format!("192.0.2.{network}:1"));
        assert_eq!(practice.send(&call).status, 401);
    }
    // Past the lockout that so many failures cause, and well before the code's end.
    practice.world.clock.advance(minutes(2));
    assert_eq!(
        practice.complete(&log_in, "sms_code", &code).status,
        401,
        "its tries are used up"
    );
    assert_eq!(ask_for_sms(&practice, &log_in).status, 202);
    let (_, code) = code_by_sms();
    assert_eq!(practice.complete(&log_in, "sms_code", &code).status, 201);
}

#[test]
fn a_stolen_password_sends_ten_messages_an_hour() {
    let (practice, zoe) = zoe_with_sms(106);
    // One was sent to confirm the number.
    for sent in 0..9 {
        let log_in = practice.password_alone(&zoe).text("log_in");
        assert_eq!(ask_for_sms(&practice, &log_in).status, 202, "{sent}");
        practice.world.clock.advance(minutes(1));
    }
    let log_in = practice.password_alone(&zoe).text("log_in");
    assert_eq!(ask_for_sms(&practice, &log_in).status, 429);
    assert_eq!(messages().len(), 9);
}

#[test]
fn staff_are_sent_no_codes() {
    let (practice, ada) = Practice::open(107);
    let token = practice.log_in(&ada).text("token");
    let refused = practice.send(&Call::post("/v1/auth/factors/sms", &json!({"phone": PHONE})).bearer(&token));
    assert_eq!((refused.status, refused.problem()), (403, Some("sms-for-clients-only")));
    let log_in = practice.password_alone(&ada).text("log_in");
    assert_eq!(ask_for_sms(&practice, &log_in).problem(), Some("no-such-factor"));
    assert_eq!(messages(), []);
}

#[test]
fn recovery_codes_stand_in_once_each() {
    let (practice, ada) = Practice::open(108);
    let token = practice.log_in(&ada).text("token");
    let codes = practice.recovery_codes(&token, "first");
    assert_eq!(codes.len(), 10);
    let begun = practice.password_alone(&ada);
    assert_eq!(begun.json["second_factors"], json!(["totp", "recovery_code"]));
    assert_eq!(
        practice
            .complete(&begun.text("log_in"), "recovery_code", &codes[0].to_uppercase())
            .status,
        201
    );
    let at_once = |code: &str| {
        let body =
            json!({"clinic_id": practice.clinic, "email": ADMIN, "password": ADMIN_PASSWORD, "recovery_code": code});
        practice.send(&Call::post("/v1/auth/sessions", &body))
    };
    assert_eq!(at_once(&codes[0]).status, 401, "used");
    let in_with_one = at_once(&codes[1]);
    assert_eq!(
        (in_with_one.status, &in_with_one.json["assurance"]),
        (201, &json!("multi_factor"))
    );
    let token = in_with_one.text("token");
    let listed = practice.send(&Call::get("/v1/auth/factors").bearer(&token));
    assert_eq!(listed.json["recovery_codes"]["left"], json!(8));

    let others = practice.recovery_codes(&token, "second");
    assert_eq!(at_once(&codes[2]).status, 401, "the list before counts no more");
    for code in &others {
        assert_eq!(at_once(code).status, 201);
    }
    assert_eq!(
        practice.password_alone(&ada).json["second_factors"],
        json!(["totp"]),
        "none left"
    );
}

#[test]
fn of_two_requests_with_one_recovery_code_one_is_let_in() {
    let prepare = |practice: &Practice, ada: &Person| {
        let token = practice.log_in(ada).text("token");
        let code = practice.recovery_codes(&token, "codes")[0].clone();
        let log_ins = [(), ()].map(|()| practice.password_alone(ada).text("log_in"));
        let [one, other] =
            log_ins.map(|log_in| Call::post(COMPLETE, &json!({"log_in": log_in, "recovery_code": code})));
        (one, other)
    };
    race(109, prepare, |nth, one, other| {
        let statuses = [one.status, other.map_or(401, |other| other.status)];
        assert!(matches!(statuses, [201, 401] | [401, 201]), "{nth}: {statuses:?}");
    });
}

#[test]
fn of_two_requests_that_complete_a_log_in_one_is_let_in() {
    let prepare = |practice: &Practice, ada: &Person| {
        let token = practice.log_in(ada).text("token");
        let codes = practice.recovery_codes(&token, "codes");
        let log_in = practice.password_alone(ada).text("log_in");
        let call = |code: &str| Call::post(COMPLETE, &json!({"log_in": log_in, "recovery_code": code}));
        (call(&codes[0]), call(&codes[1]))
    };
    race(110, prepare, |nth, one, other| {
        let statuses = [one.status, other.map_or(401, |other| other.status)];
        assert!(matches!(statuses, [201, 401] | [401, 201]), "{nth}: {statuses:?}");
    });
}

#[test]
fn staff_without_a_factor_set_one_up_and_do_nothing_else() {
    let (practice, ada) = Practice::open(111);
    let ben = practice.enrol_ben(&ada);
    let begun = practice.password_alone(&ben);
    assert_eq!(
        (begun.status, &begun.json["assurance"]),
        (201, &json!("enrolment")),
        "{}",
        begun.json
    );
    assert_eq!(begun.json["suggested"], json!(["passkey", "totp"]));
    let token = begun.text("token");
    for call in [
        Call::get("/v1/auth/sessions"),
        Call::delete("/v1/auth/sessions"),
        Call::get("/v1/auth/invitations"),
        Call::post("/v1/auth/sessions/current/step-up", &json!({"password": ben.password})),
        Call::put(
            "/v1/auth/password",
            &json!({"current": ben.password, "new": "nine chars"}),
        ),
    ] {
        let answer = practice.send(&call.bearer(&token));
        assert_eq!((answer.status, answer.problem()), (403, Some("enrolment-required")));
    }
    // It stays open for a while, as sessions do, and needs no other proof.
    practice.world.clock.advance(minutes(6));
    assert!(practice.is_live(&token));
    assert_eq!(practice.send(&Call::get("/v1/auth/factors").bearer(&token)).status, 200);
    let codes = Call::post("/v1/auth/factors/recovery-codes", &json!({}))
        .bearer(&token)
        .once("codes");
    assert_eq!(practice.send(&codes).problem(), Some("no-second-factor"));
    let secret = practice.register_totp(&token);
    assert_eq!(
        practice
            .send(&Call::post("/v1/auth/factors/totp", &json!({})).bearer(&token))
            .problem(),
        Some("log-in-required"),
        "whoever has the password alone changes no factor any more"
    );
    let log_out = Call::delete("/v1/auth/sessions/current").bearer(&token);
    assert_eq!(practice.send(&log_out).status, 204);

    practice.world.clock.advance(seconds(30));
    let code = code_at(&secret, practice.world.clock.now().as_second());
    let inside = practice.send(&practice.credentials(ben.email, ben.password, Some(&code)));
    assert_eq!(inside.json["assurance"], json!("multi_factor"), "{}", inside.json);
    assert_eq!(
        practice.send(&practice.confirmation(&ben)).status,
        401,
        "the secret from enrolment is none any more"
    );
}

#[test]
fn a_client_is_told_what_would_be_better() {
    let (practice, ada) = Practice::open(112);
    let zoe = practice.enrol_zoe(&ada);
    let alone = practice.password_alone(&zoe);
    assert_eq!((alone.status, &alone.json["assurance"]), (201, &json!("single_factor")));
    assert_eq!(alone.json["suggested"], json!(["passkey", "totp"]));
    let current = practice.send(&Call::get("/v1/auth/sessions/current").bearer(&alone.text("token")));
    assert_eq!(current.json["assurance"], json!("single_factor"));
    let stray = practice.send(&practice.credentials(ZOE, zoe.password, Some("000000")));
    assert_eq!(stray.status, 401, "a factor that is not set up proves nothing");
}

#[test]
fn guessing_a_second_factor_is_locked_out_for_a_time() {
    let (practice, ada) = Practice::open(113);
    let statuses = |count: usize| -> Vec<u16> {
        let log_in = practice.password_alone(&ada);
        if log_in.status != 202 {
            return vec![log_in.status];
        }
        let log_in = log_in.text("log_in");
        let guess = || {
            practice
                .complete(&log_in, "totp", other_code(&practice.code(&ada)))
                .status
        };
        (0..count).map(|_| guess()).collect()
    };
    assert_eq!(statuses(3), [401; 3]);
    // A right password between the guesses is no excuse.
    assert_eq!(statuses(2), [401; 2]);
    practice.world.clock.advance(seconds(30));
    let right = practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(&ada)));
    assert_ne!(practice.send(&right).status, 201);
    practice.world.clock.advance(minutes(2));
    let right = practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(&ada)));
    assert_eq!(practice.send(&right).status, 201);
}

/// Nobody who has the files sees a code, a number or a token.
#[test]
fn nothing_of_it_lies_in_the_open() {
    let (practice, zoe) = zoe_with_sms(114);
    let log_in = practice.password_alone(&zoe).text("log_in");
    ask_for_sms(&practice, &log_in);
    let (_, code) = code_by_sms();
    let done = practice.complete(&log_in, "sms_code", &code);
    let codes = practice.recovery_codes(&done.text("token"), "codes");
    let secrets: Vec<&str> = [PHONE, &log_in, "4155550123"]
        .into_iter()
        .chain(codes.iter().map(String::as_str))
        .collect();
    for (store, key, value) in practice.world.stores.dump() {
        let text = String::from_utf8_lossy(&value).into_owned();
        for secret in &secrets {
            assert!(!key.contains(secret) && !text.contains(secret), "{secret} in {store}");
        }
    }
    assert_eq!(practice.world.log(), Vec::<String>::new());
}

/// A deployment elsewhere that was given a copy of stores and keyrings takes no password, keeps no log-in and sends no code.
#[test]
fn log_ins_are_begun_and_completed_in_the_home_region_alone() {
    let (practice, ada) = Practice::open(231);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    practice.register_sms(&token, "+491701234567");
    practice.world.clock.advance(SignedDuration::from_secs(61));
    let log_in = practice.password_alone(&zoe).text("log_in");
    let job = Call::post("/v1/auth/service-identities", &json!({"name": "mail", "role": "job"}));
    let job = practice.send(
        &job.bearer(&practice.log_in(&ada).text("token"))
            .once("an-identity-for-mail"),
    );
    messages();
    let before = trail(&practice);
    practice.world.set(Function::Auth, "region", "in-mumbai");
    let waiting = json!({"log_in": log_in});
    for call in [
        practice.credentials(zoe.email, zoe.password, None),
        practice.credentials(zoe.email, "wrong", Some("000000")),
        practice.confirmation(&ada),
        practice.passkey_alone(&mut Authenticator::new(1)),
        Call::post("/v1/auth/service-tokens", &json!({"secret": job.text("secret")})),
        Call::post("/v1/auth/log-ins/sms", &waiting),
        Call::post("/v1/auth/log-ins/passkey", &waiting),
        Call::post(
            "/v1/auth/log-ins/complete",
            &json!({"log_in": log_in, "sms_code": "000000"}),
        ),
    ] {
        let refused = practice.send(&call);
        assert_eq!(
            (refused.status, refused.problem()),
            (421, Some("clinic-homed-elsewhere")),
            "{call:?}"
        );
    }
    assert!(trail(&practice) == before && messages().is_empty());
    practice.world.set(Function::Auth, "region", "local");
    let sent = practice.send(&Call::post("/v1/auth/log-ins/sms", &waiting));
    assert_eq!(sent.status, 202, "{}", sent.json);
    assert_eq!(practice.complete(&log_in, "sms_code", &code_by_sms().1).status, 201);
}

/// Whoever waits for a code that the provider did not take would wait for ever.
#[test]
fn a_code_that_nobody_gets_is_said_not_to_be_sent() {
    fn answers(exchange: &web::Exchange<'_>, state: State) -> Result<web::Reply, web::Problem> {
        exchange.calling_function()?;
        web::Reply::ok(&Accepted {
            message_id: model::MessageId::from_bytes([1; 16]),
            state,
        })
    }
    let (practice, zoe) = zoe_with_sms(113);
    let token = {
        let log_in = practice.password_alone(&zoe).text("log_in");
        assert_eq!(ask_for_sms(&practice, &log_in).status, 202);
        let (_, code) = code_by_sms();
        practice.complete(&log_in, "sms_code", &code).text("token")
    };
    let handlers: [(web::Handler, u16); 5] = [
        (|exchange| answers(exchange, State::Failed), 503),
        (|exchange| answers(exchange, State::Unreachable), 503),
        (|exchange| answers(exchange, State::Expired), 503),
        // It may arrive.
        (|exchange| answers(exchange, State::Unknown), 202),
        (|exchange| answers(exchange, State::Sent), 202),
    ];
    for (handler, status) in handlers {
        practice.world.clock.advance(minutes(1));
        let notify = [web::Route::new(http::Method::POST, MESSAGES, handler)];
        practice.world.deploy(Function::Notify, &notify);
        let log_in = practice.password_alone(&zoe).text("log_in");
        let answer = ask_for_sms(&practice, &log_in);
        assert_eq!(answer.status, status, "{}", answer.json);
        if status == 503 {
            assert_eq!(answer.problem(), Some("code-not-sent"));
            assert_eq!(answer.header("retry-after"), Some("60"));
            assert!(answer.header("audit-id").is_some());
        }
    }
    practice.world.clock.advance(minutes(1));
    let notify = [web::Route::new(http::Method::POST, MESSAGES, handlers[0].0)];
    practice.world.deploy(Function::Notify, &notify);
    let step_up = Call::post("/v1/auth/sessions/current/step-up/sms", &json!({}));
    let answer = practice.send(&step_up.bearer(&token));
    assert_eq!(answer.problem(), Some("code-not-sent"));
}
