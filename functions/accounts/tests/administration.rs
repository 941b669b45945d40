//! Accounts as administrators see and close them.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::rc::Rc;

use jiff::SignedDuration;
use model::{Confidential, Function};
use notification::{Content, Message, Recipient};
use practicekit::authenticator::Authenticator;
use practicekit::sweep::break_off;
use practicekit::{ADMIN, Person, Practice, ZOE, messages, race, staff};
use serde_json::{Value, json};
use testkit::{Answer, Call};

const ACCOUNTS: &str = "/v1/auth/accounts";
const BEN: &str = "ben@example.org";

/// Somebody who was enrolled, and her account.
struct Member {
    person: Person,
    account: String,
}

fn enrol(practice: &Practice, token: &str, email: &'static str, role: &str) -> Member {
    let body = json!({"email": email, "roles": [role]});
    let invited = practice.invite(token, email, &body);
    assert_eq!(invited.status, 201, "{}", invited.json);
    let accepted = practice.accept(&invited.text("token"), "eight ch");
    let member = Member {
        account: accepted.text("account_id"),
        person: Person::enrolled(email, "eight ch", &accepted),
    };
    practice.confirm(&member.person);
    member
}

fn ask(practice: &Practice, token: &str, account: &str, what: &str) -> Answer {
    practice.send(&call(token, account, what))
}

/// A request that does this to the account.
fn call(token: &str, account: &str, what: &str) -> Call {
    match what {
        "disable" | "deactivate" => Call::post(
            format!("{ACCOUNTS}/{account}/{what}"),
            &json!({"reason": "left the practice"}),
        ),
        "enable" => Call::post(format!("{ACCOUNTS}/{account}/enable"), &json!({})),
        role => Call::put(format!("{ACCOUNTS}/{account}/roles"), &json!({"roles": [role]})),
    }
    .bearer(token)
}

fn listed(practice: &Practice, token: &str) -> Vec<Value> {
    let listed = practice.send(&Call::get(ACCOUNTS).bearer(token));
    assert_eq!(listed.status, 200, "{}", listed.json);
    listed.json["accounts"].as_array().unwrap().clone()
}

fn state(practice: &Practice, token: &str, account: &str) -> String {
    let read = practice.send(&Call::get(format!("{ACCOUNTS}/{account}")).bearer(token));
    assert_eq!(read.status, 200, "{}", read.json);
    read.text("state")
}

fn contents() -> Vec<Content> {
    messages().into_iter().map(|Message { content, .. }| content).collect()
}

#[test]
fn administrators_see_who_there_is() {
    let (practice, ada) = Practice::open(71);
    practice.enrol_zoe(&ada);
    let token = practice.log_in(&ada).text("token");
    let all = listed(&practice, &token);
    let emails: Vec<&str> = all.iter().map(|account| account["email"].as_str().unwrap()).collect();
    assert_eq!(emails, [ZOE, ADMIN], "newest first");
    assert_eq!(all[0]["roles"], json!(["client"]));
    assert!(all[0]["client_id"].is_string() && all[0].get("last_log_in_at").is_none());
    assert_eq!(all[0].get("enrolled_at"), None, "she has proven nothing yet");
    assert!(all[1]["last_log_in_at"].is_string() && all[1]["enrolled_at"].is_string());
    assert_eq!(all[1]["state"], "active");
    let text = json!(all).to_string();
    assert!(!text.contains("argon2") && !text.contains("password"));

    let first = practice.send(&Call::get(format!("{ACCOUNTS}?limit=1")).bearer(&token));
    assert_eq!(first.json["accounts"].as_array().unwrap().len(), 1);
    let next = first.text("next");
    let second = practice.send(&Call::get(format!("{ACCOUNTS}?limit=1&cursor={next}")).bearer(&token));
    assert_eq!(second.json["accounts"][0]["email"], ADMIN);
    assert_eq!(second.json.get("next"), None);

    let nobody = model::AccountId::from_bytes([9; 16]);
    for answer in [
        practice.send(&Call::get(format!("{ACCOUNTS}/{nobody}")).bearer(&token)),
        ask(&practice, &token, &nobody.to_string(), "disable"),
    ] {
        assert_eq!((answer.status, answer.problem()), (404, Some("not-found")));
    }
}

#[test]
fn an_invitation_is_mailed_once_and_told_the_inviter() {
    let (practice, ada) = Practice::open(70);
    let token = practice.log_in(&ada).text("token");
    messages();
    let invited = practice.invite(&token, "ben", &staff(BEN));
    let again = practice.invite(&token, "ben", &staff(BEN));
    assert_eq!(
        (invited.json["mailed"].as_bool(), &again.json),
        (Some(true), &invited.json)
    );
    let sent = messages();
    let [message] = &sent[..] else { panic!("one message") };
    assert_eq!(message.recipient, Recipient::Email(Confidential::new(BEN.to_owned())));
    let Content::Invitation { token: mailed } = &message.content else {
        panic!("an invitation")
    };
    assert_eq!(*mailed.expose(), invited.text("token"));

    practice.world.deploy(Function::Notify, &[]);
    let unsent = practice.invite(&token, "cyd", &staff("cyd@example.org"));
    assert_eq!((unsent.status, unsent.json["mailed"].as_bool()), (201, Some(false)));
    assert_eq!(practice.accept(&unsent.text("token"), "eight ch").status, 201);
}

#[test]
fn nobody_but_a_clinic_admin_who_proved_it_lately() {
    let (practice, ada) = Practice::open(72);
    let token = practice.log_in(&ada).text("token");
    let ben = enrol(&practice, &token, BEN, "clinician");
    let bens = practice.log_in(&ben.person).text("token");
    let ada_id = listed(&practice, &token)[1]["account_id"].as_str().unwrap().to_owned();
    for what in ["disable", "enable", "deactivate", "auditor"] {
        assert_eq!(ask(&practice, &bens, &ada_id, what).problem(), Some("access-denied"));
    }
    assert_eq!(practice.send(&Call::get(ACCOUNTS).bearer(&bens)).status, 403);
    assert_eq!(
        practice
            .send(&Call::get(format!("{ACCOUNTS}/{ada_id}")).bearer(&bens))
            .status,
        403
    );
    practice.world.clock.advance(SignedDuration::from_mins(6));
    for what in ["disable", "enable", "deactivate", "auditor"] {
        assert_eq!(
            ask(&practice, &token, &ben.account, what).problem(),
            Some("step-up-required")
        );
        assert_eq!(practice.send(&call("cfs_wrong", &ben.account, what)).status, 401);
    }
    assert_eq!(state(&practice, &token, &ben.account), "active");
}

#[test]
fn a_disabled_account_is_out_at_once_until_it_is_enabled() {
    let (practice, ada) = Practice::open(73);
    let token = practice.log_in(&ada).text("token");
    let ben = enrol(&practice, &token, BEN, "clinician");
    let bens = practice.log_in(&ben.person).text("token");
    let half_done = practice.password_alone(&ben.person).text("log_in");
    messages();
    assert_eq!(ask(&practice, &token, &ben.account, "disable").status, 204);
    assert!(!practice.is_live(&bens), "on the very next request");
    assert_eq!(contents(), [Content::AccountDisabled]);
    let read = practice.send(&Call::get(format!("{ACCOUNTS}/{}", ben.account)).bearer(&token));
    assert_eq!(
        (read.text("state").as_str(), &read.json["closed"]["reason"]),
        ("disabled", &json!("left the practice"))
    );
    practice.world.clock.advance(SignedDuration::from_secs(30));
    let code = practice.code(&ben.person);
    assert_eq!(practice.complete(&half_done, "totp", &code).status, 401);
    let refused = practice.send(&practice.credentials(BEN, "eight ch", Some(&code)));
    assert_eq!(refused.problem(), Some("invalid-credentials"));

    assert_eq!(ask(&practice, &token, &ben.account, "disable").status, 204, "once more");
    assert_eq!(
        contents(),
        [Content::AccountDisabled],
        "the same message under the same key"
    );
    assert_eq!(ask(&practice, &token, &ben.account, "enable").status, 204);
    assert_eq!(ask(&practice, &token, &ben.account, "enable").status, 204);
    assert_eq!(contents(), [Content::AccountChanged]);
    assert!(!practice.is_live(&bens), "what was ended stays so");
    practice.log_in(&ben.person);
}

#[test]
fn deactivated_is_for_good_and_frees_the_address() {
    let (practice, ada) = Practice::open(74);
    let token = practice.log_in(&ada).text("token");
    let ben = enrol(&practice, &token, BEN, "clinician");
    let bens = practice.log_in(&ben.person).text("token");
    assert_eq!(
        practice.invite(&token, "again", &staff(BEN)).problem(),
        Some("email-taken")
    );
    messages();
    for _ in 0..2 {
        assert_eq!(ask(&practice, &token, &ben.account, "deactivate").status, 204);
    }
    assert_eq!(contents(), [Content::AccountDisabled]);
    assert!(!practice.is_live(&bens));
    for what in ["enable", "disable", "auditor"] {
        assert_eq!(
            ask(&practice, &token, &ben.account, what).problem(),
            Some("account-deactivated")
        );
    }
    let invited = practice.invite(&token, "anew", &staff(BEN));
    let again = practice.accept(&invited.text("token"), "other pw");
    let person = Person::enrolled(BEN, "other pw", &again);
    assert_ne!(again.text("account_id"), ben.account);
    practice.confirm(&person);
    practice.log_in(&person);
    // Repeated after the address has a new owner, it takes nothing from her.
    assert_eq!(ask(&practice, &token, &ben.account, "deactivate").status, 204);
    practice.log_in(&person);
}

#[test]
fn roles_change_with_the_next_log_in() {
    let (practice, ada) = Practice::open(75);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.log_in(&ada).text("token");
    let ben = enrol(&practice, &token, BEN, "clinician");
    let bens = practice.log_in(&ben.person).text("token");
    messages();
    assert_eq!(ask(&practice, &token, &ben.account, "auditor").status, 204);
    assert_eq!(ask(&practice, &token, &ben.account, "auditor").status, 204);
    assert_eq!(contents(), [Content::AccountChanged]);
    assert!(!practice.is_live(&bens), "no session keeps roles that are gone");
    assert_eq!(practice.log_in(&ben.person).json["roles"], json!(["auditor"]));
    for (roles, rule) in [
        (json!([]), "count"),
        (json!(["client"]), "staff"),
        (json!(["job"]), "person"),
        (json!(["auditor", "auditor"]), "unique"),
    ] {
        let call = Call::put(format!("{ACCOUNTS}/{}/roles", ben.account), &json!({"roles": roles})).bearer(&token);
        let refused = practice.send(&call);
        assert_eq!(refused.status, 422);
        assert!(refused.json["errors"].to_string().contains(rule), "{}", refused.json);
    }
    drop(zoe);
    let zoes = listed(&practice, &token)[1]["account_id"].as_str().unwrap().to_owned();
    assert_eq!(
        ask(&practice, &token, &zoes, "clinician").problem(),
        Some("other-kind-of-account")
    );
}

#[test]
fn nobody_changes_their_own_and_the_last_administrator_stays() {
    let (practice, ada) = Practice::open(76);
    let token = practice.log_in(&ada).text("token");
    let cyd = enrol(&practice, &token, "cyd@example.org", "clinic_admin");
    let ada_id = listed(&practice, &token)[1]["account_id"].as_str().unwrap().to_owned();
    for what in ["disable", "enable", "deactivate", "auditor"] {
        assert_eq!(
            ask(&practice, &token, &ada_id, what).problem(),
            Some("own-account"),
            "{what}"
        );
    }
    let cyds = practice.log_in(&cyd.person).text("token");
    // Ada's session is an administrator's still when she is none any more: it is ended with her role.
    assert_eq!(ask(&practice, &cyds, &ada_id, "auditor").status, 204);
    assert_eq!(ask(&practice, &token, &cyd.account, "auditor").status, 401);
    let back = ask(&practice, &cyds, &ada_id, "clinic_admin");
    assert_eq!(back.status, 204, "{}", back.json);
    let token = practice.log_in(&ada).text("token");
    for what in ["disable", "deactivate", "auditor"] {
        assert_eq!(ask(&practice, &token, &cyd.account, what).status, 204);
        let others = listed(&practice, &token);
        let admins = others
            .iter()
            .filter(|account| account["state"] == "active" && account["roles"][0] == "clinic_admin");
        assert_eq!(admins.count(), 1);
        if what == "disable" {
            assert_eq!(ask(&practice, &token, &cyd.account, "enable").status, 204);
        } else {
            break;
        }
    }
}

/// Two administrators who close each other's account at one time: one of them stays, whatever comes between.
#[test]
fn of_two_who_close_each_other_one_stays() {
    race(
        77,
        |practice, ada| {
            let token = practice.log_in(ada).text("token");
            let cyd = enrol(practice, &token, "cyd@example.org", "clinic_admin");
            let cyds = practice.log_in(&cyd.person).text("token");
            let ada_id = listed(practice, &token)[1]["account_id"].as_str().unwrap().to_owned();
            (call(&token, &cyd.account, "disable"), call(&cyds, &ada_id, "disable"))
        },
        |nth, one, other| {
            let other = other.map_or(0, |answer| answer.status);
            let done = [one.status, other].into_iter().filter(|status| *status == 204).count();
            assert!(done <= 1, "{nth}: {} {other}", one.status);
            assert!(
                [204, 401, 409].contains(&one.status) && [0, 204, 401, 409].contains(&other),
                "{nth}: {} {other}",
                one.status
            );
        },
    );
}

/// A log-in that crosses with the closing of its account, or with other roles for it, at every operation: no session is left.
#[test]
fn no_log_in_slips_through() {
    for (what, with_passkey) in [("disable", false), ("auditor", false), ("auditor", true)] {
        for nth in 0.. {
            let (practice, ada) = Practice::open(78);
            let token = practice.log_in(&ada).text("token");
            let ben = enrol(&practice, &token, BEN, "clinician");
            let log_in = if with_passkey {
                let mut device = Authenticator::new(1);
                practice.register_passkey(&practice.log_in(&ben.person).text("token"), &mut device);
                practice.passkey_alone(&mut device)
            } else {
                practice.world.clock.advance(SignedDuration::from_secs(30));
                practice.log_in_call(&ben.person)
            };
            let change = call(&token, &ben.account, what);
            let practice = Rc::new(practice);
            let rival = Rc::clone(&practice);
            practice.world.stores.meanwhile(nth, move || {
                let changed = rival.send(&change);
                assert_eq!(changed.status, 204, "{}", changed.json);
            });
            let answer = practice.send(&log_in);
            let crossed = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            if !crossed {
                assert!(practice.is_live(&answer.text("token")));
                break;
            }
            // A log-in that came wholly after it has the new roles. One that was over before was told a token, which is none any more.
            assert!(
                answer.status == 401
                    || answer.status == 201
                        && (answer.json["roles"] == json!([what]) || !practice.is_live(&answer.text("token"))),
                "{what} {with_passkey} {nth}: {}",
                answer.json
            );
        }
    }
}

/// Every fault at every operation of each change: what was acknowledged holds, and the repeated request finishes the rest.
#[test]
fn changes_that_break_off_are_finished_by_the_next_try() {
    for what in ["disable", "deactivate", "auditor"] {
        let (practice, ada) = Practice::open(79);
        let token = practice.log_in(&ada).text("token");
        let cyd = enrol(&practice, &token, "cyd@example.org", "clinic_admin");
        let cyds = practice.log_in(&cyd.person).text("token");
        let request = || ask(&practice, &token, &cyd.account, what);
        break_off(&practice, request, |first, case| {
            if first.is_some_and(|first| first.status == 204) {
                assert!(!practice.is_live(&cyds), "{what} {case}");
            }
            assert_eq!(request().status, 204, "{what} {case}");
            assert!(!practice.is_live(&cyds), "{what} {case}");
            let expected = match what {
                "disable" => "disabled",
                "deactivate" => "deactivated",
                _ => "active",
            };
            assert_eq!(state(&practice, &token, &cyd.account), expected);
        });
    }
}
