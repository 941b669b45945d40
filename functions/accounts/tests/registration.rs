//! Clients who open an account themselves.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::SignedDuration;
use notification::{Content, Message, Recipient, Template};
use practicekit::sweep::{Chain, Moment, Sweep, outlast, recorded_as};
use practicekit::{ADMIN, Practice, mailed_link, messages, race};
use serde_json::json;
use testkit::{Answer, Call};

const REGISTRATIONS: &str = "/v1/auth/registrations";
const SETTINGS: &str = "/v1/auth/clinic/settings";
const YVES: &str = "yves@example.org";
const PASSWORD: &str = "seven lanterns at dusk";

fn ask(practice: &Practice, email: &str) -> Answer {
    practice.send(&Call::post(
        REGISTRATIONS,
        &json!({"clinic_id": practice.clinic, "email": email}),
    ))
}

fn confirm_call(token: &str, password: &str) -> Call {
    let body = json!({"token": token, "display_name": "Yves", "password": password});
    Call::post(format!("{REGISTRATIONS}/confirm"), &body)
}

fn confirm(practice: &Practice, token: &str, password: &str) -> Answer {
    practice.send(&confirm_call(token, password))
}

fn allow(practice: &Practice, token: &str, allowed: bool) {
    let call = Call::put(SETTINGS, &json!({"self_registration": allowed})).bearer(token);
    assert_eq!(practice.send(&call).status, 204);
}

/// A clinic that takes registrations, its administrator's session, and a link for Yves.
fn link(seed: u64) -> (Practice, String, String) {
    let (practice, ada) = Practice::open(seed);
    let token = practice.log_in(&ada).text("token");
    allow(&practice, &token, true);
    messages();
    assert_eq!(ask(&practice, YVES).status, 202);
    (practice, token, mailed_link(Template::Registration))
}

#[test]
fn a_link_opens_a_clients_account_once() {
    let (practice, token, link) = link(121);
    let weak = confirm(&practice, &link, "too short");
    assert_eq!(weak.status, 422, "{}", weak.json);
    let opened = confirm(&practice, &link, PASSWORD);
    assert_eq!(opened.status, 201, "{}", opened.json);
    let session = practice.send(&practice.credentials(YVES, PASSWORD, None));
    assert_eq!((session.status, &session.json["roles"]), (201, &json!(["client"])));
    let current = practice.send(&Call::get("/v1/auth/sessions/current").bearer(&session.text("token")));
    assert_eq!(
        (current.status, current.json.get("client_id")),
        (200, None),
        "no file is hers yet"
    );
    let again = confirm(&practice, &link, PASSWORD);
    assert_eq!((again.status, again.problem()), (401, Some("invalid-link")));
    assert_eq!(
        confirm(&practice, &link, "eight lanterns at dusk").problem(),
        Some("invalid-link")
    );
    let listed = practice.send(&Call::get("/v1/auth/accounts").bearer(&token));
    assert_eq!(listed.json["accounts"][0]["email"], YVES);
}

#[test]
fn an_administrator_links_the_account_to_a_file_once() {
    let (practice, token, link) = link(126);
    let account = confirm(&practice, &link, PASSWORD).text("account_id");
    let first = practice.send(&practice.credentials(YVES, PASSWORD, None)).text("token");
    let [file, other] = [5, 6].map(|byte| model::ClientId::from_bytes([byte; 16]).to_string());
    let set = |account: &str, client: &str, bearer: &str| {
        let path = format!("/v1/auth/accounts/{account}/client-file");
        practice.send(&Call::put(path, &json!({"client_id": client})).bearer(bearer))
    };
    assert_eq!(set(&account, &file, &first).status, 403, "not by herself");
    messages();
    for _ in 0..2 {
        let linked = set(&account, &file, &token);
        assert_eq!(linked.status, 204, "{}", linked.json);
    }
    let told = messages();
    assert!(
        matches!(
            &told[..],
            [Message {
                content: Content::AccountChanged,
                ..
            }]
        ),
        "once: {told:?}"
    );
    assert!(
        !practice.is_live(&first),
        "a session is for the file that it began with"
    );
    let next = practice.send(&practice.credentials(YVES, PASSWORD, None)).text("token");
    let current = practice.send(&Call::get("/v1/auth/sessions/current").bearer(&next));
    assert_eq!(current.json["client_id"], json!(file));
    let again = set(&account, &other, &token);
    assert_eq!((again.status, again.problem()), (409, Some("other-client-file")));
    let invited = practice.invite(&token, "clinician-ben-16", &practicekit::staff("ben@example.org"));
    let ben = practice.accept(&invited.text("token"), "eight ch").text("account_id");
    let staff = set(&ben, &file, &token);
    assert_eq!((staff.status, staff.problem()), (409, Some("other-kind-of-account")));
    let nobody = model::AccountId::from_bytes([9; 16]).to_string();
    assert_eq!(set(&nobody, &file, &token).status, 404);
    assert_eq!(set(&account, "cli_x", &token).status, 400);
}

#[test]
fn not_where_the_clinic_does_not_allow_it_any_more() {
    let (practice, token, link) = link(122);
    let settings = practice.send(&Call::get(SETTINGS).bearer(&token));
    assert_eq!(
        settings.json,
        json!({"self_registration": true, "access_review_lapse": "suspend"})
    );
    allow(&practice, &token, false);
    assert_eq!(confirm(&practice, &link, PASSWORD).problem(), Some("invalid-link"));
    allow(&practice, &token, true);
    practice.world.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(
        confirm(&practice, &link, PASSWORD).problem(),
        Some("invalid-link"),
        "over"
    );
    let stale = Call::put(SETTINGS, &json!({"self_registration": false})).bearer(&token);
    assert_eq!(practice.send(&stale).status, 401, "idle for an hour");
    for wrong in ["", "cfm_", "cfm_AAAA"] {
        assert_eq!(confirm(&practice, wrong, PASSWORD).problem(), Some("invalid-link"));
    }
}

/// Whether the clinic exists, allows it, or has the account: the same answer, the same operations, one message; and nothing stays.
#[test]
fn nobody_learns_anything_and_nothing_is_stored() {
    let (practice, token, _) = link(123);
    let documents = || {
        let stored = practice.world.stores.dump();
        stored.iter().filter(|(store, ..)| store == "accounts").count()
    };
    let observe = |clinic: &str, email: &str| {
        practice.world.stores.disarm();
        let answer = practice.send(&Call::post(
            REGISTRATIONS,
            &json!({"clinic_id": clinic, "email": email}),
        ));
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
        let decoy = matches!(sent[0].recipient, Recipient::Nobody { .. });
        ((answer.status, answer.json.to_string(), trace), decoy)
    };
    let other_clinic = model::ClinicId::from_bytes([7; 16]).to_string();
    // The documents that count addresses come to be with the first requests.
    observe(&practice.clinic, ADMIN);
    observe(&other_clinic, YVES);
    let before = documents();
    let (open, decoy) = observe(&practice.clinic, YVES);
    assert_eq!((open.0, decoy), (202, false));
    assert_eq!(observe(&practice.clinic, ADMIN), (open.clone(), true));
    assert_eq!(observe(&other_clinic, YVES), (open.clone(), true));
    allow(&practice, &token, false);
    assert_eq!(observe(&practice.clinic, YVES), (open, true));
    assert_eq!(documents(), before);
    let last = (0..20).map(|_| ask(&practice, YVES).status).last();
    assert_eq!(last, Some(429));
    messages();
}

/// Beyond five in an hour nothing is mailed, and nobody is told so.
#[test]
fn an_address_gets_five_links_an_hour() {
    let (practice, _, _) = link(133);
    let mailed = || {
        let answer = ask(&practice, YVES);
        let [message] = &messages()[..] else {
            panic!("one message")
        };
        let rule = recorded_as(&practice, &answer).0;
        assert_eq!(answer.status, 202, "{}", answer.json);
        (matches!(message.recipient, Recipient::Email(_)), rule)
    };
    for _ in 0..4 {
        assert_eq!(mailed(), (true, "registration.asked".to_owned()));
    }
    assert_eq!(mailed(), (false, "registration.limited".to_owned()));
    practice.world.clock.advance(SignedDuration::from_mins(15));
    assert_eq!(mailed(), (false, "registration.limited".to_owned()));
    practice.world.clock.advance(SignedDuration::from_mins(45));
    assert_eq!(mailed(), (true, "registration.asked".to_owned()));
}

/// What was mailed to nobody, because the clinic took no registrations, keeps no link from whoever asks once it does.
#[test]
fn what_mails_nothing_uses_up_no_links() {
    let (practice, token, _) = link(134);
    let is_mailed = || {
        assert_eq!(ask(&practice, YVES).status, 202);
        matches!(messages()[0].recipient, Recipient::Email(_))
    };
    allow(&practice, &token, false);
    assert!((0..5).all(|_| !is_mailed()));
    allow(&practice, &token, true);
    assert!((0..4).all(|_| is_mailed()), "one was mailed before");
    assert!(!is_mailed());
}

/// Two confirmations at one time, of one link and of two links to one address: exactly one account.
#[test]
fn of_two_confirmations_one_counts() {
    for links in [1, 2] {
        race(
            124,
            |practice, ada| {
                let token = practice.log_in(ada).text("token");
                allow(practice, &token, true);
                messages();
                ask(practice, YVES);
                let first = mailed_link(Template::Registration);
                let second = if links == 2 {
                    ask(practice, YVES);
                    mailed_link(Template::Registration)
                } else {
                    first.clone()
                };
                (
                    confirm_call(&first, PASSWORD),
                    confirm_call(&second, "eight lanterns at dusk"),
                )
            },
            |nth, one, other| {
                let won = |answer: &Answer| {
                    assert!([201, 401, 409, 503].contains(&answer.status), "{nth}: {}", answer.json);
                    usize::from(answer.status == 201)
                };
                assert_eq!(won(one) + other.map_or(0, won), 1, "{links} links, {nth}");
            },
        );
    }
}

/// Broken off anywhere, the same request comes to the same account.
#[test]
fn what_breaks_off_is_finished_by_the_next_try() {
    let (practice, _, link) = link(125);
    let gets_in = |practice: &Practice| {
        let session = practice.send(&practice.credentials(YVES, PASSWORD, None));
        assert_eq!(session.status, 201, "{}", session.json);
    };
    let sweep = Sweep {
        moment: &Moment::after(&practice),
        request: |_: &Practice| confirm_call(&link, PASSWORD),
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |_: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json));
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, _: &Answer| gets_in(practice),
    };
    sweep.run(Chain::Begun);
}

#[test]
fn an_outage_locks_nobody_out_of_her_link() {
    let (practice, _, link) = link(132);
    outlast(&practice, "audit", || confirm(&practice, &link, PASSWORD));
}
