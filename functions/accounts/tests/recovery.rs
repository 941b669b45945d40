//! Recovery by two administrators.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use audit_trail::Decision;
use jiff::SignedDuration;
use notification::{Content, Message};
use practicekit::sweep::{break_off, recorded_as};
use practicekit::{Person, Practice, messages, race};
use serde_json::json;
use testkit::{Answer, Call, Fault};

const RECOVERIES: &str = "/v1/auth/recoveries";
const BEN: &str = "ben@example.org";
const CYD: &str = "cyd@example.org";
const NEW_PASSWORD: &str = "ferry 22";

/// Two administrators, and a clinician who has lost her app.
struct Clinic {
    practice: Practice,
    ada: Person,
    cyd: Person,
    ben: Person,
    ben_id: String,
    cyd_id: String,
    ada_token: String,
    cyd_token: String,
}

fn enrol(practice: &Practice, token: &str, email: &'static str, role: &str) -> (Person, String) {
    let invited = practice.invite(token, email, &json!({"email": email, "roles": [role]}));
    let accepted = practice.accept(&invited.text("token"), "eight ch");
    let id = accepted.text("account_id");
    let person = Person::enrolled(email, "eight ch", &accepted);
    practice.confirm(&person);
    (person, id)
}

fn clinic(seed: u64) -> Clinic {
    let (practice, ada) = Practice::open(seed);
    let token = practice.log_in(&ada).text("token");
    let (ben, ben_id) = enrol(&practice, &token, BEN, "clinician");
    let (cyd, cyd_id) = enrol(&practice, &token, CYD, "clinic_admin");
    let cyd_token = practice.log_in(&cyd).text("token");
    let ada_token = practice.log_in(&ada).text("token");
    messages();
    Clinic {
        practice,
        ada,
        cyd,
        ben,
        ben_id,
        cyd_id,
        ada_token,
        cyd_token,
    }
}

fn request_call(token: &str, account: &str, key: &str) -> Call {
    Call::post(
        RECOVERIES,
        &json!({"account_id": account, "reason": "telephone lost, seen in person"}),
    )
    .bearer(token)
    .once(key)
}

fn approve_call(token: &str, recovery: &str) -> Call {
    Call::post(format!("{RECOVERIES}/{recovery}/approve"), &json!({})).bearer(token)
}

impl Clinic {
    fn send(&self, call: &Call) -> Answer {
        self.practice.send(call)
    }

    fn request(&self) -> String {
        let requested = self.send(&request_call(&self.ada_token, &self.ben_id, "ben"));
        assert_eq!(requested.status, 201, "{}", requested.json);
        requested.text("recovery_id")
    }

    fn state(&self, token: &str) -> String {
        let listed = self.send(&Call::get(RECOVERIES).bearer(token));
        listed.json["recoveries"][0]["state"].as_str().unwrap().to_owned()
    }

    fn complete(&self, token: &str, password: &str) -> Answer {
        let body = json!({"token": token, "password": password});
        self.send(&Call::post(format!("{RECOVERIES}/complete"), &body))
    }
}

/// The token of the newest link that was mailed since messages were asked for last.
fn mailed() -> String {
    let sent = messages();
    let newest = sent.iter().rev().find_map(|Message { content, .. }| match content {
        Content::RecoveryApproved { token } => Some(token.expose().clone()),
        _ => None,
    });
    newest.expect("a link was mailed")
}

#[test]
fn one_asks_another_approves_and_the_owner_follows_the_link() {
    let clinic = clinic(111);
    let practice = &clinic.practice;
    let bens = practice.log_in(&clinic.ben).text("token");
    let recovery = clinic.request();
    assert_eq!(clinic.request(), recovery, "the same request once more");
    assert_eq!(clinic.state(&clinic.cyd_token), "pending");
    assert!(practice.is_live(&bens), "nothing has happened yet");
    assert_eq!(clinic.send(&approve_call(&clinic.cyd_token, &recovery)).status, 204);
    assert_eq!(clinic.state(&clinic.cyd_token), "approved");
    assert!(!practice.is_live(&bens));
    // Neither the password alone nor with the app that may be in other hands.
    practice.world.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(practice.password_alone(&clinic.ben).status, 401);
    assert_eq!(
        practice
            .send(&practice.credentials(BEN, "eight ch", Some(&practice.code(&clinic.ben))))
            .status,
        401
    );

    let link = mailed();
    let weak = clinic.complete(&link, "password");
    assert_eq!(weak.status, 422, "{}", weak.json);
    // All factors are gone: whoever shows one takes this for a reset, and the link is good for another try.
    let body = json!({"token": link, "password": NEW_PASSWORD, "totp": "123456"});
    let shown = clinic.send(&Call::post(format!("{RECOVERIES}/complete"), &body));
    assert_eq!(
        (shown.status, &shown.json["errors"][0]["field"]),
        (400, &json!("/totp"))
    );
    assert_eq!(clinic.complete(&link, NEW_PASSWORD).status, 204);
    assert_eq!(clinic.complete(&link, "other pw 9").problem(), Some("invalid-link"));
    let session = practice.send(&practice.credentials(BEN, NEW_PASSWORD, None));
    assert_eq!((session.status, session.text("assurance").as_str()), (201, "enrolment"));
    let secret = practice.register_totp(&session.text("token"));
    let ben = Person {
        email: BEN,
        password: NEW_PASSWORD,
        secret,
    };
    practice.log_in(&ben);
    // Approved once more, it takes nothing away again.
    messages();
    let cyd_token = practice.log_in(&clinic.cyd).text("token");
    assert_eq!(clinic.send(&approve_call(&cyd_token, &recovery)).status, 204);
    assert_eq!(messages(), []);
    practice.log_in(&ben);
}

#[test]
fn never_alone_and_never_oneself() {
    let clinic = clinic(112);
    let practice = &clinic.practice;
    let recovery = clinic.request();
    let own = clinic.send(&approve_call(&clinic.ada_token, &recovery));
    assert_eq!(own.problem(), Some("same-administrator"));
    let for_oneself = clinic.send(&request_call(&clinic.cyd_token, &clinic.cyd_id, "own"));
    assert_eq!(for_oneself.problem(), Some("own-account"));
    // Of the two administrators one is to be recovered: there is nobody to approve it.
    let no_second = clinic.send(&request_call(&clinic.ada_token, &clinic.cyd_id, "cyd"));
    assert_eq!(no_second.problem(), Some("second-administrator-required"));
    let bens = practice.log_in(&clinic.ben).text("token");
    for call in [
        request_call(&bens, &clinic.cyd_id, "ben's"),
        approve_call(&bens, &recovery),
        Call::get(RECOVERIES).bearer(&bens),
        Call::delete(format!("{RECOVERIES}/{recovery}")).bearer(&bens),
    ] {
        assert_eq!(clinic.send(&call).problem(), Some("access-denied"));
    }
    practice.world.clock.advance(SignedDuration::from_mins(6));
    for call in [
        request_call(&clinic.ada_token, &clinic.ben_id, "late"),
        approve_call(&clinic.cyd_token, &recovery),
        Call::delete(format!("{RECOVERIES}/{recovery}")).bearer(&clinic.cyd_token),
    ] {
        assert_eq!(clinic.send(&call).problem(), Some("step-up-required"));
    }
    assert_eq!(messages(), []);
    practice.log_in(&clinic.ben);
    let other = model::RecoveryId::from_bytes([9; 16]);
    let token = practice.log_in(&clinic.ada).text("token");
    assert_eq!(clinic.send(&approve_call(&token, &other.to_string())).status, 404);
    assert_eq!(
        clinic
            .send(&request_call(
                &token,
                &model::AccountId::from_bytes([9; 16]).to_string(),
                "x"
            ))
            .status,
        404
    );
}

#[test]
fn what_is_withdrawn_or_over_is_not_approved() {
    let clinic = clinic(113);
    let recovery = clinic.request();
    let withdraw = Call::delete(format!("{RECOVERIES}/{recovery}")).bearer(&clinic.cyd_token);
    for _ in 0..2 {
        assert_eq!(clinic.send(&withdraw).status, 204);
    }
    assert_eq!(
        clinic.send(&approve_call(&clinic.cyd_token, &recovery)).problem(),
        Some("recovery-over")
    );
    let later = clinic
        .send(&request_call(&clinic.ada_token, &clinic.ben_id, "again"))
        .text("recovery_id");
    clinic.practice.world.clock.advance(SignedDuration::from_hours(24));
    let token = clinic.practice.log_in(&clinic.cyd).text("token");
    assert_eq!(clinic.state(&token), "expired");
    assert_eq!(
        clinic.send(&approve_call(&token, &later)).problem(),
        Some("recovery-over")
    );
    assert_eq!(messages(), []);
    clinic.practice.log_in(&clinic.ben);
    clinic.practice.log_in(&clinic.ada);
}

#[test]
fn the_link_ends_after_a_day() {
    let clinic = clinic(114);
    let recovery = clinic.request();
    assert_eq!(clinic.send(&approve_call(&clinic.cyd_token, &recovery)).status, 204);
    let link = mailed();
    let as_reset = json!({"token": link, "password": NEW_PASSWORD});
    let crossed = clinic.send(&Call::post("/v1/auth/password-resets/confirm", &as_reset));
    assert_eq!(crossed.problem(), Some("invalid-link"), "a link is good for its use");
    clinic.practice.world.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(clinic.complete(&link, NEW_PASSWORD).problem(), Some("invalid-link"));
}

/// An approval is good for a day like its link, whether it was carried out by then or broke off before it took anything away.
#[test]
fn an_approval_ends_with_its_link() {
    let clinic = clinic(119);
    let practice = &clinic.practice;
    let recovery = clinic.request();
    let approve = approve_call(&clinic.cyd_token, &recovery);
    let before = practice.world.stores.dump();
    practice.world.stores.disarm();
    assert_eq!(clinic.send(&approve).status, 204);
    let trace = practice.world.stores.trace();
    let swaps = trace
        .iter()
        .enumerate()
        .filter(|(_, done)| done.starts_with("accounts swap"));
    let [_, (account, _), ..] = swaps.collect::<Vec<_>>()[..] else {
        panic!("{trace:?}");
    };
    let approved = practice.world.stores.dump();
    practice.world.stores.restore(&before);
    practice.world.stores.arm(account, Fault::Refused);
    assert_eq!(clinic.send(&approve).status, 503);
    practice.world.stores.disarm();
    practice.log_in(&clinic.ben);

    let mut is_in = Vec::new();
    for stored in [practice.world.stores.dump(), approved] {
        practice.world.stores.restore(&stored);
        practice.world.clock.advance(SignedDuration::from_hours(24));
        let token = practice.log_in(&clinic.cyd).text("token");
        messages();
        let late = clinic.send(&approve_call(&token, &recovery));
        assert_eq!(
            (late.status, late.problem()),
            (409, Some("recovery-over")),
            "{}",
            late.json
        );
        assert_eq!(
            recorded_as(practice, &late),
            ("recovery.refused".to_owned(), Decision::Denied)
        );
        assert_eq!(messages(), []);
        is_in.push(
            practice
                .send(&practice.credentials(BEN, "eight ch", Some(&practice.code(&clinic.ben))))
                .status,
        );
    }
    assert_eq!(
        is_in,
        [201, 401],
        "what broke off has taken nothing away, and takes nothing any more"
    );
    let token = practice.log_in(&clinic.ada).text("token");
    let anew = clinic
        .send(&request_call(&token, &clinic.ben_id, "anew"))
        .text("recovery_id");
    let token = practice.log_in(&clinic.cyd).text("token");
    assert_eq!(clinic.send(&approve_call(&token, &anew)).status, 204);
    assert_eq!(clinic.complete(&mailed(), NEW_PASSWORD).status, 204);
}

/// A request counts for as long as who made it is an administrator.
#[test]
fn whoever_is_no_administrator_any_more_asks_for_nothing() {
    for (seed, is_closed) in [(117, true), (118, false)] {
        let clinic = clinic(seed);
        let requested = clinic.send(&request_call(&clinic.cyd_token, &clinic.ben_id, "ben"));
        let recovery = requested.text("recovery_id");
        let (_, dan) = enrol(&clinic.practice, &clinic.ada_token, "dan@example.org", "clinic_admin");
        let path = |what: &str| format!("/v1/auth/accounts/{}/{what}", clinic.cyd_id);
        let change = if is_closed {
            Call::post(path("disable"), &json!({"reason": "left"}))
        } else {
            Call::put(path("roles"), &json!({"roles": ["billing"]}))
        };
        assert_eq!(clinic.send(&change.bearer(&clinic.ada_token)).status, 204);
        messages();
        let refused = clinic.send(&approve_call(&clinic.ada_token, &recovery));
        assert_eq!(
            (refused.status, refused.problem()),
            (409, Some("requester-not-administrator")),
            "{}",
            refused.json
        );
        let entry = recorded_as(&clinic.practice, &refused);
        assert_eq!(entry, ("recovery.refused".to_owned(), Decision::Denied));
        assert_eq!(messages(), []);
        clinic.practice.log_in(&clinic.ben);
        // Withdrawn and asked for anew, by one who is.
        let token = clinic.practice.log_in(&clinic.ada).text("token");
        let withdrawal = Call::delete(format!("{RECOVERIES}/{recovery}")).bearer(&token);
        assert_eq!(clinic.send(&withdrawal).status, 204);
        let anew = clinic.send(&request_call(&token, &clinic.ben_id, "anew"));
        assert_eq!(anew.status, 201, "{dan} can approve it: {}", anew.json);
    }
}

/// Approved and withdrawn at one time, at every operation: one of the two.
#[test]
fn approved_or_withdrawn() {
    race(
        115,
        |practice, ada| {
            let token = practice.log_in(ada).text("token");
            let (_, ben) = enrol(practice, &token, BEN, "clinician");
            let (cyd, _) = enrol(practice, &token, CYD, "clinic_admin");
            let cyd_token = practice.log_in(&cyd).text("token");
            let recovery = practice.send(&request_call(&token, &ben, "ben")).text("recovery_id");
            let withdraw = Call::delete(format!("{RECOVERIES}/{recovery}")).bearer(&token);
            (approve_call(&cyd_token, &recovery), withdraw)
        },
        |nth, one, other| {
            messages();
            let won = |answer: &Answer| {
                assert!([204, 409].contains(&answer.status), "{nth}: {}", answer.json);
                usize::from(answer.status == 204)
            };
            assert_eq!(won(one) + other.map_or(0, won), 1, "{nth}");
        },
    );
}

/// Every fault at every operation of an approval: the next try finishes it, and its owner has a link that works.
#[test]
fn an_approval_that_breaks_off_is_finished_by_the_next_try() {
    let clinic = clinic(116);
    let practice = &clinic.practice;
    let recovery = clinic.request();
    let call = approve_call(&clinic.cyd_token, &recovery);
    let request = || practice.send(&call);
    break_off(practice, request, |first, case| {
        if first.is_none_or(|first| first.status != 204) {
            let again = request();
            assert_eq!(again.status, 204, "{case}: {}", again.json);
        }
        assert_eq!(clinic.complete(&mailed(), NEW_PASSWORD).status, 204, "{case}");
    });
}

/// As above, and whoever holds the account changes its password in between: she has lost it all the same.
#[test]
fn an_approval_that_breaks_off_is_finished_whatever_its_holder_does() {
    let clinic = clinic(117);
    let practice = &clinic.practice;
    let holder = practice.log_in(&clinic.ben).text("token");
    let cyd_token = practice.log_in(&clinic.cyd).text("token");
    let recovery = clinic.request();
    let call = approve_call(&cyd_token, &recovery);
    let change = json!({"current": clinic.ben.password, "new": "not hers 7"});
    let change = Call::put("/v1/auth/password", &change).bearer(&holder);
    let changed = std::cell::Cell::new(false);
    break_off(
        practice,
        || practice.send(&call),
        |first, case| {
            if first.is_none_or(|first| first.status != 204) {
                changed.set(practice.send(&change).status == 204 || changed.get());
                let again = practice.send(&call);
                assert_eq!(again.status, 204, "{case}: {}", again.json);
            }
            assert!(!practice.is_live(&holder), "{case}");
            assert_eq!(clinic.complete(&mailed(), NEW_PASSWORD).status, 204, "{case}");
            let session = practice.send(&practice.credentials(BEN, NEW_PASSWORD, None));
            assert_eq!(session.text("assurance"), "enrolment", "{case}");
        },
    );
    assert!(changed.get(), "it came in between");
}
