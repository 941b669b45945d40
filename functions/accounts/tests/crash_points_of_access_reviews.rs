//! Access reviews, broken off at every operation on a store in every way: repeated, what was begun is done, once, and the evidence
//! says so once.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::SignedDuration;
use practicekit::sweep::{Chain, Moment, Sweep};
use practicekit::{Person, Practice, messages};
use serde_json::{Value, json};
use testkit::{Answer, Call};

const REVIEWS: &str = "/v1/auth/access-reviews";

/// A clinic with its administrator, a clinician who also writes invoices, and a scheduler.
struct Clinic {
    practice: Practice,
    ada: Person,
    ben: String,
    secret: String,
}

fn clinic(seed: u64) -> Clinic {
    let (practice, ada) = Practice::open(seed);
    let token = practice.log_in(&ada).text("token");
    let body = json!({"email": "ben@example.org", "roles": ["clinician", "billing"]});
    let invited = practice.invite(&token, "an-invitation-of-ben", &body);
    let ben = practice.accept(&invited.text("token"), "eight ch").text("account_id");
    let identity = Call::post("/v1/auth/service-identities", &json!({"name": "jobs", "role": "job"}));
    let secret = practice.send(&identity.bearer(&token).once("jobs")).text("secret");
    messages();
    Clinic {
        practice,
        ada,
        ben,
        secret,
    }
}

fn ask(practice: &Practice, call: &Call, status: u16) -> Answer {
    let answer = practice.send(call);
    assert_eq!(answer.status, status, "{}", answer.json);
    answer
}

impl Clinic {
    fn begun(&self) -> String {
        let token = self.practice.log_in(&self.ada).text("token");
        let call = Call::post(REVIEWS, &json!({})).bearer(&token).once("a-review");
        ask(&self.practice, &call, 201).text("access_review_id")
    }

    /// The job's session lasts ten minutes: one is made in each case.
    fn run(&self, practice: &Practice) -> Call {
        let call = Call::post("/v1/auth/service-tokens", &json!({"secret": self.secret}));
        let token = ask(practice, &call, 201).text("token");
        Call::post(format!("{REVIEWS}/jobs/run"), &json!({})).bearer(&token)
    }
}

/// What happened in the one review that there is, oldest first; and whether it is closed.
fn evidence(practice: &Practice, token: &str) -> (Vec<String>, Value) {
    let listed = ask(practice, &Call::get(REVIEWS).bearer(token), 200).json;
    let [review] = &listed["access_reviews"].as_array().unwrap()[..] else {
        panic!("one review, not {listed}");
    };
    let path = format!("{REVIEWS}/{}/evidence", review["access_review_id"].as_str().unwrap());
    let read = ask(practice, &Call::get(path).bearer(token), 200).json;
    let outcome = |entry: &Value| entry["entry"]["outcome"].as_str().unwrap().to_owned();
    let outcomes = read["evidence"].as_array().unwrap().iter().rev().map(outcome).collect();
    (outcomes, review["state"].clone())
}

fn account(practice: &Practice, token: &str, account: &str) -> Value {
    ask(
        practice,
        &Call::get(format!("/v1/auth/accounts/{account}")).bearer(token),
        200,
    )
    .json
}

#[test]
fn beginning() {
    let clinic = clinic(731);
    let token = clinic.practice.log_in(&clinic.ada).text("token");
    let moment = Moment::after(&clinic.practice);
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::post(REVIEWS, &json!({})).bearer(&token).once("a-review"),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            if first.is_some() {
                assert_eq!(evidence(practice, &token), (vec!["begun".to_owned()], json!("open")));
            }
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json), "the same answer");
            assert_eq!(evidence(practice, &token), (vec!["begun".to_owned()], json!("open")));
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
            let other = Call::post(REVIEWS, &json!({})).bearer(&token).once("another");
            assert_eq!(practice.send(&other).problem(), Some("review-open"));
        },
    };
    sweep.run(Chain::Begun);
}

/// A decision, and what has become of Ben's account and of the evidence when it stands.
fn deciding(seed: u64, body: &Value, outcome: &str, is: impl Fn(&Value)) {
    let clinic = clinic(seed);
    let review = clinic.begun();
    let token = clinic.practice.log_in(&clinic.ada).text("token");
    let moment = Moment::after(&clinic.practice);
    let stands = |practice: &Practice| {
        let expected = vec!["begun".to_owned(), outcome.to_owned()];
        assert_eq!(evidence(practice, &token), (expected, json!("open")));
        is(&account(practice, &token, &clinic.ben));
    };
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::put(format!("{REVIEWS}/{review}/accounts/{}", clinic.ben), body).bearer(&token),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            if first.is_some() {
                stands(practice);
            }
        },
        verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| stands(practice),
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Begun);
}

#[test]
fn keeping() {
    deciding(732, &json!({"decision": "keep"}), "kept", |ben| {
        assert_eq!(ben["state"], "active")
    });
}

#[test]
fn narrowing() {
    let narrow = json!({"decision": "keep", "roles": ["clinician"], "reason": "writes no invoices"});
    deciding(733, &narrow, "kept", |ben| {
        assert_eq!(ben["roles"], json!(["clinician"]))
    });
}

#[test]
fn removing() {
    deciding(734, &json!({"decision": "remove"}), "removed", |ben| {
        assert_eq!(ben["state"], "deactivated");
    });
}

/// A decision whose request died and is not repeated is carried out by the job.
#[test]
fn the_job_carries_out_what_a_reviewer_began() {
    let clinic = clinic(735);
    let review = clinic.begun();
    let token = clinic.practice.log_in(&clinic.ada).text("token");
    let removal = Call::put(
        format!("{REVIEWS}/{review}/accounts/{}", clinic.ben),
        &json!({"decision": "remove"}),
    )
    .bearer(&token);
    practicekit::sweep::break_off(
        &clinic.practice,
        || clinic.practice.send(&removal),
        |_, case| {
            let path = format!("{REVIEWS}/{review}");
            let read = |practice: &Practice| {
                let read = ask(practice, &Call::get(&path).bearer(&token), 200).json;
                let accounts = read["accounts"].as_array().unwrap();
                accounts
                    .iter()
                    .find(|found| found["account_id"] == json!(clinic.ben))
                    .unwrap()
                    .clone()
            };
            let was_claimed = read(&clinic.practice).get("decision").is_some();
            clinic.practice.world.clock.advance(SignedDuration::from_secs(61));
            ask(&clinic.practice, &clinic.run(&clinic.practice), 200);
            let expected = if was_claimed { "deactivated" } else { "active" };
            assert_eq!(
                account(&clinic.practice, &token, &clinic.ben)["state"],
                expected,
                "{case}"
            );
            let (outcomes, _) = evidence(&clinic.practice, &token);
            assert_eq!(outcomes.len(), 1 + usize::from(was_claimed), "{case}");
            clinic.practice.world.clock.advance(SignedDuration::from_secs(-61));
        },
    );
}

#[test]
fn the_job_that_begins_and_tells() {
    let clinic = clinic(736);
    clinic.practice.world.clock.advance(SignedDuration::from_hours(91 * 24));
    let token = clinic.practice.log_in(&clinic.ada).text("token");
    let moment = Moment::after(&clinic.practice);
    let sweep = Sweep {
        moment: &moment,
        request: |practice: &Practice| {
            let stores = &practice.world.stores;
            let call = clinic.run(practice);
            stores.disarm();
            call
        },
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
            assert_eq!(evidence(practice, &token), (vec!["begun".to_owned()], json!("open")));
            assert_eq!(messages().len(), 1, "one administrator is told, once");
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Begun);
}

#[test]
fn the_job_that_lets_lapse_and_closes() {
    let clinic = clinic(737);
    clinic.begun();
    clinic.practice.world.clock.advance(SignedDuration::from_hours(14 * 24));
    let token = clinic.practice.log_in(&clinic.ada).text("token");
    let moment = Moment::after(&clinic.practice);
    let closed = ["begun", "own_identity", "lapsed", "last_administrator", "closed"].map(str::to_owned);
    let sweep = Sweep {
        moment: &moment,
        request: |practice: &Practice| {
            let call = clinic.run(practice);
            practice.world.stores.disarm();
            call
        },
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
            let (mut outcomes, state) = evidence(practice, &token);
            assert_eq!((outcomes.len(), &state), (5, &json!("closed")), "{outcomes:?}");
            // What failed at one account kept no other one waiting.
            outcomes[1..4].sort();
            let mut expected = closed.clone();
            expected[1..4].sort();
            assert_eq!(outcomes, expected);
            assert_eq!(account(practice, &token, &clinic.ben)["state"], "disabled");
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    sweep.run(Chain::Begun);
}
