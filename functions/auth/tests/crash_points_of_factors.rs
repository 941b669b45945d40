//! Every handler of second factors, step-up and passwords, broken off at every operation in every way: what was acknowledged
//! stays, nothing is half there, nothing is right twice, nobody fails to be told, and the repeated request comes to the same end.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::{Cell, RefCell};

use jiff::SignedDuration;
use notification::{Content, Factor};
use ports::Clock;
use practicekit::authenticator::Authenticator;
use practicekit::sweep::{Chain, Moment, Sweep};
use practicekit::{Person, Practice, code_at, code_by_sms, messages, other_code};
use serde_json::{Value, json};
use testkit::{Answer, Call, Fault, survive};

const FACTORS: &str = "/v1/auth/factors";
const TOTP: &str = "/v1/auth/factors/totp";
const PASSKEYS: &str = "/v1/auth/factors/passkeys";
const COMPLETE: &str = "/v1/auth/log-ins/complete";
const PHONE: &str = "+14155550123";

fn now(practice: &Practice) -> i64 {
    practice.world.clock.now().as_second()
}

fn listed(practice: &Practice, token: &str) -> Value {
    let answer = practice.send(&Call::get(FACTORS).bearer(token));
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json
}

/// Ada's two sessions: the one that asks, and another.
fn ada(seed: u64) -> (Practice, Person, String, String) {
    let (practice, ada) = Practice::open(seed);
    let [token, other] = [(), ()].map(|()| practice.log_in(&ada).text("token"));
    (practice, ada, token, other)
}

/// A change of somebody's own, of which she is told.
struct Change<'c, R, D> {
    moment: &'c Moment,
    request: R,
    also: Option<u16>,
    /// What is told; nothing where nobody has to know.
    told: Option<Content>,
    /// Whether it is done, whole: asked after every answer and every end.
    is_done: D,
    /// The session that is over once it is done, if one is.
    ends: Option<&'c str>,
}

impl<R, D> Change<'_, R, D>
where
    R: Fn(&Practice) -> Call,
    D: Fn(&Practice) -> bool,
{
    fn sweep(&self) {
        messages();
        let told_before = Cell::new(0);
        let told = || -> usize {
            let told = messages();
            assert!(
                told.iter().all(|message| Some(&message.content) == self.told.as_ref()),
                "{told:?}"
            );
            told.len()
        };
        let sweep = Sweep {
            moment: self.moment,
            request: |practice: &Practice| (self.request)(practice),
            also: self.also,
            look: |practice: &Practice, first: Option<&Answer>| {
                let told = told();
                told_before.set(told);
                let is_done = (self.is_done)(practice);
                assert!(first.is_none() || is_done);
                assert!(
                    !is_done || self.told.is_none() || told > 0,
                    "she is told before it is done"
                );
                if let Some(other) = self.ends.filter(|_| first.is_some()) {
                    assert!(!practice.is_live(other));
                }
            },
            verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
                assert!((self.is_done)(practice));
                assert!(self.told.is_none() || told_before.get() + told() > 0);
                assert!(self.ends.is_none_or(|other| !practice.is_live(other)));
            },
            thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
        };
        // Whichever messages finding a stream of randomness has sent.
        // The first event of a chain is met in other sweeps.
        sweep.run_after(Chain::Begun, || drop(messages()));
    }
}

#[test]
fn waiting_for_a_second_factor() {
    let (practice, ada) = Practice::open(51);
    let moment = Moment::after(&practice);
    let goes_on = |practice: &Practice, answer: &Answer| {
        let done = practice.complete(&answer.text("log_in"), "totp", &practice.code(&ada));
        assert_eq!(done.status, 201, "{}", done.json);
    };
    let sweep = Sweep {
        moment: &moment,
        request: |practice: &Practice| practice.credentials(ada.email, ada.password, None),
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            goes_on(practice, again);
            if let Some(first) = first {
                practice.world.clock.advance(SignedDuration::from_secs(30));
                goes_on(practice, first);
            }
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Fresh);
}

#[test]
fn completing_a_log_in() {
    let (practice, ada) = Practice::open(52);
    let token = practice.log_in(&ada).text("token");
    let codes = practice.recovery_codes(&token, "codes");
    let log_ins = [(), ()].map(|()| practice.password_alone(&ada).text("log_in"));
    let moment = Moment::after(&practice);
    let left = |practice: &Practice| listed(practice, &token)["recovery_codes"]["left"].as_u64().unwrap();
    let request = |log_in: &str, code: &str| Call::post(COMPLETE, &json!({"log_in": log_in, "recovery_code": code}));
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| request(&log_ins[0], &codes[0]),
        // The log-in and the code are used up, whether their answer arrived or not.
        also: Some(401),
        look: |practice: &Practice, first: Option<&Answer>| {
            let is_used = left(practice) == 9;
            if let Some(first) = first {
                assert!(is_used && practice.is_live(&first.text("token")));
            }
            if is_used {
                let elsewhere = practice.send(&request(&log_ins[1], &codes[0]));
                assert_eq!(elsewhere.status, 401, "a code is right once");
            }
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert_eq!(left(practice), 9, "one code is used up and no other");
            assert!(first.is_none() || again.status == 401);
            let other = practice.send(&request(&log_ins[1], &codes[1]));
            assert_eq!(other.status, 201, "{}", other.json);
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Begun);
}

#[test]
fn logging_in_with_a_passkey() {
    let (practice, _, token, _) = ada(53);
    let mut device = Authenticator::new(1);
    practice.register_passkey(&token, &mut device);
    let call = practice.passkey_alone(&mut device);
    let moment = Moment::after(&practice);
    let device = RefCell::new(device);
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| call.clone(),
        // The assertion is used up, whether its answer arrived or not.
        also: Some(401),
        look: |practice: &Practice, first: Option<&Answer>| {
            assert!(first.is_none_or(|first| practice.is_live(&first.text("token"))));
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none() || again.status == 401);
            assert_eq!(practice.send(&call).status, 401, "an assertion is right once");
            let next = practice.passkey_alone(&mut device.borrow_mut());
            assert_eq!(practice.send(&next).status, 201);
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Begun);
}

/// Zoe, who gets codes by SMS, and two sessions of hers.
fn zoe_with_sms(seed: u64) -> (Practice, Person, String, String) {
    let (practice, ada) = Practice::open(seed);
    let zoe = practice.enrol_zoe(&ada);
    let [token, other] = [(), ()].map(|()| practice.password_alone(&zoe).text("token"));
    practice.register_sms(&token, PHONE);
    practice.world.clock.advance(SignedDuration::from_mins(1));
    (practice, zoe, token, other)
}

#[test]
fn sending_codes() {
    let (practice, zoe, token, _) = zoe_with_sms(54);
    let log_in = practice.password_alone(&zoe).text("log_in");
    let moment = Moment::after(&practice);
    let ask = || Call::post("/v1/auth/log-ins/sms", &json!({"log_in": log_in}));
    let step_up = || Call::post("/v1/auth/sessions/current/step-up/sms", &json!({})).bearer(&token);
    let sent_before = RefCell::new(Vec::new());
    let sweep = |call: &dyn Fn() -> Call, use_up: &dyn Fn(&Practice, &str) -> u16| {
        let sweep = Sweep {
            moment: &moment,
            request: |_: &Practice| call(),
            also: None,
            look: |_: &Practice, first: Option<&Answer>| {
                let sent = messages();
                assert!(first.is_none() || sent.len() == 1);
                *sent_before.borrow_mut() = sent;
            },
            verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
                // Whatever was sent before, the newest code is the one that is right.
                let (phone, code) = code_by_sms();
                assert_eq!(phone, PHONE);
                for earlier in sent_before.borrow().iter().filter_map(|message| message.content.code()) {
                    assert!(use_up(practice, earlier.expose()) >= 400 || *earlier.expose() == code);
                }
                assert!(use_up(practice, &code) < 300);
                assert!(use_up(practice, &code) >= 400, "once");
            },
            thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
        };
        sweep.run_after(Chain::Begun, || drop(messages()));
    };
    sweep(&ask, &|practice, code| {
        practice.complete(&log_in, "sms_code", code).status
    });
    sweep(&step_up, &|practice, code| {
        let body = json!({"sms_code": code});
        practice
            .send(&Call::post("/v1/auth/sessions/current/step-up", &body).bearer(&token))
            .status
    });
}

/// The try is counted before it is made: no fault makes one free.
#[test]
fn guessing_at_a_code() {
    let (practice, zoe, _, _) = zoe_with_sms(55);
    let log_in = practice.password_alone(&zoe).text("log_in");
    messages();
    assert_eq!(
        practice
            .send(&Call::post("/v1/auth/log-ins/sms", &json!({"log_in": log_in})))
            .status,
        202
    );
    let (_, code) = code_by_sms();
    let moment = Moment::after(&practice);
    let guess = || Call::post(COMPLETE, &json!({"log_in": log_in, "sms_code": other_code(&code)}));
    let probe = moment.resume(0);
    probe.world.stores.disarm();
    assert_eq!(probe.send(&guess()).status, 401);
    let operations = probe.world.stores.operations();
    for fault in Fault::ALL {
        for nth in 0..operations {
            let practice = moment.resume(0);
            for _ in 0..4 {
                assert_eq!(practice.send(&guess()).status, 401);
            }
            practice.world.stores.arm(nth, fault);
            let told = survive(|| practice.send(&guess()).status);
            practice.world.stores.disarm();
            practice.world.clock.advance(SignedDuration::from_mins(5));
            if told == Some(401) {
                assert_eq!(
                    practice.complete(&log_in, "sms_code", &code).status,
                    401,
                    "{fault:?} {nth}: it was the fifth try"
                );
            }
        }
    }
}

#[test]
fn setting_up_an_app() {
    let (practice, ada, token, _) = ada(56);
    let moment = Moment::after(&practice);
    let begin = || Call::post(TOTP, &json!({})).bearer(&token);
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| begin(),
        also: None,
        look: |practice: &Practice, _: Option<&Answer>| {
            let code = practice.code(&ada);
            let log_in = practice.send(&practice.credentials(ada.email, ada.password, Some(&code)));
            assert_eq!(log_in.status, 201, "the app before counts until then");
        },
        verify: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
            let body = json!({"code": code_at(&again.text("secret"), now(practice))});
            let confirm = Call::post("/v1/auth/factors/totp/confirm", &body).bearer(&token);
            assert_eq!(practice.send(&confirm).status, 204);
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Fresh);
}

#[test]
fn another_app_in_the_place_of_the_first() {
    let (practice, _, token, other) = ada(64);
    let begun = practice.send(&Call::post(TOTP, &json!({})).bearer(&token));
    let secret = begun.text("secret");
    let confirmed_before = listed(&practice, &token)["totp"]["confirmed_at"].clone();
    let moment = Moment::after(&practice);
    Change {
        moment: &moment,
        request: |practice: &Practice| {
            let body = json!({"code": code_at(&secret, now(practice))});
            Call::post("/v1/auth/factors/totp/confirm", &body).bearer(&token)
        },
        also: None,
        told: Some(Content::FactorAdded { factor: Factor::Totp }),
        is_done: |practice: &Practice| listed(practice, &token)["totp"]["confirmed_at"] != confirmed_before,
        ends: Some(&other),
    }
    .sweep();
}

#[test]
fn taking_factors_away() {
    let (practice, _, token, other) = ada(57);
    let mut device = Authenticator::new(1);
    let passkey = practice.register_passkey(&token, &mut device).text("id");
    practice.recovery_codes(&token, "codes");
    let moment = Moment::after(&practice);
    Change {
        moment: &moment,
        request: |_: &Practice| Call::delete(TOTP).bearer(&token),
        also: None,
        told: Some(Content::FactorRemoved { factor: Factor::Totp }),
        is_done: |practice: &Practice| listed(practice, &token)["totp"] == Value::Null,
        ends: Some(&other),
    }
    .sweep();
    Change {
        moment: &moment,
        request: |_: &Practice| Call::delete(format!("{PASSKEYS}/{passkey}")).bearer(&token),
        also: None,
        told: Some(Content::FactorRemoved {
            factor: Factor::Passkey,
        }),
        is_done: |practice: &Practice| listed(practice, &token)["passkeys"] == json!([]),
        ends: Some(&other),
    }
    .sweep();
}

#[test]
fn adding_a_passkey() {
    let (practice, _, token, _) = ada(58);
    let mut device = Authenticator::new(1);
    let body = json!({"name": "Telephone", "credential": practice.created(&token, &mut device)});
    let moment = Moment::after(&practice);
    Change {
        moment: &moment,
        request: |_: &Practice| Call::post(PASSKEYS, &body).bearer(&token),
        also: None,
        told: Some(Content::FactorAdded {
            factor: Factor::Passkey,
        }),
        is_done: |practice: &Practice| listed(practice, &token)["passkeys"].as_array().unwrap().len() == 1,
        ends: None,
    }
    .sweep();
}

#[test]
fn making_recovery_codes() {
    let (practice, _, token, _) = ada(59);
    let moment = Moment::after(&practice);
    Change {
        moment: &moment,
        request: |_: &Practice| {
            Call::post("/v1/auth/factors/recovery-codes", &json!({}))
                .bearer(&token)
                .once("codes")
        },
        // They were made, and are shown once.
        also: Some(409),
        told: Some(Content::FactorAdded {
            factor: Factor::RecoveryCodes,
        }),
        is_done: |practice: &Practice| listed(practice, &token)["recovery_codes"]["left"] == json!(10),
        ends: None,
    }
    .sweep();
}

#[test]
fn confirming_a_number() {
    let (practice, ada) = Practice::open(60);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    let confirm = practice.sms_confirmation(&token, PHONE);
    let moment = Moment::after(&practice);
    Change {
        moment: &moment,
        request: |_: &Practice| confirm.clone(),
        // The password alone has begun this session, and changes nothing any more once there is a factor.
        also: Some(401),
        told: Some(Content::FactorAdded { factor: Factor::Sms }),
        is_done: |practice: &Practice| practice.password_alone(&zoe).status == 202,
        ends: None,
    }
    .sweep();
}

#[test]
fn proving_again() {
    let (practice, ada, token, _) = ada(61);
    practice.world.clock.advance(SignedDuration::from_mins(4));
    let moment = Moment::after(&practice);
    let is_fresh = |practice: &Practice, token: &str| {
        let listed = practice.send(&Call::get(FACTORS).bearer(token));
        listed.status == 200
    };
    assert!(!is_fresh(&practice, &token));
    let sweep = Sweep {
        moment: &moment,
        request: |practice: &Practice| {
            let body = json!({"totp": practice.code(&ada)});
            Call::post("/v1/auth/sessions/current/step-up", &body).bearer(&token)
        },
        // It has another token then, whether the answer that says it arrived or not.
        also: Some(401),
        look: |practice: &Practice, first: Option<&Answer>| {
            assert!(!is_fresh(practice, &token));
            assert!(first.is_none_or(|first| is_fresh(practice, &first.text("token"))));
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(!is_fresh(practice, &token));
            assert!(again.status == 401 || is_fresh(practice, &again.text("token")));
            assert!(first.is_none() || again.status == 401);
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Begun);
}

#[test]
fn changing_the_password() {
    let (practice, ada, token, other) = ada(62);
    let moment = Moment::after(&practice);
    Change {
        moment: &moment,
        request: |_: &Practice| {
            let body = json!({"current": ada.password, "new": "other walks 8"});
            Call::put("/v1/auth/password", &body).bearer(&token)
        },
        also: None,
        told: Some(Content::PasswordChanged),
        is_done: |practice: &Practice| {
            let new = practice.credentials(ada.email, "other walks 8", None);
            practice.send(&new).status == 202
        },
        ends: Some(&other),
    }
    .sweep();
}

#[test]
fn ending_all_other_sessions() {
    let (practice, _, token, other) = ada(63);
    let moment = Moment::after(&practice);
    Change {
        moment: &moment,
        request: |_: &Practice| Call::delete("/v1/auth/sessions").bearer(&token),
        also: None,
        told: None,
        is_done: |practice: &Practice| !practice.is_live(&other),
        ends: Some(&other),
    }
    .sweep();
}
