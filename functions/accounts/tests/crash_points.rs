//! Every handler of enrolment, broken off at every operation on a store in every way: what was acknowledged stays, nothing is half
//! there, the trail holds, and the repeated request comes to the same end.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::SignedDuration;
use practicekit::sweep::{Chain, Moment, Sweep, documents};
use practicekit::{
    ADMIN, ADMIN_PASSWORD, Person, Practice, acceptance, bootstrap_code, clinic_body, invitation, send, staff,
};
use serde_json::Value;
use testkit::{Answer, Call, Fault, World, survive};

const BEN: &str = "ben@example.org";
const BEN_PASSWORD: &str = "eight ch";

const INVITATIONS: &str = "/v1/auth/invitations";

/// `(id, state)` of all listed invitations, newest first.
fn invitations(practice: &Practice, token: &str) -> Vec<(String, String)> {
    let listed = practice.send(&Call::get(INVITATIONS).bearer(token));
    assert_eq!(listed.status, 200, "{}", listed.json);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = listed.json["invitations"].as_array().unwrap().iter();
    items
        .map(|item| (text(&item["invitation_id"]), text(&item["state"])))
        .collect()
}

/// Staff who were just enrolled get in with their app, and not before it is confirmed.
fn gets_in_once_confirmed(practice: &Practice, person: &Person) {
    assert_eq!(practice.send(&practice.log_in_call(person)).status, 401);
    practice.confirm(person);
    let token = practice.log_in(person).text("token");
    assert!(practice.is_live(&token));
}

#[test]
fn opening_a_clinic() {
    let world = World::new(31);
    let code = bootstrap_code(&world, 1);
    let call = Call::post("/v1/auth/clinics", &clinic_body(&code, ADMIN, ADMIN_PASSWORD));
    let elsewhere = World::new(31);
    let clinic = send(&elsewhere, &call).text("clinic_id");
    let moment = Moment::after(&Practice { world, clinic });
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| call.clone(),
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json));
            assert_eq!(again.text("clinic_id"), practice.clinic);
            let made = documents(practice).len();
            assert_eq!(
                made,
                5 + 2,
                "a clinic, an account, its address and the lists of accounts and of staff; what counts its tries and the network's"
            );
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
            gets_in_once_confirmed(practice, &Person::enrolled(ADMIN, ADMIN_PASSWORD, again));
            assert_eq!(practice.send(&call).problem(), Some("code-used"));
        },
    };
    sweep.run(Chain::Fresh);
}

#[test]
fn inviting() {
    for before in 0..2 {
        let (practice, ada) = Practice::open(32);
        let token = practice.log_in(&ada).text("token");
        for earlier in 0..before {
            practice.invite(&token, &format!("earlier{earlier}"), &staff("cyd@example.org"));
        }
        let moment = Moment::after(&practice);
        let sweep = Sweep {
            moment: &moment,
            request: |_: &Practice| invitation(&token, "ben", &staff(BEN)),
            also: None,
            look: |practice: &Practice, first: Option<&Answer>| {
                let listed = invitations(practice, &token);
                assert!(listed.len() <= before + 1);
                if let Some(first) = first {
                    assert_eq!(listed[0], (first.text("invitation_id"), "pending".to_owned()));
                }
            },
            verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
                // Whether it was mailed may differ: what could not be the first time is then.
                let invited = |answer: &Answer| {
                    let mut invited = answer.json.clone();
                    invited.as_object_mut().unwrap().remove("mailed");
                    invited
                };
                assert!(first.is_none_or(|first| invited(first) == invited(again)));
                let listed = invitations(practice, &token);
                assert_eq!(listed.len(), before + 1);
                assert_eq!(listed[0], (again.text("invitation_id"), "pending".to_owned()));
            },
            thoroughly: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
                assert_eq!(practice.accept(&again.text("token"), BEN_PASSWORD).status, 201);
                assert_eq!(invitations(practice, &token)[0].1, "accepted");
            },
        };
        let chain = if before == 0 { Chain::Fresh } else { Chain::Begun };
        sweep.run(chain);
    }
}

#[test]
fn listing_invitations() {
    let (practice, ada) = Practice::open(33);
    let token = practice.log_in(&ada).text("token");
    let [taken_back, accepted, _] =
        ["one@example.org", BEN, "three@example.org"].map(|email| practice.invite(&token, email, &staff(email)));
    let path = format!("{INVITATIONS}/{}", taken_back.text("invitation_id"));
    assert_eq!(practice.send(&Call::delete(path).bearer(&token)).status, 204);
    assert_eq!(practice.accept(&accepted.text("token"), BEN_PASSWORD).status, 201);
    let moment = Moment::after(&practice);
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::get(INVITATIONS).bearer(&token),
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |_: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json));
            let listed = again.json["invitations"].as_array().unwrap();
            let states: Vec<_> = listed.iter().map(|item| item["state"].as_str().unwrap()).collect();
            assert_eq!(states, ["pending", "accepted", "revoked"]);
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    for chain in [Chain::Fresh, Chain::Begun] {
        sweep.run(chain);
    }
}

#[test]
fn taking_an_invitation_back() {
    let (practice, ada) = Practice::open(34);
    let token = practice.log_in(&ada).text("token");
    let invited = practice.invite(&token, "ben", &staff(BEN));
    let id = invited.text("invitation_id");
    let moment = Moment::after(&practice);
    let cannot_be_accepted = |practice: &Practice| {
        assert_eq!(invitations(practice, &token), [(id.clone(), "revoked".to_owned())]);
        let accepted = practice.accept(&invited.text("token"), BEN_PASSWORD);
        assert_eq!(accepted.problem(), Some("invalid-token"));
    };
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::delete(format!("{INVITATIONS}/{id}")).bearer(&token),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            let [(_, state)] = &invitations(practice, &token)[..] else {
                panic!("one invitation");
            };
            assert!(first.is_none() || state == "revoked");
            if state == "revoked" {
                cannot_be_accepted(practice);
            }
        },
        verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| cannot_be_accepted(practice),
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    for chain in [Chain::Fresh, Chain::Begun] {
        sweep.run(chain);
    }
}

#[test]
fn accepting() {
    let (practice, ada) = Practice::open(35);
    let token = practice.log_in(&ada).text("token");
    let invited = practice.invite(&token, "ben", &staff(BEN)).text("token");
    let moment = Moment::after(&practice);
    let before = documents(&practice).len();
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| acceptance(&invited, BEN_PASSWORD),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            let [(_, state)] = &invitations(practice, &token)[..] else {
                panic!("one invitation");
            };
            assert!(state == "accepted" || first.is_none() && state == "pending");
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json));
            let made = documents(practice).len() - before;
            assert_eq!(made, 2 + 1, "an account and its address; what counts its tries");
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
            gets_in_once_confirmed(practice, &Person::enrolled(BEN, BEN_PASSWORD, again));
            assert_eq!(
                practice.send(&acceptance(&invited, BEN_PASSWORD)).problem(),
                Some("invalid-token")
            );
            assert_eq!(invitations(practice, &token)[0].1, "accepted");
        },
    };
    sweep.run(Chain::Fresh);
}

/// Whoever repeats a broken request hours later enters an invitation that is older than those before it in the log.
#[test]
fn an_invitation_that_is_entered_late_is_in_no_other_ones_way() {
    let (practice, ada) = Practice::open(43);
    let token = practice.log_in(&ada).text("token");
    practice.invite(&token, "first", &staff("first@example.org"));
    let moment = Moment::after(&practice);
    let broken = (0..)
        .map(|nth| {
            let practice = moment.resume(0);
            let before = documents(&practice).len();
            practice.world.stores.arm(nth, Fault::KilledAfter);
            let late = invitation(&token, "late", &staff("late@example.org"));
            let killed = survive(|| practice.send(&late)).is_none();
            practice.world.stores.disarm();
            assert!(killed, "there is an operation after which it is there and not listed");
            (documents(&practice).len() > before).then_some(practice)
        })
        .find_map(|practice| practice)
        .unwrap();
    assert_eq!(invitations(&broken, &token).len(), 1);

    broken.world.clock.advance(SignedDuration::from_hours(3));
    let token = broken.log_in(&ada).text("token");
    let invite = |key: &str| broken.invite(&token, key, &staff(&format!("{key}@example.org")));
    let other = invite("other");
    assert_eq!(invite("late").status, 201);
    // Enough for the other one to have left the head of the log, where a repeated entry is recognised anyway.
    for number in 0..40 {
        assert_eq!(invite(&format!("n{number}")).status, 201);
    }
    assert_eq!(invite("other").json, other.json);
    let listed = broken.send(&Call::get(format!("{INVITATIONS}?limit=100")).bearer(&token));
    assert_eq!(listed.json["invitations"].as_array().unwrap().len(), 43);
}
