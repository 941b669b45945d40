//! Another password by a link, and what it takes beside the link.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use audit_trail::Decision;
use jiff::SignedDuration;
use model::Function;
use notification::{Content, Recipient, Template};
use ports::Clock;
use practicekit::authenticator::Authenticator;
use practicekit::sweep::{break_off, outlast, recorded_as};
use practicekit::{
    ADMIN, ADMIN_PASSWORD, Person, Practice, ZOE, ZOE_PASSWORD, code_at, code_by_sms, mailed_link, messages,
    other_code, race,
};
use serde_json::{Value, json};
use testkit::{Answer, Call};

const RESETS: &str = "/v1/auth/password-resets";
const NEW_PASSWORD: &str = "seven lanterns at dusk";

fn ask(practice: &Practice, email: &str) -> Answer {
    practice.send(&Call::post(
        RESETS,
        &json!({"clinic_id": practice.clinic, "email": email}),
    ))
}

fn confirm_call(token: &str, password: &str, factor: Option<(&str, &str)>) -> Call {
    let mut body = json!({"token": token, "password": password});
    if let Some((factor, value)) = factor {
        body[factor] = json!(value);
    }
    Call::post(format!("{RESETS}/confirm"), &body)
}

fn confirm(practice: &Practice, token: &str, password: &str) -> Answer {
    practice.send(&confirm_call(token, password, None))
}

/// A link for Zoe, a client without a second factor.
fn link_for_zoe(seed: u64) -> (Practice, String) {
    let (practice, ada) = Practice::open(seed);
    practice.enrol_zoe(&ada);
    messages();
    assert_eq!(ask(&practice, "ZOE@example.org").status, 202);
    (practice, mailed_link(Template::PasswordReset))
}

/// A link for Ada, an administrator with a passkey on this device.
fn link_for_ada_with_passkey(seed: u64) -> (Practice, Person, Authenticator, String) {
    let (practice, ada) = Practice::open(seed);
    let fresh = practice.log_in(&ada).text("token");
    let mut device = Authenticator::new(1);
    practice.register_passkey(&fresh, &mut device);
    messages();
    assert_eq!(ask(&practice, ADMIN).status, 202);
    (practice, ada, device, mailed_link(Template::PasswordReset))
}

#[test]
fn a_client_without_a_second_factor_needs_the_link_alone() {
    let (practice, token) = link_for_zoe(81);
    let session = practice
        .send(&practice.credentials(ZOE, ZOE_PASSWORD, None))
        .text("token");
    let done = confirm(&practice, &token, NEW_PASSWORD);
    assert_eq!(done.status, 204, "{}", done.json);
    assert!(!practice.is_live(&session), "all sessions end");
    let told: Vec<Content> = messages().into_iter().map(|message| message.content).collect();
    assert_eq!(told, [Content::PasswordChanged]);
    assert_eq!(
        practice.send(&practice.credentials(ZOE, ZOE_PASSWORD, None)).status,
        401
    );
    assert_eq!(
        practice.send(&practice.credentials(ZOE, NEW_PASSWORD, None)).status,
        201
    );
}

#[test]
fn a_link_works_once_and_in_its_time() {
    let (practice, token) = link_for_zoe(82);
    assert_eq!(ask(&practice, ZOE).status, 202);
    let other = mailed_link(Template::PasswordReset);
    assert_eq!(confirm(&practice, &token, NEW_PASSWORD).status, 204);
    for token in [&token, &other] {
        let refused = confirm(&practice, token, "eight lanterns at dusk");
        assert_eq!((refused.status, refused.problem()), (401, Some("invalid-link")));
    }
    assert_eq!(
        practice.send(&practice.credentials(ZOE, NEW_PASSWORD, None)).status,
        201
    );

    messages();
    ask(&practice, ZOE);
    let late = mailed_link(Template::PasswordReset);
    practice.world.clock.advance(SignedDuration::from_mins(30));
    assert_eq!(
        confirm(&practice, &late, "nine lanterns at dusk").problem(),
        Some("invalid-link")
    );
    for wrong in ["", "cfm_", "cfm_AAAA", &late[..late.len() - 2]] {
        assert_eq!(
            confirm(&practice, wrong, "nine lanterns at dusk").problem(),
            Some("invalid-link")
        );
    }
}

/// Zoe with codes by SMS and nothing else, and a link for her.
fn link_beside_sms(seed: u64) -> (Practice, String) {
    let (practice, ada) = Practice::open(seed);
    practice.enrol_zoe(&ada);
    let token = practice
        .send(&practice.credentials(ZOE, ZOE_PASSWORD, None))
        .text("token");
    practice.register_sms(&token, "+491701234567");
    messages();
    assert_eq!(ask(&practice, ZOE).status, 202);
    (practice, mailed_link(Template::PasswordReset))
}

fn code_call(token: &str) -> Call {
    Call::post(format!("{RESETS}/sms"), &json!({"token": token}))
}

#[test]
fn a_code_by_sms_is_a_factor_beside_the_link() {
    let (practice, link) = link_beside_sms(87);
    practice.world.clock.advance(SignedDuration::from_secs(61));
    let alone = confirm(&practice, &link, NEW_PASSWORD);
    assert_eq!((alone.status, alone.problem()), (403, Some("second-factor-required")));
    assert!(alone.text("detail").ends_with("sms_code."), "{}", alone.json);
    let sent = practice.send(&code_call(&link));
    assert_eq!(sent.status, 202, "{}", sent.json);
    assert_eq!(practice.send(&code_call(&link)).status, 429, "one a minute");
    let (number, code) = code_by_sms();
    assert_eq!(number, "+491701234567");
    let with = |code: &str| practice.send(&confirm_call(&link, NEW_PASSWORD, Some(("sms_code", code))));
    let wrong = with(other_code(&code));
    assert_eq!((wrong.status, wrong.problem()), (401, Some("invalid-link")));
    // A code for a reset is none for a log-in.
    let log_in = practice
        .send(&practice.credentials(ZOE, ZOE_PASSWORD, None))
        .text("log_in");
    assert_eq!(practice.complete(&log_in, "sms_code", &code).status, 401);
    assert_eq!(with(&code).status, 204);
    assert_eq!(with(&code).status, 204, "repeated, it is done");
    assert_eq!(
        practice.send(&code_call(&link)).problem(),
        Some("invalid-link"),
        "the link is used"
    );
    assert_eq!(
        practice.send(&practice.credentials(ZOE, NEW_PASSWORD, None)).status,
        202
    );
}

#[test]
fn five_tries_of_a_code_beside_a_link() {
    let (practice, link) = link_beside_sms(88);
    practice.world.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(practice.send(&code_call(&link)).status, 202);
    let (_, code) = code_by_sms();
    for _ in 0..5 {
        let wrong = confirm_call(&link, NEW_PASSWORD, Some(("sms_code", other_code(&code))));
        assert_eq!(practice.send(&wrong).status, 401);
    }
    let late = practice.send(&confirm_call(&link, NEW_PASSWORD, Some(("sms_code", &code))));
    assert_eq!((late.status, late.problem()), (401, Some("invalid-link")));
}

/// Who has no number there is told so, and who has no link nothing.
#[test]
fn codes_beside_a_link_are_sent_to_registered_numbers_only() {
    let (practice, link) = link_for_zoe(89);
    let none = practice.send(&code_call(&link));
    assert_eq!((none.status, none.problem()), (409, Some("no-such-factor")));
    for wrong in ["", "cfm_AAAA", &link[..link.len() - 1]] {
        let refused = practice.send(&code_call(wrong));
        assert_eq!((refused.status, refused.problem()), (401, Some("invalid-link")));
    }
    assert!(messages().is_empty());
}

/// The link names no clinic: where one front end serves several, it is asked for what the passkey needs.
#[test]
fn a_passkey_is_a_factor_beside_the_link() {
    let (practice, _, mut device, link) = link_for_ada_with_passkey(92);
    let options = |link: &str| practice.send(&Call::post(format!("{RESETS}/passkey"), &json!({"token": link})));
    let asked = options(&link);
    assert_eq!((asked.status, &asked.json["clinic_id"]), (200, &json!(practice.clinic)));
    assert_eq!(asked.json["options"]["allowCredentials"], json!([]), "it names none");
    assert_eq!(
        recorded_as(&practice, &asked),
        ("reset.passkey-options".to_owned(), Decision::Allowed)
    );
    let confirm = |password: &str, passkey: &Value| {
        let body = json!({"token": link, "password": password, "passkey": passkey});
        practice.send(&Call::post(format!("{RESETS}/confirm"), &body)).status
    };
    let shown = device.get(&asked.json["options"]);
    assert_eq!(confirm(NEW_PASSWORD, &shown), 204);
    for wrong in ["", "cfm_AAAA", &link] {
        let refused = options(wrong);
        assert_eq!(
            (refused.status, refused.problem()),
            (401, Some("invalid-link")),
            "used, or none"
        );
    }
    let (practice, link) = link_for_zoe(93);
    let body = json!({"token": link});
    let none = practice.send(&Call::post(format!("{RESETS}/passkey"), &body));
    assert_eq!((none.status, none.problem()), (409, Some("no-such-factor")));
    assert_eq!(
        recorded_as(&practice, &none),
        ("reset.refused".to_owned(), Decision::Denied)
    );
}

/// Who is wrong on purpose in her network does not keep a passkey out that comes with a link; at a used link it opens no way to try passwords.
#[test]
fn a_passkey_beside_a_link_is_no_guess_until_it_is_used() {
    let (practice, ada, mut device, link) = link_for_ada_with_passkey(97);
    let minute = SignedDuration::from_mins(1);
    let fail = |times: usize| {
        practice.world.clock.advance(minute);
        let wrong = |_| practice.complete("x", "totp", "000000").status;
        assert!((0..times).map(wrong).all(|status| status == 401));
        practice.world.clock.advance(minute);
    };
    let passkey = |device: &mut Authenticator| {
        let options = practice.send(&Call::post(format!("{RESETS}/passkey"), &json!({"token": link})));
        device.get(&options.json["options"])
    };
    let confirm = |password: &str, passkey: &Value| {
        let body = json!({"token": link, "password": password, "passkey": passkey});
        practice.send(&Call::post(format!("{RESETS}/confirm"), &body)).status
    };
    // Somebody else's is refused, and counted like a guess.
    let stranger = passkey(&mut Authenticator::new(2));
    fail(48);
    assert_eq!(confirm(NEW_PASSWORD, &stranger), 401);
    assert_eq!(confirm(NEW_PASSWORD, &stranger), 401);
    assert_eq!(confirm(NEW_PASSWORD, &stranger), 429);
    let shown = passkey(&mut device);
    assert_eq!(practice.send(&practice.log_in_call(&ada)).status, 429);
    assert_eq!(confirm(NEW_PASSWORD, &shown), 204);
    assert_eq!(confirm(NEW_PASSWORD, &shown), 429, "the password that is set");
    assert_eq!(confirm("eight lanterns at dusk", &shown), 429);

    practice.world.clock.advance(minute * 15);
    fail(49);
    assert_eq!(confirm(NEW_PASSWORD, &shown), 204, "given back");
    assert_eq!(confirm("eight lanterns at dusk", &shown), 401, "counted");
    assert_eq!(confirm(NEW_PASSWORD, &shown), 429);
}

#[test]
fn the_factor_that_is_left_is_asked_for() {
    let (practice, ada) = Practice::open(83);
    let fresh = practice.log_in(&ada).text("token");
    let codes = practice.recovery_codes(&fresh, "codes");
    messages();
    assert_eq!(ask(&practice, ADMIN).status, 202);
    let token = mailed_link(Template::PasswordReset);
    let alone = confirm(&practice, &token, NEW_PASSWORD);
    assert_eq!((alone.status, alone.problem()), (403, Some("second-factor-required")));
    assert!(alone.text("detail").contains("totp, recovery_code"), "{}", alone.json);
    assert!(practice.is_live(&fresh), "nothing has changed");

    let used = practice.code(&ada);
    for wrong in [
        ("totp", used.as_str()),
        ("totp", "000000"),
        ("recovery_code", "nonsense"),
        ("recovery_code", "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"),
    ] {
        let refused = practice.send(&confirm_call(&token, NEW_PASSWORD, Some(wrong)));
        assert_eq!(
            (refused.status, refused.problem()),
            (401, Some("invalid-link")),
            "{wrong:?}"
        );
    }
    let both = json!({"token": token, "password": NEW_PASSWORD, "totp": "123456", "recovery_code": codes[0]});
    assert_eq!(
        practice.send(&Call::post(format!("{RESETS}/confirm"), &both)).status,
        422
    );
    let weak = practice.send(&confirm_call(&token, "password", Some(("recovery_code", &codes[0]))));
    assert_eq!(weak.status, 422, "{}", weak.json);

    let done = practice.send(&confirm_call(&token, NEW_PASSWORD, Some(("recovery_code", &codes[0]))));
    assert_eq!(done.status, 204, "{}", done.json);
    assert!(!practice.is_live(&fresh));
    // The code is used up, and the app is still there.
    practice.world.clock.advance(SignedDuration::from_secs(60));
    let with_code = Call::post(
        "/v1/auth/sessions",
        &json!({"clinic_id": practice.clinic, "email": ADMIN, "password": NEW_PASSWORD, "recovery_code": codes[0]}),
    );
    assert_eq!(practice.send(&with_code).status, 401);
    assert_eq!(
        practice
            .send(&practice.credentials(ADMIN, ADMIN_PASSWORD, Some(&practice.code(&ada))))
            .status,
        401
    );
    practice.world.clock.advance(SignedDuration::from_secs(30));
    let code = code_at(&ada.secret, practice.world.clock.now().as_second());
    assert_eq!(
        practice
            .send(&practice.credentials(ADMIN, NEW_PASSWORD, Some(&code)))
            .status,
        201
    );
}

#[test]
fn a_reset_ends_lockouts() {
    let (practice, token) = link_for_zoe(84);
    for _ in 0..6 {
        assert_eq!(practice.send(&practice.credentials(ZOE, "wrong", None)).status, 401);
    }
    let locked = practice.send(&practice.credentials(ZOE, ZOE_PASSWORD, None));
    assert_eq!(locked.status, 401, "locked");
    assert_eq!(confirm(&practice, &token, NEW_PASSWORD).status, 204);
    assert_eq!(
        practice.send(&practice.credentials(ZOE, NEW_PASSWORD, None)).status,
        201
    );
}

/// The password that was set is tried there as at a log-in, whoever reads the mailbox; and being right forgets no other tries.
#[test]
fn a_used_link_is_no_way_round_the_limits_of_guessing() {
    let (practice, token) = link_for_zoe(91);
    assert_eq!(confirm(&practice, &token, NEW_PASSWORD).status, 204);
    let log_in = |password: &str| practice.send(&practice.credentials(ZOE, password, None)).status;
    let session = practice
        .send(&practice.credentials(ZOE, NEW_PASSWORD, None))
        .text("token");
    for _ in 0..5 {
        let wrong = confirm(&practice, &token, "eight lanterns at dusk");
        assert_eq!((wrong.status, wrong.problem()), (401, Some("invalid-link")));
    }
    assert_eq!(confirm(&practice, &token, NEW_PASSWORD).status, 401, "locked");
    assert!(practice.is_live(&session));
    assert_eq!(log_in(NEW_PASSWORD), 401, "the same tries");
    practice.world.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(confirm(&practice, &token, NEW_PASSWORD).status, 204);
    assert_eq!(confirm(&practice, &token, "eight lanterns at dusk").status, 401);
    assert_eq!(log_in(NEW_PASSWORD), 401, "locked again by the next one that is wrong");
}

/// Whether there is an account, or a clinic, and whether it is open: the same answer, the same operations, one message.
#[test]
fn nobody_learns_who_has_an_account() {
    let (practice, ada) = Practice::open(85);
    practice.enrol_zoe(&ada);
    let token = practice.log_in(&ada).text("token");
    messages();
    let observe = |clinic: &str, email: &str| {
        practice.world.stores.disarm();
        let answer = practice.send(&Call::post(RESETS, &json!({"clinic_id": clinic, "email": email})));
        // What a chain of the trail is like depends on how many events there were, not on who asked.
        let trace: Vec<String> = practice
            .world
            .stores
            .trace()
            .iter()
            .filter(|operation| !operation.starts_with("audit"))
            .map(|operation| operation.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
            .collect();
        let sent = messages();
        assert_eq!(sent.len(), 1);
        let Content::PasswordReset { token } = &sent[0].content else {
            panic!("a link")
        };
        let decoy = matches!(sent[0].recipient, Recipient::Nobody { .. });
        (
            answer.status,
            answer.json.to_string(),
            trace,
            token.expose().len(),
            decoy,
        )
    };
    // The documents that count networks and addresses come to be with the first requests.
    let other_clinic = model::ClinicId::from_bytes([7; 16]).to_string();
    for (clinic, email) in [
        (&practice.clinic, ZOE),
        (&practice.clinic, "nobody@example.org"),
        (&other_clinic, ZOE),
    ] {
        observe(clinic, email);
    }
    let known = observe(&practice.clinic, ZOE);
    assert_eq!((known.0, known.4), (202, false));
    let as_unknown = |seen: (u16, String, Vec<String>, usize, bool)| {
        assert!(seen.4);
        assert_eq!(
            (seen.0, seen.1, seen.2, seen.3),
            (known.0, known.1.clone(), known.2.clone(), known.3)
        );
    };
    as_unknown(observe(&practice.clinic, "nobody@example.org"));
    as_unknown(observe(&other_clinic, ZOE));
    let listed = practice.send(&Call::get("/v1/auth/accounts").bearer(&token));
    let zoes = listed.json["accounts"][0]["account_id"].as_str().unwrap().to_owned();
    let disable = Call::post(format!("/v1/auth/accounts/{zoes}/disable"), &json!({"reason": "moved"})).bearer(&token);
    assert_eq!(practice.send(&disable).status, 204);
    messages();
    as_unknown(observe(&practice.clinic, ZOE));
}

#[test]
fn a_link_is_void_once_the_account_is_closed() {
    let (practice, ada) = Practice::open(86);
    practice.enrol_zoe(&ada);
    let token = practice.log_in(&ada).text("token");
    messages();
    ask(&practice, ZOE);
    let link = mailed_link(Template::PasswordReset);
    let listed = practice.send(&Call::get("/v1/auth/accounts").bearer(&token));
    let zoes = listed.json["accounts"][0]["account_id"].as_str().unwrap().to_owned();
    let disable = Call::post(format!("/v1/auth/accounts/{zoes}/disable"), &json!({"reason": "moved"})).bearer(&token);
    assert_eq!(practice.send(&disable).status, 204);
    assert_eq!(confirm(&practice, &link, NEW_PASSWORD).problem(), Some("invalid-link"));
}

#[test]
fn nothing_is_stored_for_strangers_and_they_are_slowed_down() {
    let (practice, _) = Practice::open(87);
    ask(&practice, "nobody@example.org");
    let documents = || {
        let stored = practice.world.stores.dump();
        stored.iter().filter(|(store, ..)| store == "accounts").count()
    };
    let flood = || -> Vec<u16> {
        (0..25)
            .map(|number| ask(&practice, &format!("nobody{number}@example.org")).status)
            .collect()
    };
    let statuses = flood();
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 19);
    assert_eq!(statuses.last(), Some(&429));
    // The documents that count addresses are there by now.
    let before = documents();
    for _ in 0..5 {
        practice.world.clock.advance(SignedDuration::from_mins(15));
        assert_eq!(flood().iter().filter(|status| **status == 202).count(), 20);
    }
    assert!(documents() - before <= 1, "one address more came through");
    messages();
}

/// As many as a stranger asks for, and the mailbox is of use: beyond three in half an hour nothing is mailed, and nobody is told so.
#[test]
fn an_address_gets_three_links_in_half_an_hour() {
    let (practice, ada) = Practice::open(94);
    practice.enrol_zoe(&ada);
    messages();
    let asked = |email: &str| {
        practice.world.stores.disarm();
        let answer = ask(&practice, email);
        let trace = practice.world.stores.trace();
        let operations: Vec<String> = (trace.iter())
            .filter(|operation| !operation.starts_with("audit"))
            .map(|operation| operation.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
            .collect();
        let [message] = &messages()[..] else {
            panic!("one message")
        };
        let is_mailed = message.recipient == Recipient::Email(model::Confidential::new(ZOE.to_owned()));
        ((answer.status, answer.json.to_string(), operations), is_mailed, answer)
    };
    ask(&practice, "nobody@example.org");
    messages();
    let mailed = (asked(ZOE), asked("Zoe@Example.org"), asked(ZOE));
    assert!(mailed.0.1 && mailed.1.1 && mailed.2.1);
    let rule = |answer: &Answer| recorded_as(&practice, answer).0;
    assert_eq!(rule(&mailed.2.2), "reset.asked");
    for _ in 0..3 {
        let more = asked(ZOE);
        assert_eq!((&more.0, more.1), (&mailed.2.0, false));
        assert_eq!(rule(&more.2), "reset.limited");
    }
    for _ in 0..4 {
        assert_eq!(asked("nobody@example.org").0, mailed.2.0);
    }
    practice.world.clock.advance(SignedDuration::from_mins(30));
    assert!(asked(ZOE).1);
}

/// Where all that were asked for are void, or were mailed to nobody, she is sent one.
#[test]
fn links_that_are_not_good_keep_none_from_her() {
    let (practice, ada) = Practice::open(96);
    practice.enrol_zoe(&ada);
    let token = practice.log_in(&ada).text("token");
    let listed = practice.send(&Call::get("/v1/auth/accounts").bearer(&token));
    let zoes = listed.json["accounts"][0]["account_id"].as_str().unwrap().to_owned();
    let turn = |what: &str, body: Value| {
        let call = Call::post(format!("/v1/auth/accounts/{zoes}/{what}"), &body).bearer(&token);
        assert_eq!(practice.send(&call).status, 204, "{what}");
        messages();
    };
    let is_mailed = || {
        assert_eq!(ask(&practice, ZOE).status, 202);
        let [message] = &messages()[..] else {
            panic!("one message")
        };
        matches!(message.recipient, Recipient::Email(_))
    };
    turn("disable", json!({"reason": "on leave"}));
    assert!((0..3).all(|_| !is_mailed()));
    turn("enable", json!({}));
    assert!(is_mailed() && is_mailed());
    assert_eq!(ask(&practice, ZOE).status, 202);
    let third = mailed_link(Template::PasswordReset);
    assert!(!is_mailed());
    assert_eq!(confirm(&practice, &third, NEW_PASSWORD).status, 204);
    messages();
    assert!((0..3).all(|_| is_mailed()), "the others are void");
    assert!(!is_mailed());
}

/// What was never mailed takes nothing from what an address gets.
#[test]
fn an_outage_uses_up_no_links() {
    for operation in ["audit", "outbound"] {
        let (practice, ada) = Practice::open(95);
        practice.enrol_zoe(&ada);
        messages();
        outlast(&practice, operation, || ask(&practice, ZOE));
        mailed_link(Template::PasswordReset);
    }
}

/// Two confirmations of one link at one time, at every operation: exactly one password is set.
#[test]
fn of_two_confirmations_one_counts() {
    race(
        88,
        |practice, ada| {
            practice.enrol_zoe(ada);
            messages();
            ask(practice, ZOE);
            let token = mailed_link(Template::PasswordReset);
            (
                confirm_call(&token, NEW_PASSWORD, None),
                confirm_call(&token, "eight lanterns at dusk", None),
            )
        },
        |nth, one, other| {
            let won = |answer: &Answer| {
                assert!(answer.status == 204 || answer.status == 401, "{nth}: {}", answer.json);
                usize::from(answer.status == 204)
            };
            assert_eq!(won(one) + other.map_or(0, won), 1, "{nth}");
        },
    );
}

/// Every fault at every operation: what was acknowledged holds, and the same request comes to the same end.
#[test]
fn what_breaks_off_is_finished_by_the_next_try() {
    let (practice, token) = link_for_zoe(89);
    let session = practice
        .send(&practice.credentials(ZOE, ZOE_PASSWORD, None))
        .text("token");
    // As somebody comes who has forgotten hers.
    for _ in 0..5 {
        assert_eq!(practice.send(&practice.credentials(ZOE, "wrong", None)).status, 401);
    }
    let request = || confirm(&practice, &token, NEW_PASSWORD);
    break_off(&practice, request, |first, case| {
        if first.is_some_and(|first| first.status == 204) {
            assert!(!practice.is_live(&session), "{case}");
        }
        let again = request();
        assert_eq!(again.status, 204, "{case}: {}", again.json);
        assert!(!practice.is_live(&session), "{case}");
        assert_eq!(
            practice.send(&practice.credentials(ZOE, NEW_PASSWORD, None)).status,
            201
        );
    });
}

#[test]
fn nothing_goes_without_notify() {
    let (practice, token) = link_for_zoe(90);
    practice.world.deploy(Function::Notify, &[]);
    assert_eq!(ask(&practice, ZOE).status, 503);
    assert_eq!(confirm(&practice, &token, NEW_PASSWORD).status, 503);
    assert_eq!(
        practice.send(&practice.credentials(ZOE, ZOE_PASSWORD, None)).status,
        201
    );
}
