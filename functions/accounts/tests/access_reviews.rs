//! Who still needs access: reviews from their beginning to their end.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::rc::Rc;

use jiff::SignedDuration;
use model::Function;
use notification::{Content, Recipient};
use ports::Clock;
use practicekit::{ADMIN, Person, Practice, messages, race};
use serde_json::{Value, json};
use testkit::{Answer, Call};

const REVIEWS: &str = "/v1/auth/access-reviews";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Somebody who was enrolled, and her account.
struct Member {
    person: Person,
    account: String,
}

fn enrol(practice: &Practice, token: &str, email: &'static str, roles: &Value) -> Member {
    let invited = practice.invite(token, email, &json!({"email": email, "roles": roles}));
    assert_eq!(invited.status, 201, "{}", invited.json);
    let accepted = practice.accept(&invited.text("token"), "eight ch");
    let member = Member {
        account: accepted.text("account_id"),
        person: Person::enrolled(email, "eight ch", &accepted),
    };
    practice.confirm(&member.person);
    member
}

/// A clinic with a clinician who also writes invoices, a privacy officer, an auditor, a client, and a scheduler.
struct Clinic {
    practice: Practice,
    ada: Person,
    ada_id: String,
    ben: Member,
    pia: Member,
    aud: Member,
    secret: String,
    scheduler: String,
}

fn ask(practice: &Practice, call: &Call, status: u16) -> Answer {
    let answer = practice.send(call);
    assert_eq!(answer.status, status, "{}", answer.json);
    answer
}

impl Clinic {
    fn of(practice: Practice, ada: Person) -> Self {
        practice.enrol_zoe(&ada);
        let token = practice.log_in(&ada).text("token");
        let ben = enrol(&practice, &token, "ben@example.org", &json!(["clinician", "billing"]));
        let pia = enrol(&practice, &token, "pia@example.org", &json!(["privacy_officer"]));
        let aud = enrol(&practice, &token, "aud@example.org", &json!(["auditor"]));
        let identity = Call::post(
            "/v1/auth/service-identities",
            &json!({"name": "scheduler", "role": "job"}),
        );
        let made = ask(&practice, &identity.bearer(&token).once("scheduler"), 201);
        let listed = ask(&practice, &Call::get("/v1/auth/accounts").bearer(&token), 200);
        let accounts = listed.json["accounts"].as_array().unwrap();
        let ada_id = accounts.iter().find(|account| account["email"] == ADMIN).unwrap()["account_id"].clone();
        messages();
        Self {
            ada_id: ada_id.as_str().unwrap().to_owned(),
            secret: made.text("secret"),
            scheduler: made.text("service_identity_id"),
            practice,
            ada,
            ben,
            pia,
            aud,
        }
    }

    fn open(seed: u64) -> Self {
        let (practice, ada) = Practice::open(seed);
        Self::of(practice, ada)
    }

    fn token(&self) -> String {
        self.practice.log_in(&self.ada).text("token")
    }

    fn ask(&self, call: &Call, status: u16) -> Answer {
        ask(&self.practice, call, status)
    }

    fn begin(&self) -> String {
        let call = Call::post(REVIEWS, &json!({})).bearer(&self.token()).once("a-review");
        self.ask(&call, 201).text("access_review_id")
    }

    fn job(&self) -> String {
        let call = Call::post("/v1/auth/service-tokens", &json!({"secret": self.secret}));
        self.ask(&call, 201).text("token")
    }

    /// What the job answers.
    fn run(&self) -> Value {
        self.ask(
            &Call::post(format!("{REVIEWS}/jobs/run"), &json!({})).bearer(&self.job()),
            200,
        )
        .json
    }

    fn put(&self, token: &str, review: &str, account: &str, body: &Value) -> Answer {
        self.practice.send(&put(token, review, account, body))
    }

    fn review(&self, review: &str) -> Value {
        self.ask(&Call::get(format!("{REVIEWS}/{review}")).bearer(&self.token()), 200)
            .json
    }

    /// What stands about an account in the review, and whether that is carried out.
    fn decision(&self, review: &str, account: &str) -> Value {
        let read = self.review(review);
        let accounts = read["accounts"].as_array().unwrap();
        let account = accounts
            .iter()
            .find(|found| found["account_id"] == account)
            .expect("in the review");
        assert!(
            account.get("decision").is_none() || account["carried_out"] == true,
            "{account}"
        );
        account.get("decision").cloned().unwrap_or(Value::Null)
    }

    /// The evidence, oldest first: what happened to whom.
    fn evidence(&self, review: &str) -> Vec<(String, String)> {
        let call = Call::get(format!("{REVIEWS}/{review}/evidence")).bearer(&self.token());
        let mut entries: Vec<_> = self.ask(&call, 200).json["evidence"].as_array().unwrap().clone();
        entries.reverse();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entry = |entry: &Value| (text(&entry["entry"]["outcome"]), text(&entry["entry"]["account_id"]));
        entries.iter().map(entry).collect()
    }

    fn state(&self, account: &str) -> Value {
        let call = Call::get(format!("/v1/auth/accounts/{account}")).bearer(&self.token());
        self.ask(&call, 200).json["state"].clone()
    }
}

fn put(token: &str, review: &str, account: &str, body: &Value) -> Call {
    Call::put(format!("{REVIEWS}/{review}/accounts/{account}"), body).bearer(token)
}

fn reviewers_told() -> Vec<String> {
    let mut told: Vec<String> = messages()
        .into_iter()
        .filter(|message| message.content == Content::AccessReview)
        .map(|message| match message.recipient {
            Recipient::Email(email) => email.expose().clone(),
            other => panic!("by e-mail, not {other:?}"),
        })
        .collect();
    told.sort();
    told
}

#[test]
fn it_holds_all_of_staff_and_no_client() {
    let clinic = Clinic::open(701);
    let review = clinic.begin();
    let read = clinic.review(&review);
    assert_eq!(
        (
            &read["access_review"]["state"],
            &read["access_review"]["lapse"],
            &read["access_review"]["begun_by"]
        ),
        (&json!("open"), &json!("suspend"), &json!(clinic.ada_id))
    );
    let accounts = read["accounts"].as_array().unwrap();
    let ids: Vec<_> = accounts
        .iter()
        .map(|account| account["account_id"].as_str().unwrap())
        .collect();
    let all = [
        &clinic.scheduler,
        &clinic.aud.account,
        &clinic.pia.account,
        &clinic.ben.account,
        &clinic.ada_id,
    ];
    assert_eq!(ids, all, "newest first");
    let ben = &accounts[3];
    assert_eq!(
        (&ben["roles"], &ben["state"]),
        (&json!(["clinician", "billing"]), &json!("active"))
    );
    assert_eq!(ben.get("last_log_in_at"), None, "never used");
    assert!(accounts[4]["last_log_in_at"].is_string() && accounts[4]["created_at"].is_string());
    assert_eq!(accounts[0]["display_name"], "scheduler");
    assert!(!read.to_string().contains('@'), "no address");

    // Whoever comes later is asked about in the next one.
    let late = enrol(
        &clinic.practice,
        &clinic.token(),
        "eve@example.org",
        &json!(["billing"]),
    );
    assert_eq!(clinic.review(&review)["accounts"].as_array().unwrap().len(), 5);
    let refused = clinic.put(&clinic.token(), &review, &late.account, &json!({"decision": "keep"}));
    assert_eq!(refused.problem(), Some("not-found"));

    let first = clinic.ask(
        &Call::get(format!("{REVIEWS}/{review}?limit=3")).bearer(&clinic.token()),
        200,
    );
    assert_eq!(
        first.json["accounts"].as_array().unwrap().len(),
        2,
        "three of staff, one of them too late"
    );
    let rest = format!("{REVIEWS}/{review}?limit=3&cursor={}", first.text("next"));
    let rest = clinic.ask(&Call::get(rest).bearer(&clinic.token()), 200);
    assert_eq!(
        (rest.json["accounts"].as_array().unwrap().len(), rest.json.get("next")),
        (3, None)
    );
}

#[test]
fn one_is_open_at_a_time_and_a_repeated_request_is_the_same() {
    let clinic = Clinic::open(702);
    let token = clinic.token();
    let begin = |body: &Value, key: &str| {
        clinic
            .practice
            .send(&Call::post(REVIEWS, body).bearer(&token).once(key))
    };
    for days in [json!(0), json!(61), json!(256), json!(-1), json!("14")] {
        let refused = begin(&json!({"due_in_days": days}), "one");
        assert!([400, 422].contains(&refused.status), "{}", refused.json);
    }
    let first = begin(&json!({"due_in_days": 30}), "one");
    assert_eq!(first.status, 201, "{}", first.json);
    let length = |answer: &Answer| {
        let at = |field: &str| answer.text(field).parse::<model::Timestamp>().unwrap();
        at("due_at").duration_since(at("begun_at"))
    };
    assert_eq!(length(&first), DAY * 30);
    assert_eq!(begin(&json!({"due_in_days": 30}), "one").json, first.json);
    assert_eq!(
        begin(&json!({"due_in_days": 31}), "one").problem(),
        Some("idempotency-key-reused")
    );
    assert_eq!(begin(&json!({}), "two").problem(), Some("review-open"));
    let listed = clinic.ask(&Call::get(REVIEWS).bearer(&token), 200);
    assert_eq!(listed.json["access_reviews"], json!([first.json]));
    assert_eq!(
        clinic.evidence(&first.text("access_review_id")),
        [("begun".to_owned(), String::new())]
    );
}

#[test]
fn who_may_what() {
    let clinic = Clinic::open(703);
    let review = clinic.begin();
    let pia = clinic.practice.log_in(&clinic.pia.person).text("token");
    let aud = clinic.practice.log_in(&clinic.aud.person).text("token");
    let ben = clinic.practice.log_in(&clinic.ben.person).text("token");
    let job = clinic.job();
    let reads = [
        Call::get(REVIEWS),
        Call::get(format!("{REVIEWS}/{review}")),
        Call::get(format!("{REVIEWS}/{review}/evidence")),
    ];
    for read in &reads {
        for (token, status) in [(&pia, 200), (&aud, 200), (&ben, 403), (&job, 403)] {
            clinic.ask(&read.clone().bearer(token), status);
        }
    }
    for (token, status) in [(&pia, 204), (&aud, 403), (&ben, 403), (&job, 403)] {
        let kept = clinic.put(token, &review, &clinic.ada_id, &json!({"decision": "keep"}));
        assert_eq!(kept.status, status, "{}", kept.json);
    }
    let run = Call::post(format!("{REVIEWS}/jobs/run"), &json!({}));
    for (token, status) in [(&pia, 403), (&clinic.token(), 403), (&job, 200)] {
        clinic.ask(&run.clone().bearer(token), status);
    }
    clinic.practice.world.clock.advance(SignedDuration::from_mins(6));
    for (body, problem) in [
        (json!({"decision": "keep"}), None),
        (
            json!({"decision": "keep", "roles": ["clinician"]}),
            Some("step-up-required"),
        ),
        (json!({"decision": "remove"}), Some("step-up-required")),
    ] {
        let answer = clinic.put(&pia, &review, &clinic.ben.account, &body);
        assert_eq!(answer.problem(), problem, "{body}: {}", answer.json);
    }
    assert_eq!(
        clinic
            .put("cfs_wrong", &review, &clinic.ben.account, &json!({"decision": "keep"}))
            .status,
        401
    );
    let elsewhere = model::AccessReviewId::from_bytes([9; 16]).to_string();
    let nowhere = clinic.put(
        &clinic.token(),
        &elsewhere,
        &clinic.ben.account,
        &json!({"decision": "keep"}),
    );
    assert_eq!(nowhere.problem(), Some("not-found"));
}

#[test]
fn keeping_narrowing_and_removing() {
    let clinic = Clinic::open(704);
    let review = clinic.begin();
    let token = clinic.token();
    let bens = clinic.practice.log_in(&clinic.ben.person).text("token");
    let decide = |body: Value| clinic.put(&token, &review, &clinic.ben.account, &body);
    let of_ben = |outcome: &str| (outcome.to_owned(), clinic.ben.account.clone());

    for _ in 0..2 {
        assert_eq!(decide(json!({"decision": "keep"})).status, 204);
    }
    assert!(clinic.practice.is_live(&bens));
    for (body, problem) in [
        (
            json!({"decision": "keep", "roles": ["clinician", "clinic_admin"]}),
            "roles-not-held",
        ),
        (json!({"decision": "keep", "roles": []}), "invalid-content"),
        (json!({"decision": "keep", "roles": ["client"]}), "invalid-content"),
        (json!({"decision": "remove", "roles": ["clinician"]}), "invalid-content"),
        (json!({"decision": "keep", "reason": ""}), "invalid-content"),
        (json!({"decision": "suspend"}), "malformed-request"),
        (json!({"decision": "keep", "until": 1}), "malformed-request"),
    ] {
        assert_eq!(decide(body.clone()).problem(), Some(problem), "{body}");
    }
    assert_eq!(clinic.evidence(&review).len(), 2, "what was refused is no evidence");

    let narrow = json!({"decision": "keep", "roles": ["clinician"], "reason": "writes no invoices"});
    for _ in 0..2 {
        assert_eq!(decide(narrow.clone()).status, 204);
    }
    assert!(!clinic.practice.is_live(&bens), "no session keeps roles that are gone");
    let stands = clinic.decision(&review, &clinic.ben.account);
    assert_eq!(
        (
            &stands["outcome"],
            &stands["roles"],
            &stands["reason"],
            &stands["by"],
            &stands["found"]["roles"]
        ),
        (
            &json!("kept"),
            &json!(["clinician"]),
            &json!("writes no invoices"),
            &json!(clinic.ada_id),
            &json!(["clinician", "billing"])
        )
    );
    let bens = clinic.practice.log_in(&clinic.ben.person);
    assert_eq!(bens.json["roles"], json!(["clinician"]));
    assert_eq!(
        decide(json!({"decision": "keep", "roles": ["clinician", "billing"]})).problem(),
        Some("roles-not-held"),
        "what was taken away does not come back"
    );
    messages();
    for _ in 0..2 {
        assert_eq!(decide(json!({"decision": "remove"})).status, 204);
    }
    assert!(!clinic.practice.is_live(&bens.text("token")), "at once");
    assert_eq!(clinic.state(&clinic.ben.account), "deactivated");
    assert_eq!(
        decide(json!({"decision": "keep"})).problem(),
        Some("account-deactivated")
    );
    let begun = ("begun".to_owned(), String::new());
    assert_eq!(
        clinic.evidence(&review),
        [begun, of_ben("kept"), of_ben("kept"), of_ben("removed")]
    );
    let told: Vec<Content> = messages().into_iter().map(|message| message.content).collect();
    assert_eq!(told, [Content::AccountDisabled]);
}

#[test]
fn nobody_decides_about_herself_and_the_last_administrator_stays() {
    let clinic = Clinic::open(705);
    let review = clinic.begin();
    let token = clinic.token();
    for body in [json!({"decision": "keep"}), json!({"decision": "remove"})] {
        assert_eq!(
            clinic.put(&token, &review, &clinic.ada_id, &body).problem(),
            Some("own-account")
        );
    }
    let pia = clinic.practice.log_in(&clinic.pia.person).text("token");
    let refused = clinic.put(&pia, &review, &clinic.ada_id, &json!({"decision": "remove"}));
    assert_eq!(refused.problem(), Some("last-administrator"));
    assert_eq!(clinic.decision(&review, &clinic.ada_id), Value::Null);
    assert_eq!(clinic.state(&clinic.ada_id), "active");
    // A service identity is closed like anybody's.
    assert_eq!(
        clinic
            .put(&pia, &review, &clinic.scheduler, &json!({"decision": "remove"}))
            .status,
        204
    );
    let call = Call::post("/v1/auth/service-tokens", &json!({"secret": clinic.secret}));
    assert_eq!(clinic.practice.send(&call).problem(), Some("invalid-secret"));
}

#[test]
fn all_decided_it_is_closed_and_the_next_one_begins_a_quarter_later() {
    let clinic = Clinic::open(706);
    let review = clinic.begin();
    let pia = clinic.practice.log_in(&clinic.pia.person).text("token");
    let token = clinic.token();
    let keep = json!({"decision": "keep"});
    for account in [
        &clinic.scheduler,
        &clinic.aud.account,
        &clinic.pia.account,
        &clinic.ben.account,
    ] {
        assert_eq!(clinic.put(&token, &review, account, &keep).status, 204);
    }
    assert_eq!(
        clinic.run(),
        json!({"began": false, "open": review, "more": false}),
        "one is left"
    );
    assert_eq!(clinic.put(&pia, &review, &clinic.ada_id, &keep).status, 204);
    assert_eq!(clinic.run(), json!({"began": false, "more": false}));
    let read = clinic.review(&review);
    assert_eq!(read["access_review"]["state"], "closed");
    assert!(read["access_review"]["closed_at"].is_string());
    let evidence = clinic.evidence(&review);
    assert_eq!((evidence.len(), evidence.last().unwrap().0.as_str()), (7, "closed"));
    assert_eq!(
        clinic.put(&token, &review, &clinic.ben.account, &keep).status,
        204,
        "what holds is the same"
    );
    let changed = clinic.put(
        &clinic.token(),
        &review,
        &clinic.ben.account,
        &json!({"decision": "remove"}),
    );
    assert_eq!(changed.problem(), Some("review-closed"));

    assert_eq!(clinic.run(), json!({"began": false, "more": false}));
    clinic.practice.world.clock.advance(DAY * 91);
    let next = clinic.run();
    assert_eq!(next["began"], true);
    assert_ne!(next["open"], json!(review));
    let listed = clinic.ask(&Call::get(REVIEWS).bearer(&clinic.token()), 200);
    let states: Vec<_> = listed.json["access_reviews"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].clone())
        .collect();
    assert_eq!(states, [json!("open"), json!("closed")]);
    let begun_by = &listed.json["access_reviews"][0]["begun_by"];
    assert_eq!(*begun_by, json!(clinic.scheduler));
}

#[test]
fn the_first_one_begins_a_quarter_after_the_clinic_was_opened() {
    let clinic = Clinic::open(707);
    assert_eq!(clinic.run(), json!({"began": false, "more": false}));
    clinic.practice.world.clock.advance(DAY * 91);
    let begun = clinic.run();
    assert_eq!(begun["began"], true);
    assert_eq!(
        clinic.run(),
        json!({"began": false, "open": begun["open"], "more": false})
    );
    assert_eq!(reviewers_told(), [ADMIN, "pia@example.org"], "once");
}

#[test]
fn those_who_decide_are_told_at_the_beginning_and_three_days_before_the_end() {
    let clinic = Clinic::open(708);
    clinic.begin();
    assert_eq!(reviewers_told(), [""; 0], "the job sends");
    // Where nobody takes messages the review goes on, and the next run tries again.
    clinic.practice.world.deploy(Function::Notify, &[]);
    clinic.run();
    practicekit::deploy_notify(&clinic.practice.world);
    for (days, told) in [(0, true), (0, false), (10, false), (1, true), (0, false), (2, false)] {
        clinic.practice.world.clock.advance(DAY * days);
        clinic.run();
        let expected: Vec<&str> = if told { vec![ADMIN, "pia@example.org"] } else { vec![] };
        assert_eq!(reviewers_told(), expected, "{}", clinic.practice.world.clock.now());
    }
}

#[test]
fn what_nobody_decides_about_lapses() {
    let clinic = Clinic::open(709);
    let review = clinic.begin();
    let token = clinic.token();
    assert_eq!(
        clinic
            .put(&token, &review, &clinic.aud.account, &json!({"decision": "keep"}))
            .status,
        204
    );
    clinic
        .practice
        .world
        .clock
        .advance(DAY * 14 - SignedDuration::from_mins(10));
    let bens = clinic.practice.log_in(&clinic.ben.person).text("token");
    clinic.run();
    assert!(clinic.practice.is_live(&bens), "not before it is due");
    clinic.practice.world.clock.advance(SignedDuration::from_mins(10));
    messages();
    assert_eq!(clinic.run(), json!({"began": false, "more": false}));
    assert!(!clinic.practice.is_live(&bens), "sessions end");
    let told: Vec<Content> = messages().into_iter().map(|message| message.content).collect();
    assert_eq!(
        told,
        [Content::AccountDisabled, Content::AccountDisabled],
        "Ben and Pia"
    );
    clinic.practice.world.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(
        clinic
            .practice
            .send(&clinic.practice.log_in_call(&clinic.ben.person))
            .status,
        401
    );
    for (account, outcome, state) in [
        (&clinic.scheduler, "own_identity", "active"),
        (&clinic.aud.account, "kept", "active"),
        (&clinic.pia.account, "lapsed", "disabled"),
        (&clinic.ben.account, "lapsed", "disabled"),
        (&clinic.ada_id, "last_administrator", "active"),
    ] {
        assert_eq!(clinic.decision(&review, account)["outcome"], outcome);
        assert_eq!(clinic.state(account), state);
    }
    let evidence = clinic.evidence(&review);
    assert_eq!(evidence.len(), 7, "{evidence:?}");
    assert_eq!(clinic.review(&review)["access_review"]["state"], "closed");
}

#[test]
fn a_lapsed_account_is_restored_by_an_administrator_and_that_is_evidence() {
    let clinic = Clinic::open(710);
    let review = clinic.begin();
    let keep = json!({"decision": "keep"});
    let decided = clinic.put(&clinic.token(), &review, &clinic.pia.account, &keep);
    assert_eq!(decided.status, 204);
    clinic.practice.world.clock.advance(DAY * 14);
    clinic.run();
    let pia = clinic.practice.log_in(&clinic.pia.person).text("token");
    assert_eq!(
        clinic.put(&pia, &review, &clinic.ben.account, &keep).problem(),
        Some("access-denied"),
        "to let somebody in is administration"
    );
    let restore = json!({"decision": "keep", "roles": ["clinician"], "reason": "was on leave"});
    let token = clinic.token();
    for _ in 0..2 {
        let restored = clinic.put(&token, &review, &clinic.ben.account, &restore);
        assert_eq!(restored.status, 204, "{}", restored.json);
    }
    assert_eq!(
        clinic.practice.log_in(&clinic.ben.person).json["roles"],
        json!(["clinician"])
    );
    assert_eq!(
        clinic
            .put(&pia, &review, &clinic.aud.account, &json!({"decision": "remove"}))
            .status,
        204
    );
    let evidence = clinic.evidence(&review);
    let last: Vec<&str> = evidence
        .iter()
        .rev()
        .take(3)
        .map(|(outcome, _)| outcome.as_str())
        .collect();
    assert_eq!(last, ["removed", "restored", "closed"]);
}

#[test]
fn a_clinic_may_let_nothing_lapse() {
    let clinic = Clinic::open(711);
    let settings = json!({"self_registration": false, "access_review_lapse": "none"});
    clinic.ask(
        &Call::put("/v1/auth/clinic/settings", &settings).bearer(&clinic.token()),
        204,
    );
    let review = clinic.begin();
    let back = json!({"self_registration": false, "access_review_lapse": "suspend"});
    clinic.ask(
        &Call::put("/v1/auth/clinic/settings", &back).bearer(&clinic.token()),
        204,
    );
    clinic.practice.world.clock.advance(DAY * 14);
    clinic.run();
    for account in [&clinic.ben.account, &clinic.ada_id, &clinic.scheduler] {
        assert_eq!(
            clinic.decision(&review, account)["outcome"],
            "undecided",
            "as it was when it began"
        );
        assert_eq!(clinic.state(account), "active");
    }
    assert_eq!(clinic.review(&review)["access_review"]["state"], "closed");
}

#[test]
fn what_was_closed_before_is_said_so() {
    let clinic = Clinic::open(712);
    let path = |what: &str| format!("/v1/auth/accounts/{}/{what}", clinic.ben.account);
    let reason = json!({"reason": "on leave"});
    clinic.ask(&Call::post(path("disable"), &reason).bearer(&clinic.token()), 204);
    let review = clinic.begin();
    clinic.practice.world.clock.advance(DAY * 14);
    clinic.run();
    assert_eq!(
        clinic.decision(&review, &clinic.ben.account)["outcome"],
        "closed_before"
    );
    let kept = clinic.put(
        &clinic.token(),
        &review,
        &clinic.ben.account,
        &json!({"decision": "keep"}),
    );
    assert_eq!(kept.problem(), Some("review-closed"));
    assert_eq!(clinic.state(&clinic.ben.account), "disabled");
}

/// A run that runs out of time goes on where it stopped, and closes the review only when all were looked at.
#[test]
fn a_run_that_runs_out_of_time_says_that_there_is_more() {
    let clinic = Rc::new(Clinic::open(713));
    let review = clinic.begin();
    clinic.practice.world.clock.advance(DAY * 14);
    let call = Call::post(format!("{REVIEWS}/jobs/run"), &json!({})).bearer(&clinic.job());
    let stores = &clinic.practice.world.stores;
    stores.disarm();
    let dump = stores.dump();
    clinic.ask(&call, 200);
    let operations = stores.operations();
    let mut unfinished = 0;
    for nth in (0..operations).step_by(7) {
        stores.restore(&dump);
        let before = clinic.practice.world.clock.now();
        let slow = Rc::clone(&clinic);
        stores.meanwhile(nth, move || {
            slow.practice.world.clock.advance(SignedDuration::from_secs(16))
        });
        let first = clinic.ask(&call, 200);
        stores.disarm();
        if first.json["more"] == true {
            unfinished += 1;
            assert_eq!(first.json["open"], json!(review));
            assert_eq!(clinic.ask(&call, 200).json["more"], false);
        }
        // A run may come to an end before that operation.
        let clock = &clinic.practice.world.clock;
        clock.advance(before.duration_since(clock.now()));
    }
    assert!(unfinished > 0);
    assert_eq!(clinic.evidence(&review).len(), 7);
}

/// Two who decide at once, at every operation: a removal goes through whatever comes between, but while the other one makes the
/// document of the account.
#[test]
fn of_two_reviewers_at_once_both_are_heard() {
    let set_up = |practice: &Practice, ada: &Person, remove: bool| {
        let token = practice.log_in(ada).text("token");
        let ben = enrol(practice, &token, "ben@example.org", &json!(["clinician"]));
        let pia = enrol(practice, &token, "pia@example.org", &json!(["privacy_officer"]));
        let begun = ask(
            practice,
            &Call::post(REVIEWS, &json!({})).bearer(&token).once("a-review"),
            201,
        );
        let review = begun.text("access_review_id");
        let pias = practice.log_in(&pia.person).text("token");
        let (keep, removal) = (json!({"decision": "keep"}), json!({"decision": "remove"}));
        let (one, other) = if remove { (removal, keep) } else { (keep, removal) };
        (
            put(&token, &review, &ben.account, &one),
            put(&pias, &review, &ben.account, &other),
        )
    };
    for remove in [true, false] {
        race(
            714,
            |practice, ada| set_up(practice, ada, remove),
            |nth, one, other| {
                let statuses = [Some(one), other].map(|answer| answer.map_or(0, |answer| answer.status));
                assert!(
                    statuses.iter().all(|status| [0, 204, 409, 503].contains(status)),
                    "{nth}: {statuses:?}"
                );
                let removal = usize::from(!remove);
                assert!(
                    [0, 204, 503].contains(&statuses[removal]),
                    "{nth}: a removal is never refused: {statuses:?}"
                );
            },
        );
    }
}

/// The job within the decision, at every operation of that: it lets the account lapse and closes the review. A kept account is never
/// left closed, and nothing but a restoration comes after the end.
#[test]
fn a_lapse_within_a_decision_is_restored() {
    let clinic = Rc::new(Clinic::open(716));
    let review = clinic.begin();
    clinic.practice.world.clock.advance(DAY * 14);
    let token = clinic.token();
    let run = Call::post(format!("{REVIEWS}/jobs/run"), &json!({})).bearer(&clinic.job());
    let (start, stored) = (clinic.practice.world.clock.now(), clinic.practice.world.stores.dump());
    let mut restored = 0;
    for body in [
        json!({"decision": "keep"}),
        json!({"decision": "keep", "roles": ["clinician"]}),
    ] {
        let decide = put(&token, &review, &clinic.ben.account, &body);
        for nth in 0.. {
            let clock = &clinic.practice.world.clock;
            clock.advance(start.duration_since(clock.now()));
            clinic.practice.world.stores.restore(&stored);
            let (rival, run) = (Rc::clone(&clinic), run.clone());
            clinic.practice.world.stores.meanwhile(nth, move || {
                let ran = rival.practice.send(&run);
                assert!([200, 409, 503].contains(&ran.status), "{nth}: {}", ran.json);
            });
            let decided = clinic.practice.send(&decide);
            let crossed = clinic.practice.world.stores.operations() > nth;
            clinic.practice.world.stores.disarm();
            if !crossed {
                break;
            }
            assert!([204, 503].contains(&decided.status), "{nth}: {}", decided.json);
            clinic.practice.world.clock.advance(SignedDuration::from_secs(61));
            clinic.run();
            let (stands, state) = (
                clinic.decision(&review, &clinic.ben.account),
                clinic.state(&clinic.ben.account),
            );
            let held = (stands["outcome"].as_str().unwrap(), state.as_str().unwrap());
            let expected: &[(&str, &str)] = match decided.status {
                204 => &[("kept", "active"), ("restored", "active")],
                _ => &[("kept", "active"), ("restored", "active"), ("lapsed", "disabled")],
            };
            assert!(expected.contains(&held), "{nth}: {held:?}");
            restored += usize::from(held.0 == "restored");
            let evidence = clinic.evidence(&review);
            let after = evidence.iter().skip_while(|(outcome, _)| outcome != "closed").skip(1);
            assert!(
                after.clone().all(|(outcome, _)| outcome == "restored"),
                "{nth}: {evidence:?}"
            );
        }
    }
    assert!(restored > 0);
}

/// The job closes the review while a decision is recorded that would change another one: that comes too late.
#[test]
fn a_review_that_closes_meanwhile_takes_no_decision() {
    let clinic = Rc::new(Clinic::open(717));
    let review = clinic.begin();
    let (keep, remove) = (json!({"decision": "keep"}), json!({"decision": "remove"}));
    let kept = clinic.put(&clinic.token(), &review, &clinic.ben.account, &keep);
    assert_eq!(kept.status, 204, "{}", kept.json);
    clinic.practice.world.clock.advance(DAY * 14);
    let decide = put(&clinic.token(), &review, &clinic.ben.account, &remove);
    let run = Call::post(format!("{REVIEWS}/jobs/run"), &json!({})).bearer(&clinic.job());
    let stores = &clinic.practice.world.stores;
    let stored = stores.dump();
    stores.disarm();
    assert_eq!(clinic.practice.send(&decide).status, 204);
    let trace = stores.trace();
    let claimed = trace
        .iter()
        .position(|operation| operation.starts_with("accounts swap"));
    let before = trace.iter().take(claimed.unwrap());
    let recorded = before
        .collect::<Vec<_>>()
        .iter()
        .rposition(|operation| operation.starts_with("audit "));
    stores.restore(&stored);
    let rival = Rc::clone(&clinic);
    stores.meanwhile(recorded.unwrap(), move || {
        assert_eq!(rival.practice.send(&run).json, json!({"began": false, "more": false}));
    });
    let decided = clinic.practice.send(&decide);
    stores.disarm();
    assert_eq!(decided.problem(), Some("review-closed"), "{}", decided.json);
    assert_eq!(clinic.evidence(&review).last().unwrap().0, "closed");
    assert_eq!(clinic.state(&clinic.ben.account), "active");
}

/// A decision that crosses with the lapse, at every operation of the job: a kept account is never left closed.
#[test]
fn a_decision_and_the_lapse_never_both_hold() {
    let clinic = Rc::new(Clinic::open(715));
    let review = clinic.begin();
    clinic.practice.world.clock.advance(DAY * 14);
    let token = clinic.token();
    let decide = put(&token, &review, &clinic.ben.account, &json!({"decision": "keep"}));
    let run = Call::post(format!("{REVIEWS}/jobs/run"), &json!({})).bearer(&clinic.job());
    let (start, stored) = (clinic.practice.world.clock.now(), clinic.practice.world.stores.dump());
    for nth in 0.. {
        let clock = &clinic.practice.world.clock;
        clock.advance(start.duration_since(clock.now()));
        clinic.practice.world.stores.restore(&stored);
        let (rival, decide) = (Rc::clone(&clinic), decide.clone());
        let heard = Rc::new(std::cell::RefCell::new(None));
        let answer = Rc::clone(&heard);
        clinic.practice.world.stores.meanwhile(nth, move || {
            *answer.borrow_mut() = Some(rival.practice.send(&decide).status);
        });
        let ran = clinic.practice.send(&run);
        let crossed = clinic.practice.world.stores.operations() > nth;
        clinic.practice.world.stores.disarm();
        if !crossed {
            return;
        }
        assert!([200, 409, 503].contains(&ran.status), "{nth}: {}", ran.json);
        clinic.practice.world.clock.advance(SignedDuration::from_secs(61));
        clinic.run();
        let (stands, state) = (
            clinic.decision(&review, &clinic.ben.account),
            clinic.state(&clinic.ben.account),
        );
        let held = (stands["outcome"].as_str().unwrap(), state.as_str().unwrap());
        let heard = heard.borrow().unwrap();
        assert!([204, 503].contains(&heard), "{nth}: {heard}");
        let expected: &[(&str, &str)] = match heard {
            // Before the lapse, or after it, as a restoration.
            204 => &[("kept", "active"), ("restored", "active")],
            _ => &[("lapsed", "disabled")],
        };
        assert!(expected.contains(&held), "{nth}: {held:?}");
        let evidence = clinic.evidence(&review);
        let of_ben = evidence.iter().filter(|(_, account)| *account == clinic.ben.account);
        assert_eq!(
            of_ben.count(),
            if held.0 == "restored" { 2 } else { 1 },
            "{nth}: {evidence:?}"
        );
    }
}
