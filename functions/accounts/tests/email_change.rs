//! Another address for one's own account, confirmed by both mailboxes.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::SignedDuration;
use model::{Confidential, Function};
use notification::{Content, Message, Recipient, Template};
use practicekit::sweep::{Chain, Moment, Sweep, outlast, trail};
use practicekit::{ADMIN, ADMIN_PASSWORD, Person, Practice, ZOE, ZOE_PASSWORD, mailed_link, messages, race, staff};
use serde_json::json;
use testkit::{Answer, Call, Fault, survive};

const CHANGE: &str = "/v1/auth/email-change";
const NEW: &str = "ada@elsewhere.example";

/// The links that were mailed: to the address so far, and to the new one.
struct Links {
    current: String,
    new: String,
}

fn ask_call(token: &str, email: &str) -> Call {
    Call::post(CHANGE, &json!({"email": email})).bearer(token)
}

fn confirm_call(link: &str) -> Call {
    Call::post(format!("{CHANGE}/confirm"), &json!({"token": link}))
}

fn confirm(practice: &Practice, link: &str) -> Answer {
    practice.send(&confirm_call(link))
}

fn withdraw_call(token: &str) -> Call {
    Call::delete(CHANGE).bearer(token)
}

fn mailed(to: [&str; 2]) -> Links {
    match &messages()[..] {
        [
            Message {
                recipient: Recipient::Email(from),
                content: Content::EmailChangeOld { token: current },
                ..
            },
            Message {
                recipient: Recipient::Email(onto),
                content: Content::EmailChangeNew { token: new },
                ..
            },
        ] => {
            assert_eq!([from.expose().as_str(), onto.expose()], to);
            Links {
                current: current.expose().clone(),
                new: new.expose().clone(),
            }
        }
        other => panic!("a link to each, not {other:?}"),
    }
}

fn ask(practice: &Practice, token: &str, email: &str) -> Links {
    messages();
    let asked = practice.send(&ask_call(token, email));
    assert_eq!(asked.status, 202, "{}", asked.json);
    assert_eq!(asked.json["waiting_for"], json!(["current", "new"]));
    mailed([ADMIN, email])
}

/// A clinic, its administrator, her session, and the links of a change that she has asked for.
fn asked(seed: u64) -> (Practice, Person, String, Links) {
    let (practice, ada) = Practice::open(seed);
    let token = practice.log_in(&ada).text("token");
    let links = ask(&practice, &token, NEW);
    (practice, ada, token, links)
}

fn at(ada: &Person, email: &'static str) -> Person {
    Person {
        email,
        password: ADMIN_PASSWORD,
        secret: ada.secret.clone(),
    }
}

/// Whether she gets in with this address, with the app's next code.
fn gets_in(practice: &Practice, ada: &Person, email: &'static str) -> bool {
    practice.world.clock.advance(SignedDuration::from_secs(30));
    let answer = practice.send(&practice.log_in_call(&at(ada, email)));
    assert!([201, 401].contains(&answer.status), "{}", answer.json);
    answer.status == 201
}

/// Whether the clinic can give the address to somebody else. Asks as her.
fn is_free(practice: &Practice, ada: &Person, now: &'static str, email: &str) -> bool {
    let token = practice.log_in(&at(ada, now)).text("token");
    let invited = practice.invite(&token, &format!("is-it-free-{}", email.len()), &staff(email));
    if invited.status == 409 {
        return false;
    }
    assert_eq!(practice.accept(&invited.text("token"), "eight ch").status, 201);
    true
}

#[test]
fn both_mailboxes_change_it() {
    for current_first in [true, false] {
        let (practice, ada, token, links) = asked(501);
        let (first, second, missing) = if current_first {
            (&links.current, &links.new, "new")
        } else {
            (&links.new, &links.current, "current")
        };
        for _ in 0..2 {
            let one = confirm(&practice, first);
            assert_eq!((one.status, &one.json["waiting_for"]), (200, &json!([missing])));
        }
        let open = practice.send(&Call::get(CHANGE).bearer(&token));
        assert_eq!(
            (open.status, &open.json["email"], &open.json["waiting_for"]),
            (200, &json!(NEW), &json!([missing]))
        );
        assert!(!gets_in(&practice, &ada, NEW) && gets_in(&practice, &ada, ADMIN));
        messages();
        for _ in 0..2 {
            let both = confirm(&practice, second);
            assert_eq!((both.status, &both.json["waiting_for"]), (200, &json!([])));
        }
        assert_eq!(confirm(&practice, first).json["waiting_for"], json!([]));
        match &messages()[..] {
            [
                Message {
                    recipient: Recipient::Email(to),
                    content: Content::EmailChanged,
                    ..
                },
            ] => assert_eq!(to.expose(), ADMIN, "where she would learn of it if it were not she"),
            other => panic!("one notice, not {other:?}"),
        }
        assert_eq!(
            practice.send(&Call::get(CHANGE).bearer(&token)).problem(),
            Some("no-email-change")
        );
        assert!(gets_in(&practice, &ada, NEW) && !gets_in(&practice, &ada, ADMIN));
        assert!(practice.is_live(&token), "her sessions go on");
        assert!(is_free(&practice, &ada, NEW, ADMIN));
        // Hers is not.
        assert_eq!(confirm(&practice, second).status, 200, "and stays what it is");
        assert!(!is_free(&practice, &ada, NEW, "ADA@elsewhere.example"));
    }
}

#[test]
fn a_client_changes_hers() {
    let (practice, ada) = Practice::open(502);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    messages();
    assert_eq!(practice.send(&ask_call(&token, "zoe@elsewhere.example")).status, 202);
    let links = mailed([ZOE, "zoe@elsewhere.example"]);
    assert_eq!(confirm(&practice, &links.new).status, 200);
    assert_eq!(confirm(&practice, &links.current).json["waiting_for"], json!([]));
    let session = practice.send(&practice.credentials("zoe@elsewhere.example", ZOE_PASSWORD, None));
    assert_eq!(session.status, 201, "{}", session.json);
}

#[test]
fn who_may_not_and_what_is_no_address() {
    let (practice, ada) = Practice::open(503);
    let ben = practice.enrol_ben(&ada);
    let token = practice.log_in(&ada).text("token");
    messages();
    for (email, status) in [
        ("no address", 422),
        (ADMIN, 422),
        ("ADA.okafor@Example.org", 422),
        ("a@b\n.example", 422),
    ] {
        assert_eq!(practice.send(&ask_call(&token, email)).status, status, "{email}");
    }
    let more = Call::post(CHANGE, &json!({"email": NEW, "confirmed": true})).bearer(&token);
    assert!([400, 422].contains(&practice.send(&more).status));
    let enrolling = practice.password_alone(&ben).text("token");
    assert_eq!(
        practice.send(&ask_call(&enrolling, NEW)).status,
        403,
        "sets up a factor first"
    );
    for call in [Call::get(CHANGE), Call::delete(CHANGE)] {
        assert_eq!(practice.send(&call.bearer(&enrolling)).status, 403);
    }
    assert_eq!(practice.send(&Call::post(CHANGE, &json!({"email": NEW}))).status, 401);
    practice.world.clock.advance(SignedDuration::from_mins(6));
    let stale = practice.send(&ask_call(&token, NEW));
    assert_eq!((stale.status, stale.problem()), (401, Some("step-up-required")));
    assert!(messages().is_empty(), "nothing was mailed for any of these");
    let token = practice.log_in(&ada).text("token");
    let last = (0..20).map(|_| practice.send(&ask_call(&token, NEW)).status).last();
    assert_eq!(last, Some(429), "mail to others is counted by network");
    messages();
}

#[test]
fn links_that_confirm_nothing() {
    let (practice, ada, token, links) = asked(504);
    let reset = json!({"clinic_id": practice.clinic, "email": ADMIN});
    assert_eq!(
        practice.send(&Call::post("/v1/auth/password-resets", &reset)).status,
        202
    );
    let reset = mailed_link(Template::PasswordReset);
    let cut = &links.new[..links.new.len() - 1];
    for wrong in ["", "cfm_", "cfm_AAAA", cut, &reset] {
        let refused = confirm(&practice, wrong);
        assert_eq!(
            (refused.status, refused.problem()),
            (401, Some("invalid-link")),
            "{wrong}"
        );
    }
    // Asked anew, for the same address: only the newest links count.
    let newer = ask(&practice, &token, NEW);
    for link in [&links.current, &links.new] {
        assert_eq!(confirm(&practice, link).problem(), Some("invalid-link"));
    }
    assert_eq!(confirm(&practice, &newer.current).status, 200);
    // Withdrawn.
    for _ in 0..2 {
        assert_eq!(practice.send(&withdraw_call(&token)).status, 204);
    }
    assert_eq!(practice.send(&Call::get(CHANGE).bearer(&token)).status, 404);
    for link in [&newer.current, &newer.new] {
        assert_eq!(confirm(&practice, link).problem(), Some("invalid-link"));
    }
    // Over.
    let last = ask(&practice, &token, NEW);
    practice.world.clock.advance(SignedDuration::from_hours(24));
    for link in [&last.current, &last.new] {
        assert_eq!(confirm(&practice, link).problem(), Some("invalid-link"));
    }
    let token = practice.log_in(&ada).text("token");
    assert_eq!(practice.send(&Call::get(CHANGE).bearer(&token)).status, 404);
    assert!(is_free(&practice, &ada, ADMIN, NEW));
}

#[test]
fn an_address_that_somebody_has_is_told_its_reader_alone() {
    let (practice, ada) = Practice::open(505);
    practice.enrol_zoe(&ada);
    let token = practice.log_in(&ada).text("token");
    let links = ask(&practice, &token, ZOE);
    assert_eq!(confirm(&practice, &links.current).json["waiting_for"], json!(["new"]));
    let taken = confirm(&practice, &links.new);
    assert_eq!((taken.status, taken.problem()), (409, Some("email-taken")));
    assert!(gets_in(&practice, &ada, ADMIN));
    let zoe = practice.send(&practice.credentials(ZOE, ZOE_PASSWORD, None));
    assert_eq!(zoe.status, 201);
}

/// What lies in the old mailbox opens nothing once the address is another one.
#[test]
fn links_to_a_new_password_are_void_then() {
    let (practice, ada) = Practice::open(506);
    practice.enrol_zoe(&ada);
    let token = practice
        .send(&practice.credentials(ZOE, ZOE_PASSWORD, None))
        .text("token");
    messages();
    assert_eq!(practice.send(&ask_call(&token, NEW)).status, 202);
    let links = mailed([ZOE, NEW]);
    let reset = json!({"clinic_id": practice.clinic, "email": ZOE});
    practice.send(&Call::post("/v1/auth/password-resets", &reset));
    let reset = mailed_link(Template::PasswordReset);
    assert_eq!(confirm(&practice, &links.new).status, 200);
    assert_eq!(confirm(&practice, &links.current).status, 200);
    // Nor does it say which password is right.
    for password in ["a stranger in the mailbox", ZOE_PASSWORD] {
        let body = json!({"token": reset, "password": password});
        let refused = practice.send(&Call::post("/v1/auth/password-resets/confirm", &body));
        assert_eq!((refused.status, refused.problem()), (401, Some("invalid-link")));
    }
    assert!(practice.is_live(&token));
    assert_eq!(
        practice.send(&practice.credentials(NEW, ZOE_PASSWORD, None)).status,
        201
    );
}

/// A deployment elsewhere that was given a copy of stores and keyrings changes nobody's address.
#[test]
fn links_are_followed_in_the_home_region_alone() {
    let (practice, ada, _, links) = asked(512);
    let before = trail(&practice);
    practice.world.set(Function::Auth, "region", "in-mumbai");
    for link in [&links.current, &links.new] {
        let refused = confirm(&practice, link);
        assert_eq!(
            (refused.status, refused.problem()),
            (421, Some("clinic-homed-elsewhere"))
        );
    }
    assert!(trail(&practice) == before && messages().is_empty());
    practice.world.set(Function::Auth, "region", "local");
    let one = confirm(&practice, &links.new);
    assert_eq!(one.json["waiting_for"], json!(["current"]), "nothing was confirmed");
    assert!(gets_in(&practice, &ada, ADMIN));
}

/// An outage of ours is no failure of whoever follows her link, of which her network has 50.
#[test]
fn an_outage_locks_nobody_out_of_her_link() {
    let (practice, _, _, links) = asked(514);
    for _ in 0..45 {
        assert_eq!(confirm(&practice, "cfm_AAAA").status, 401);
    }
    outlast(&practice, "audit", || confirm(&practice, &links.current));
}

#[test]
fn a_closed_account_keeps_its_address() {
    let (practice, ada) = Practice::open(507);
    let ben = practice.enrol_ben(&ada);
    practice.confirm(&ben);
    let bens = practice.log_in(&ben).text("token");
    messages();
    assert_eq!(practice.send(&ask_call(&bens, NEW)).status, 202);
    let links = mailed([ben.email, NEW]);
    assert_eq!(confirm(&practice, &links.current).status, 200);
    let token = practice.log_in(&ada).text("token");
    let listed = practice.send(&Call::get("/v1/auth/accounts").bearer(&token));
    let account = listed.json["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| account["email"] == ben.email)
        .unwrap()["account_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let disable = |what: &str, body| {
        let call = Call::post(format!("/v1/auth/accounts/{account}/{what}"), &body).bearer(&token);
        assert_eq!(practice.send(&call).status, 204);
    };
    disable("disable", json!({"reason": "on leave"}));
    assert_eq!(confirm(&practice, &links.new).problem(), Some("invalid-link"));
    disable("enable", json!({}));
    assert_eq!(confirm(&practice, &links.new).json["waiting_for"], json!([]));
}

/// Both links at one time: the address is changed, and one of them, followed again, says so.
#[test]
fn both_at_one_time() {
    race(
        508,
        |practice, ada| {
            let token = practice.log_in(ada).text("token");
            let links = ask(practice, &token, NEW);
            (confirm_call(&links.current), confirm_call(&links.new))
        },
        |nth, one, other| {
            let done = |answer: &Answer| {
                assert_eq!(answer.status, 200, "{nth}: {}", answer.json);
                answer.json["waiting_for"] == json!([])
            };
            assert!(
                done(one) || other.is_none_or(done),
                "{nth}: whoever comes last makes the change"
            );
        },
    );
}

/// Withdrawn while it is confirmed: it is made or it is not, and nobody's address is kept from others.
#[test]
fn withdrawn_while_it_is_confirmed() {
    for nth in 0.. {
        let (practice, ada, token, links) = asked(509);
        assert_eq!(confirm(&practice, &links.current).status, 200);
        let practice = std::rc::Rc::new(practice);
        let (rival, withdrawal) = (std::rc::Rc::clone(&practice), withdraw_call(&token));
        practice.world.stores.meanwhile(nth, move || {
            assert_eq!(rival.send(&withdrawal).status, 204);
        });
        let answer = confirm(&practice, &links.new);
        let done = practice.world.stores.operations() <= nth;
        practice.world.stores.disarm();
        let (now, other) = match answer.status {
            200 => (NEW, ADMIN),
            401 => (ADMIN, NEW),
            status => panic!("{nth}: {status} {}", answer.json),
        };
        assert!(gets_in(&practice, &ada, now), "{nth}");
        assert!(!gets_in(&practice, &ada, other), "{nth}");
        assert!(is_free(&practice, &ada, now, other), "{nth}");
        if done {
            return;
        }
    }
}

/// Asked for once more while an earlier change is made: the link goes to the address that the account has by then, and that one is freed.
#[test]
fn asked_for_while_another_one_is_made() {
    let third = "ada@third.example";
    for nth in 0.. {
        let (practice, ada, token, links) = asked(513);
        assert_eq!(confirm(&practice, &links.current).status, 200);
        messages();
        let practice = std::rc::Rc::new(practice);
        let (rival, last) = (std::rc::Rc::clone(&practice), confirm_call(&links.new));
        practice.world.stores.meanwhile(nth, move || {
            let made = rival.send(&last);
            assert!([200, 401].contains(&made.status), "{}", made.json);
        });
        let answer = practice.send(&ask_call(&token, third));
        let done = practice.world.stores.operations() <= nth;
        practice.world.stores.disarm();
        assert_eq!(answer.status, 202, "{nth}: {}", answer.json);
        let sent = messages();
        let now = if gets_in(&practice, &ada, NEW) { NEW } else { ADMIN };
        let mailed = |template: Template, to: &str| {
            let message = sent
                .iter()
                .find(|message| message.content.template() == template)
                .unwrap();
            assert_eq!(
                message.recipient,
                Recipient::Email(Confidential::new(to.to_owned())),
                "{nth}"
            );
            message.content.token().unwrap().expose().clone()
        };
        let current = mailed(Template::EmailChangeOld, now);
        assert_eq!(confirm(&practice, &current).status, 200, "{nth}");
        let both = confirm(&practice, &mailed(Template::EmailChangeNew, third));
        assert_eq!(both.json["waiting_for"], json!([]), "{nth}");
        assert!(is_free(&practice, &ada, third, now), "{nth}");
        if done {
            return;
        }
    }
}

#[test]
fn broken_off_anywhere_it_can_be_confirmed_again() {
    let (practice, ada, _, links) = asked(510);
    assert_eq!(confirm(&practice, &links.current).status, 200);
    let moment = Moment::after(&practice);
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| confirm_call(&links.new),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            if first.is_some() {
                assert!(gets_in(practice, &ada, NEW));
            }
        },
        verify: |_: &Practice, _: Option<&Answer>, again: &Answer| {
            assert_eq!(again.json["waiting_for"], json!([]));
            let told = messages();
            let notices = told.iter().filter(|message| message.content == Content::EmailChanged);
            assert_eq!(notices.count(), 1, "the notice is sent once");
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
            assert!(gets_in(practice, &ada, NEW) && !gets_in(practice, &ada, ADMIN));
            assert!(is_free(practice, &ada, NEW, ADMIN));
        },
    };
    sweep.run(Chain::Begun);
}

#[test]
fn broken_off_anywhere_it_can_be_asked_for_and_withdrawn_again() {
    let (practice, ada, _, links) = asked(511);
    // A change that both have confirmed, and whose making died once it had taken the address, at its notice.
    assert_eq!(confirm(&practice, &links.current).status, 200);
    let before = Moment::after(&practice);
    // A stream of randomness that no case has.
    let rehearsal = before.resume(1 << 20);
    rehearsal.world.stores.disarm();
    assert_eq!(confirm(&rehearsal, &links.new).status, 200);
    let trace = rehearsal.world.stores.trace();
    let notice = trace
        .iter()
        .position(|operation| operation.starts_with("outbound"))
        .unwrap();
    let practice = before.resume(1 << 20);
    practice.world.stores.arm(notice, Fault::KilledBefore);
    assert!(survive(|| confirm(&practice, &links.new)).is_none());
    practice.world.stores.disarm();
    let token = practice.log_in(&ada).text("token");
    let moment = Moment::after(&practice);
    assert!(!is_free(&moment.resume(2 << 20), &ada, ADMIN, NEW));
    let other = "ada@third.example";
    for withdrawing in [true, false] {
        let sweep = Sweep {
            moment: &moment,
            request: |_: &Practice| {
                if withdrawing {
                    withdraw_call(&token)
                } else {
                    ask_call(&token, other)
                }
            },
            also: None,
            look: |practice: &Practice, _: Option<&Answer>| assert!(gets_in(practice, &ada, ADMIN)),
            verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
                assert_eq!(confirm(practice, &links.new).problem(), Some("invalid-link"));
                if !withdrawing {
                    let tokens: Vec<String> = messages()
                        .iter()
                        .filter_map(|message| Some(message.content.token()?.expose().clone()))
                        .collect();
                    let [.., current, new] = &tokens[..] else {
                        panic!("two links");
                    };
                    assert_eq!(confirm(practice, current).status, 200);
                    assert_eq!(confirm(practice, new).json["waiting_for"], json!([]));
                }
            },
            thoroughly: |practice: &Practice, first: Option<&Answer>, _: &Answer| {
                let now = if withdrawing { ADMIN } else { "ada@third.example" };
                assert!(gets_in(practice, &ada, now));
                // Where the first try died between account and address, the address stays with the account.
                if first.is_some() {
                    assert!(is_free(practice, &ada, now, NEW));
                }
            },
        };
        sweep.run(Chain::Begun);
    }
}
