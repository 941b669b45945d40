//! The routes as callers see them, from the first clinic to the last log-out.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::SignedDuration;
use ports::Clock;
use practicekit::{ADMIN, ADMIN_PASSWORD, Person, Practice, code_at, race, staff};
use serde_json::{Value, json};
use testkit::{Call, Fault, World};

const CLIENT_PASSWORD: &str = "grey heron by the weir";

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

#[test]
fn from_a_code_to_the_last_log_out() {
    let (practice, ada) = Practice::open(1);
    let session = practice.log_in(&ada);
    let token = session.text("token");
    assert_eq!(session.json["roles"], json!(["clinic_admin"]));
    assert_eq!(session.json["idle_seconds"], 900);
    assert_eq!(session.text("expires_at"), "2026-12-01T20:00:30Z");
    assert!(session.header("audit-id").is_some());

    let invited = practice.invite(&token, "invite", &staff("Ben@example.org"));
    assert_eq!(invited.status, 201, "{}", invited.json);
    assert_eq!(invited.text("expires_at"), "2026-12-08T08:00:30Z");
    let accepted = practice.accept(&invited.text("token"), "eight ch");
    assert_eq!(accepted.status, 201, "{}", accepted.json);
    let uri = accepted.json["totp"]["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/Confide:Ben%40example.org?secret="),
        "{uri}"
    );
    let ben = Person::enrolled(" BEN@Example.org", "eight ch", &accepted);
    practice.confirm(&ben);
    let first = practice.log_in(&ben);
    let second = practice.log_in(&ben);
    assert_eq!(first.text("account_id"), accepted.text("account_id"));

    let current = practice.send(&Call::get("/v1/auth/sessions/current").bearer(&second.text("token")));
    assert_eq!(current.json["session_id"], second.json["session_id"]);
    assert_eq!(current.json["account_id"], accepted.json["account_id"]);
    assert_eq!(current.json["clinic_id"], json!(practice.clinic));
    assert_eq!(current.json["roles"], json!(["clinician"]));

    let listed = practice.send(&Call::get("/v1/auth/sessions").bearer(&second.text("token")));
    let sessions = listed.json["sessions"].as_array().unwrap();
    let seen: Vec<_> = sessions
        .iter()
        .map(|session| (&session["id"], &session["current"]))
        .collect();
    assert_eq!(
        seen,
        [
            (&second.json["session_id"], &json!(true)),
            (&first.json["session_id"], &json!(false))
        ]
    );

    let revoke = Call::delete(format!("/v1/auth/sessions/{}", first.text("session_id"))).bearer(&second.text("token"));
    assert!(practice.is_live(&first.text("token")));
    assert_eq!(practice.send(&revoke).status, 204);
    assert!(!practice.is_live(&first.text("token")));
    assert_eq!(practice.send(&revoke).status, 204, "repeated");
    // Somebody else's session is none of mine.
    let others =
        Call::delete(format!("/v1/auth/sessions/{}", session.text("session_id"))).bearer(&second.text("token"));
    assert_eq!(practice.send(&others).problem(), Some("not-found"));

    let log_out = Call::delete("/v1/auth/sessions/current").bearer(&second.text("token"));
    assert_eq!(practice.send(&log_out).status, 204);
    assert_eq!(practice.send(&log_out).problem(), Some("unauthenticated"));
    assert!(practice.is_live(&token));

    // Nobody who has the files sees who is here, or gets in.
    let secrets = [
        token.as_str(),
        "Ben@example.org",
        "ben@example.org",
        "eight ch",
        ADMIN,
        ADMIN_PASSWORD,
        "Ada Okafor",
        "Practice on the Hill",
        &ben.secret,
        &invited.text("token"),
        "argon2id",
    ];
    for (store, key, value) in practice.world.stores.dump() {
        let text = String::from_utf8_lossy(&value).into_owned();
        for secret in secrets {
            assert!(
                !key.contains(secret) && !text.contains(secret),
                "{secret} in {store} {key}"
            );
        }
    }
    assert_eq!(practice.world.log(), Vec::<String>::new());
}

#[test]
fn every_refused_log_in_looks_the_same() {
    let (practice, ada) = Practice::open(3);
    let token = practice.log_in(&ada).text("token");
    let invited = practice.invite(&token, "invite", &staff("ben@example.org"));
    let accepted = practice.accept(&invited.text("token"), "eight ch");
    let ben = Person::enrolled("ben@example.org", "eight ch", &accepted);
    let foreign = Practice {
        world: World::new(0),
        clinic: model::ClinicId::from_bytes([9; 16]).to_string(),
    };
    // By whether a code is sent, which is no secret to who sends it.
    let mut seen: BTreeMap<bool, Vec<(Value, Vec<String>)>> = BTreeMap::new();
    for case in [
        "unknown clinic",
        "unknown account",
        "unknown account, no code",
        "wrong password",
        "wrong password, no code",
        "wrong code",
        "used code",
        "recovery code of nobody",
        "app not confirmed",
        "locked",
        "locked, no code",
    ] {
        // Long enough for earlier failures to be forgotten.
        practice.world.clock.advance(SignedDuration::from_hours(31 * 24));
        let (code, bens) = (practice.code(&ada), practice.code(&ben));
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let call = match case {
            "unknown clinic" => foreign.credentials(ADMIN, ADMIN_PASSWORD, Some(&code)),
            "unknown account" => practice.credentials("eve@example.org", ADMIN_PASSWORD, Some(&code)),
            "unknown account, no code" => practice.credentials("eve@example.org", ADMIN_PASSWORD, None),
            "wrong password, no code" => practice.credentials(ADMIN, "hill walks 8", None),
            "wrong password" => practice.credentials(ADMIN, "hill walks 8", Some(&code)),
            "wrong code" => practice.credentials(ADMIN, ADMIN_PASSWORD, Some(wrong)),
            "used code" => {
                let call = practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&code));
                assert_eq!(practice.send(&call).status, 201);
                call
            }
            "recovery code of nobody" => {
                let body = json!({"clinic_id": practice.clinic, "email": ADMIN, "password": ADMIN_PASSWORD,
                    "recovery_code": "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"});
                Call::post("/v1/auth/sessions", &body)
            }
            "app not confirmed" => practice.credentials(ben.email, ben.password, Some(&bens)),
            _ => {
                for _ in 0..5 {
                    practice.send(&practice.credentials(ADMIN, "hill walks 8", Some(wrong)));
                }
                practice.credentials(ADMIN, ADMIN_PASSWORD, (case == "locked").then_some(&code))
            }
        };
        // The first failure may make the documents that count it; the second is the one to compare.
        practice.send(&call);
        practice.world.stores.disarm();
        let answer = practice.send(&call);
        assert_eq!(
            (answer.status, answer.problem(), answer.header("retry-after")),
            (401, Some("invalid-credentials"), None),
            "{case}"
        );
        let trace = practice.world.stores.trace();
        let operations = trace
            .iter()
            .filter(|operation| operation.starts_with("accounts "))
            .map(|operation| operation.split(' ').nth(1).unwrap().to_owned())
            .collect();
        let has_code = !case.contains("no code");
        seen.entry(has_code).or_default().push((answer.json, operations));
    }
    for seen in seen.values() {
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    }
    assert_eq!(seen[&true][0].0, seen[&false][0].0);
}

#[test]
fn a_code_is_used_once_and_older_ones_no_more() {
    let (practice, ada) = Practice::open(4);
    practice.world.clock.advance(SignedDuration::from_secs(60));
    let now = practice.world.clock.now().as_second();
    let try_at = |second: i64| {
        practice
            .send(&practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&code_at(&ada.secret, second))))
            .status
    };
    assert_eq!(try_at(now), 201);
    assert_eq!(try_at(now), 401, "replayed");
    assert_eq!(try_at(now - 30), 401, "older");
    assert_eq!(try_at(now + 30), 201, "the app's clock is ahead");
    assert_eq!(try_at(now + 60), 401, "too far ahead");
}

#[test]
fn a_confirmation_can_be_repeated() {
    let (practice, ada) = Practice::open(5);
    practice.confirm(&ada);
    let answer = practice.send(&practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(&ada))));
    assert_eq!(answer.status, 401, "the confirming code is used up for logging in");
    let body =
        json!({"clinic_id": practice.clinic, "email": ADMIN, "password": "hill walks 8", "code": practice.code(&ada)});
    let answer = practice.send(&Call::post("/v1/auth/totp/confirm", &body));
    assert_eq!(answer.problem(), Some("invalid-credentials"));
}

const ELSEWHERE: &str = "198.51.100.1:1";

#[test]
fn guessing_is_locked_out_for_a_time_and_looks_like_any_wrong_guess() {
    let (practice, ada) = Practice::open(6);
    let guess = |email: &str| {
        let call = practice.credentials(email, "guess", None);
        let answer = practice.send(&call.header("spin-client-addr", ELSEWHERE));
        assert_eq!(answer.header("retry-after"), None);
        (answer.status, answer.json)
    };
    let right = |from: Option<&str>| {
        let call = practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(&ada)));
        let call = match from {
            Some(address) => call.header("spin-client-addr", address),
            None => call,
        };
        practice.send(&call).status
    };
    practice.world.clock.advance(SignedDuration::from_secs(30));
    let first = guess(ADMIN);
    assert_eq!(first.0, 401);
    for _ in 1..5 {
        assert_eq!(guess(ADMIN), first);
        assert_eq!(guess("eve@example.org"), first);
    }
    // Neither does the right password help, nor does hammering prolong the lock, nor is any of it told.
    practice.world.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(right(Some(ELSEWHERE)), 401);
    assert_eq!(guess(ADMIN), first);
    // At her usual place the owner does not notice.
    assert_eq!(right(None), 201);
    assert_eq!(right(Some(ELSEWHERE)), 401);
    practice.world.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(right(Some(ELSEWHERE)), 201);
    // From now on that is a place of hers too.
    for _ in 0..4 {
        assert_eq!(guess(ADMIN), first);
    }
    practice.world.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(right(Some(ELSEWHERE)), 201, "the failures before were hers");
}

/// The fifth guess, and the right password right before each of its operations: once the guess is counted, the password
/// is not looked at any more.
#[test]
fn guesses_at_one_time_are_no_more_than_guesses_in_a_row() {
    let fifth = |practice: &Practice, ada: &Person| {
        for _ in 0..4 {
            let wrong = practice.credentials(ADMIN, "hill walks 8", None);
            assert_eq!(practice.send(&wrong).status, 401);
        }
        practice.world.clock.advance(SignedDuration::from_secs(30));
        let right = practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(ada)));
        (practice.credentials(ADMIN, "hill walks 8", None), right)
    };
    let statuses = RefCell::new(Vec::new());
    race(21, fifth, |_, guess, right| {
        assert_eq!(guess.status, 401);
        statuses.borrow_mut().extend(right.map(|right| right.status));
    });
    let statuses = statuses.into_inner();
    let counted = statuses.iter().position(|status| *status == 401).unwrap();
    assert!(counted > 0 && statuses.len() > counted + 1);
    assert!(statuses[..counted].iter().all(|status| *status == 201), "{statuses:?}");
    assert!(statuses[counted..].iter().all(|status| *status == 401), "{statuses:?}");
}

#[test]
fn a_network_is_locked_out_for_a_time() {
    let practice = Practice::open(7).0;
    // Invitation tokens cost no Argon2id to refuse, and count for the network.
    let guess = |network: &str| {
        let body = json!({"token": "cfi_guess", "display_name": "Eve", "password": "whatever else"});
        practice.send(&Call::post("/v1/auth/invitations/accept", &body).header("spin-client-addr", network))
    };
    for port in 0..50 {
        assert_eq!(
            guess(&format!("192.0.2.1:{}", 1000 + port)).problem(),
            Some("invalid-token")
        );
    }
    assert_eq!(guess("192.0.2.1:9").problem(), Some("too-many-requests"));
    assert_eq!(guess("192.0.2.2:9").status, 401);
    practice.world.clock.advance(minutes(15));
    assert_eq!(guess("192.0.2.1:9").status, 401);
}

#[test]
fn a_client_may_do_without_an_app_until_she_has_one() {
    let (practice, ada) = Practice::open(11);
    let token = practice.log_in(&ada).text("token");
    let client = model::ClientId::from_bytes([5; 16]).to_string();
    let body = json!({"email": "zoe@example.org", "roles": ["client"], "client_id": client});
    let invited = practice.invite(&token, "zoe", &body).text("token");
    assert_eq!(
        practice.accept(&invited, "fourteen chars").status,
        422,
        "a password that stands alone is longer"
    );
    let accepted = practice.accept(&invited, CLIENT_PASSWORD);
    assert_eq!(accepted.status, 201, "{}", accepted.json);
    let alone = practice.credentials("zoe@example.org", CLIENT_PASSWORD, None);
    let session = practice.send(&alone);
    assert_eq!((session.status, &session.json["idle_seconds"]), (201, &json!(1800)));
    let current = practice.send(&Call::get("/v1/auth/sessions/current").bearer(&session.text("token")));
    assert_eq!(current.json["client_id"], json!(client));
    assert_eq!(
        practice.accept(&invited, CLIENT_PASSWORD).problem(),
        Some("invalid-token"),
        "she has logged in"
    );

    let zoe = Person::enrolled("zoe@example.org", CLIENT_PASSWORD, &accepted);
    practice.confirm(&zoe);
    assert_eq!(
        practice.send(&alone).status,
        202,
        "from now on the app's code is needed"
    );
    practice.log_in(&zoe);
}

#[test]
fn sessions_end_idle_and_at_last() {
    let (practice, ada) = Practice::open(12);
    let idle = practice.log_in(&ada).text("token");
    practice.world.clock.advance(minutes(15));
    assert!(practice.is_live(&idle));
    practice.world.clock.advance(minutes(15) + SignedDuration::from_secs(1));
    assert!(!practice.is_live(&idle));
    let used = practice.log_in(&ada).text("token");
    let listed = practice.send(&Call::get("/v1/auth/sessions").bearer(&used));
    assert_eq!(
        listed.json["sessions"].as_array().unwrap().len(),
        1,
        "idle ones are over"
    );
    for _ in 0..(12 * 60 / 10 - 1) {
        practice.world.clock.advance(minutes(10));
        assert!(practice.is_live(&used));
    }
    practice.world.clock.advance(minutes(10));
    assert!(!practice.is_live(&used));
}

#[test]
fn an_account_has_eight_sessions_at_most() {
    let (practice, ada) = Practice::open(13);
    let tokens: Vec<String> = (0..9).map(|_| practice.log_in(&ada).text("token")).collect();
    let live: Vec<bool> = tokens.iter().map(|token| practice.is_live(token)).collect();
    assert_eq!(
        live,
        [false, true, true, true, true, true, true, true, true],
        "the oldest made room"
    );
    let count = |practice: &Practice| {
        practice
            .world
            .stores
            .dump()
            .iter()
            .filter(|(store, _, _)| store == "sessions")
            .count()
    };
    assert_eq!(count(&practice), 8);
    practice.send(&Call::delete("/v1/auth/sessions/current").bearer(&tokens[4]));
    let again = practice.log_in(&ada).text("token");
    assert!(practice.is_live(&again) && practice.is_live(&tokens[1]) && !practice.is_live(&tokens[4]));
    assert_eq!(count(&practice), 8);
}

#[test]
fn a_log_in_that_died_leaves_nothing_that_lives_or_stays_in_the_way() {
    let (practice, ada) = Practice::open(14);
    let log_in = || {
        practice.world.clock.advance(SignedDuration::from_secs(30));
        practice.send(&practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(&ada))))
    };
    // Every operation of a log-in into a new slot, and then into used ones, is lost once.
    for round in 0..2 {
        practice.world.stores.disarm();
        assert_eq!(log_in().status, 201);
        for nth in 0..practice.world.stores.operations() {
            for fault in [Fault::Refused, Fault::AppliedButFailed] {
                practice.world.stores.arm(nth, fault);
                let answer = log_in();
                practice.world.stores.disarm();
                assert!(
                    matches!(answer.status, 201 | 503),
                    "round {round} {nth} {fault:?}: {}",
                    answer.json
                );
                let next = log_in();
                assert_eq!(next.status, 201, "round {round} {nth} {fault:?}: {}", next.json);
                assert!(practice.is_live(&next.text("token")));
            }
        }
    }
    let sessions = practice
        .world
        .stores
        .dump()
        .iter()
        .filter(|(store, _, _)| store == "sessions")
        .count();
    assert!(sessions <= 16, "{sessions}");
}

#[test]
fn of_two_log_ins_with_one_code_one_is_let_in() {
    let same_code = |practice: &Practice, ada: &Person| {
        practice.world.clock.advance(SignedDuration::from_secs(30));
        let call = practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(ada)));
        (call.clone(), call)
    };
    race(17, same_code, |nth, one, other| {
        let statuses = [one.status, other.map_or(401, |other| other.status)];
        assert!(matches!(statuses, [201, 401] | [401, 201]), "{nth}: {statuses:?}");
    });
}

#[test]
fn a_slot_that_was_never_written_is_used_again() {
    let (practice, ada) = Practice::open(20);
    let probe = Practice::open(20);
    probe.0.world.stores.disarm();
    probe.0.log_in(&probe.1);
    let trace = probe.0.world.stores.trace();
    let nth = trace
        .iter()
        .position(|operation| operation.starts_with("sessions set"))
        .unwrap();
    practice.world.clock.advance(SignedDuration::from_secs(30));
    practice.world.stores.arm(nth, Fault::Refused);
    let died = practice.send(&practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(&ada))));
    assert_eq!(died.status, 503);
    practice.world.stores.disarm();
    // Seven more fill the slots; the eighth takes the oldest, where nothing was ever written.
    let tokens: Vec<String> = (0..8).map(|_| practice.log_in(&ada).text("token")).collect();
    assert!(tokens.iter().all(|token| practice.is_live(token)));
}

/// In a browser the token is where no script can read it, and what is sent beside it is good for that session only.
#[test]
fn a_browser_keeps_its_session_in_a_cookie() {
    let (practice, ada) = Practice::open(61);
    practice.world.clock.advance(SignedDuration::from_secs(30));
    let credentials = json!({
        "clinic_id": practice.clinic, "email": ada.email, "password": ada.password, "totp": practice.code(&ada),
        "transport": "cookie",
    });
    let opened = practice.send(&Call::post("/v1/auth/sessions", &credentials));
    assert_eq!(opened.status, 201, "{}", opened.json);
    assert_eq!(opened.json["token"], Value::Null);
    let set = opened.header("set-cookie").unwrap();
    let (cookie, attributes) = set.split_once(';').unwrap();
    assert!(cookie.starts_with("__Host-confide-session=cfs_"), "{set}");
    assert_eq!(attributes, " Max-Age=43200; Path=/; Secure; HttpOnly; SameSite=Strict");
    let csrf = opened.text("csrf_token");
    let path = "/v1/auth/sessions/current";
    let with_cookie = |call: Call| practice.send(&call.header("cookie", cookie));
    let current = |call: Call| with_cookie(call).status;
    // A page that was loaded anew has the cookie alone, and is told what it has to send beside it.
    assert_eq!(with_cookie(Call::get(path)).text("csrf_token"), csrf);
    assert_eq!(current(Call::delete(path)), 403);
    // Who keeps the token herself is told nothing that could be sent for her.
    let token = cookie.split_once('=').unwrap().1;
    for call in [Call::get(path), Call::get(path).header("cookie", cookie)] {
        let answered = practice.send(&call.bearer(token));
        assert_eq!((answered.status, &answered.json["csrf_token"]), (200, &Value::Null));
    }
    // A page of another origin reads nothing of it, also where the browser sends the cookie.
    let foreign = with_cookie(Call::get(path).header("origin", "https://blog.example.org"));
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    assert_eq!(foreign.header("cross-origin-resource-policy"), Some("same-origin"));
    let forgotten = practice.send(&Call::get(path).header("cookie", "__Host-confide-session=cfs_"));
    assert_eq!((forgotten.status, &forgotten.json["csrf_token"]), (401, &Value::Null));
    let ended = practice.send(
        &Call::delete(path)
            .header("cookie", cookie)
            .header("x-csrf-token", &csrf),
    );
    assert_eq!(ended.status, 204);
    let forgotten = ended.header("set-cookie").unwrap();
    assert!(
        forgotten.starts_with("__Host-confide-session=; Max-Age=0;"),
        "{forgotten}"
    );
    assert_eq!(current(Call::get(path)), 401);
}
