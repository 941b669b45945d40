//! Log-ins that cross with what ends all other sessions, at every operation: none outlives it.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::rc::Rc;

use practicekit::{ADMIN_PASSWORD, Person, Practice};
use serde_json::json;
use testkit::{Answer, Call};

const NEW_PASSWORD: &str = "two slow ferries";

fn change_password(token: &str) -> Call {
    Call::put(
        "/v1/auth/password",
        &json!({"current": ADMIN_PASSWORD, "new": NEW_PASSWORD}),
    )
    .bearer(token)
}

/// Runs `one`, and `other` right before its `nth` operation; whether there was one, and both answers.
fn cross(practice: &Rc<Practice>, nth: usize, one: &Call, other: Call) -> (bool, Answer, Option<Answer>) {
    let heard = Rc::new(std::cell::RefCell::new(None));
    let (rival, answer) = (Rc::clone(practice), Rc::clone(&heard));
    practice.world.stores.meanwhile(nth, move || {
        *answer.borrow_mut() = Some(rival.send(&other));
    });
    let first = practice.send(one);
    let crossed = practice.world.stores.operations() > nth;
    practice.world.stores.disarm();
    (crossed, first, heard.take())
}

fn setting(seed: u64) -> (Rc<Practice>, Person, String) {
    let (practice, ada) = Practice::open(seed);
    let token = practice.log_in(&ada).text("token");
    practice.world.clock.advance(jiff::SignedDuration::from_secs(30));
    (Rc::new(practice), ada, token)
}

/// The log-in is under way, and the password is changed in its middle.
#[test]
fn a_log_in_that_was_under_way_ends_with_the_others() {
    for nth in 0.. {
        let (practice, ada, token) = setting(601);
        let log_in = practice.log_in_call(&ada);
        let (crossed, logged_in, changed) = cross(&practice, nth, &log_in, change_password(&token));
        if !crossed {
            return;
        }
        assert_eq!(changed.unwrap().status, 204, "{nth}");
        assert!(practice.is_live(&token), "{nth}: the one that ends the others stays");
        if logged_in.status == 201 {
            assert!(!practice.is_live(&logged_in.text("token")), "{nth}");
        } else {
            assert_eq!(logged_in.status, 401, "{nth}: {}", logged_in.json);
        }
    }
}

/// The change is under way, and a log-in happens in its middle, whole.
#[test]
fn a_log_in_with_the_old_password_does_not_outlive_the_change() {
    for nth in 0.. {
        let (practice, ada, token) = setting(602);
        let log_in = practice.log_in_call(&ada);
        let (crossed, ended, logged_in) = cross(&practice, nth, &change_password(&token), log_in);
        if !crossed {
            return;
        }
        assert_eq!(ended.status, 204, "{nth}: {}", ended.json);
        let logged_in = logged_in.unwrap();
        if logged_in.status == 201 {
            assert!(!practice.is_live(&logged_in.text("token")), "{nth}");
        } else {
            assert_eq!(logged_in.status, 401, "{nth}: {}", logged_in.json);
        }
        assert!(practice.is_live(&token), "{nth}");
    }
}
