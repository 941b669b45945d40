//! Whole requests against the function on a platform in memory.

mod care_teams;
mod emergencies;
mod explanations;
mod fhir;
mod grounds;
mod proofs;
mod recipients;
mod representatives;
mod restrictions;
mod shared_files;
mod supersession;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use jiff::SignedDuration;
use model::{AccountId, ClientId, ClinicId, ConsentId, Function, NoticeId, Role, Timestamp};
use ports::{Clock, EntropyExt};
use serde_json::{Value, json};
use testkit::{Answer, Call, Fault, SeededEntropy, World, log_in, survive};

use crate::ROUTES;

pub(crate) struct Staff {
    pub(crate) account: AccountId,
    pub(crate) token: String,
}

/// What there is at one time.
struct Moment {
    now: Timestamp,
    stored: Vec<(String, String, Vec<u8>)>,
}

/// A clinic with somebody in every role that comes here.
pub(crate) struct Practice {
    pub(crate) world: World,
    pub(crate) clinic: ClinicId,
    pub(crate) clinician: Staff,
    colleague: Staff,
    pub(crate) admin: Staff,
    pub(crate) officer: Staff,
}

impl Practice {
    /// A clinic that has said which laws it is under: all of them.
    pub(crate) fn new() -> Self {
        let practice = Self::unsaid();
        let said = practice.as_admin(Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction()));
        assert_eq!(said.status, 201, "{}", said.json);
        practice
    }

    /// A clinic that has not said so yet.
    pub(crate) fn unsaid() -> Self {
        let world = World::new(7);
        let clinic = world.entropy.id();
        let staff = |role| {
            let account = world.entropy.id();
            let token = log_in(&world, &[role], clinic, account, None);
            Staff { account, token }
        };
        Self {
            clinician: staff(Role::Clinician),
            colleague: staff(Role::Clinician),
            admin: staff(Role::ClinicAdmin),
            officer: staff(Role::PrivacyOfficer),
            clinic,
            world,
        }
    }

    pub(crate) fn send(&self, call: &Call) -> Answer {
        let response = self.world.serve(Function::Consent, &ROUTES, &call.request());
        let answer = Answer::from(response);
        assert!(answer.status != 500, "{:?} {:?}", answer.json, self.world.log());
        answer
    }

    pub(crate) fn as_clinician(&self, call: Call) -> Answer {
        self.send(&call.bearer(&self.clinician.token))
    }

    pub(crate) fn as_admin(&self, call: Call) -> Answer {
        self.send(&call.bearer(&self.admin.token))
    }

    /// Somebody else of the clinic.
    fn somebody(&self, role: Role) -> Staff {
        let account = self.world.entropy.id();
        Staff {
            token: self.token(role, account),
            account,
        }
    }

    fn token(&self, role: Role, account: AccountId) -> String {
        log_in(&self.world, &[role], self.clinic, account, None)
    }

    /// An account of the client's own.
    fn own(&self, client: &str) -> Staff {
        let account = self.world.entropy.id();
        let client = Some(client.parse().unwrap());
        let token = log_in(&self.world, &[Role::Client], self.clinic, account, client);
        Staff { account, token }
    }

    /// Everything as it is now, to come back to: opening a practice anew costs each case more than the case.
    fn moment(&self) -> Moment {
        Moment {
            now: self.world.clock.now(),
            stored: self.world.stores.dump(),
        }
    }

    fn return_to(&mut self, moment: &Moment) {
        self.world.stores.restore(&moment.stored);
        let since = moment.now.duration_since(self.world.clock.now());
        self.world.clock.advance(since);
        // The same in every case, so that all of them have the same operations, and another stream than the one before the moment: an
        // event whose id came again would not be appended again.
        self.world.entropy = SeededEntropy::new(0xc4a5);
    }

    /// Lets time pass, after which the staff log in again.
    fn later(&mut self, duration: SignedDuration) {
        self.world.clock.advance(duration);
        self.clinician.token = self.token(Role::Clinician, self.clinician.account);
        self.colleague.token = self.token(Role::Clinician, self.colleague.account);
        self.admin.token = self.token(Role::ClinicAdmin, self.admin.account);
        self.officer.token = self.token(Role::PrivacyOfficer, self.officer.account);
    }

    /// Sends what has to succeed.
    #[track_caller]
    fn accepted(&self, token: &str, call: Call) -> Answer {
        let answer = self.send(&call.bearer(token));
        assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.json);
        assert!(answer.header("audit-id").is_some());
        answer
    }

    /// Sends what has to be refused, and looks that nothing changed but the trail.
    #[track_caller]
    fn refused(&self, token: &str, call: Call, status: u16, problem: &str) -> Answer {
        let before = self.kept();
        let answer = self.send(&call.bearer(token));
        assert_refused(&answer, status, problem);
        assert!(self.kept() == before, "a refusal changed something");
        answer
    }

    /// As [`Practice::refused`], for a rule that the body breaks.
    #[track_caller]
    fn violated(&self, token: &str, call: Call, field: &str, rule: &str) {
        let answer = self.refused(token, call, 422, "invalid-content");
        assert_violates(&answer, field, rule);
    }

    /// What there is besides the trail and the sessions, which every request touches.
    fn kept(&self) -> Vec<(String, String, Vec<u8>)> {
        let mut kept = self.world.stores.dump();
        kept.retain(|(store, _, _)| store != "audit" && store != "sessions");
        kept
    }

    /// The rule by which every function decides about such a request now.
    #[track_caller]
    fn rule(&self, client: &str, account: AccountId, question: &str) -> String {
        let path = format!("/v1/consent/clients/{client}/access/explain?account_id={account}&{question}");
        let answer = self.send(&Call::get(path).bearer(&self.officer.token));
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.text("rule")
    }

    /// The rule by which it is decided whether somebody who treats may read health records now.
    #[track_caller]
    fn reading(&self, client: &str, staff: &Staff) -> String {
        self.rule(client, staff.account, "role=clinician&action=read&class=health")
    }

    pub(crate) fn open(&self, key: &str) -> String {
        let opened = self.as_clinician(Call::post("/v1/consent/clients", &json!({})).once(key));
        assert_eq!(opened.status, 201, "{}", opened.json);
        opened.text("client_id")
    }

    pub(crate) fn publish(&self, key: &str) -> String {
        let published = self.as_admin(Call::post("/v1/consent/notices", &notice()).once(key));
        assert_eq!(published.status, 201, "{}", published.json);
        published.text("notice_id")
    }

    pub(crate) fn give(&self, client: &str, key: &str, terms: &Value) -> Answer {
        self.as_clinician(Call::post(format!("/v1/consent/clients/{client}/consents"), terms).once(key))
    }

    /// Somebody whom a court has appointed to act for the client.
    fn guardian(&self, client: &str) -> String {
        let guardian = self.colleague.account.to_string();
        let path = format!("/v1/consent/clients/{client}/representatives/{guardian}");
        let named = self.as_admin(Call::put(
            &path,
            &json!({"authority": "guardian", "verification": "order"}),
        ));
        assert_eq!(named.status, 204, "{}", named.json);
        guardian
    }

    fn withdraw(&self, client: &str, consent: &str) -> Answer {
        self.as_clinician(Call::post(
            format!("/v1/consent/clients/{client}/consents/{consent}/withdraw"),
            &json!({"reason": "SECRET moved away"}),
        ))
    }

    fn file(&self, client: &str) -> Value {
        self.as_admin(Call::get(format!("/v1/consent/clients/{client}"))).json
    }

    /// The events of the ledger, oldest first.
    fn events(&self, client: &str) -> Vec<String> {
        let list = self.as_admin(Call::get(format!("/v1/consent/clients/{client}/consents")));
        assert_eq!(list.status, 200, "{}", list.json);
        let entries = list.json["entries"].as_array().unwrap();
        entries
            .iter()
            .rev()
            .map(|entry| entry["event"].as_str().unwrap().to_owned())
            .collect()
    }

    fn member(&self, client: &str, account: AccountId) -> String {
        format!("/v1/consent/clients/{client}/care-team/{account}")
    }
}

pub(crate) fn notice() -> Value {
    let mut notice = testkit::notice(&["TREAT", "PATADMIN"], &["identity", "health"]);
    notice["text"] = json!("We keep \"notes\" of sessions – and nothing else.\n");
    notice
}

pub(crate) fn terms(notice: &str) -> Value {
    json!({"notice_id": notice, "language": "en", "purposes": ["TREAT"], "classes": ["identity", "health"],
        "given_by": "client", "method": "written"})
}

#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, problem: &str) {
    assert_eq!(
        (answer.status, answer.problem()),
        (status, Some(problem)),
        "{}",
        answer.json
    );
    assert!(!answer.json.to_string().contains("SECRET"), "{}", answer.json);
}

#[track_caller]
pub(crate) fn assert_violates(answer: &Answer, field: &str, rule: &str) {
    assert_refused(answer, 422, "invalid-content");
    let errors = answer.json["errors"].as_array().unwrap();
    assert!(
        errors
            .iter()
            .any(|error| error["field"] == field && error["rule"] == rule),
        "{}",
        answer.json
    );
}

#[test]
fn a_consent_from_notice_to_withdrawal() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let given = practice.give(&client, "give", &terms(&notice_id));
    assert_eq!(given.status, 201, "{}", given.json);
    assert!(given.header("audit-id").is_some());
    let consent = given.text("consent_id");
    assert_eq!(
        given.json,
        json!({"consent_id": consent, "notice_id": notice_id, "notice_sha256": given.text("notice_sha256"), "language": "en",
            "purposes": ["TREAT"], "classes": ["identity", "health"], "given_by": "client", "method": "written",
            "given_at": "2026-12-01T08:00:00Z", "recorded_by": practice.clinician.account.to_string(),
            "receipt": given.text("receipt")})
    );
    assert_eq!(
        practice.file(&client),
        json!({"client_id": client,
            "care_team": [{"account_id": practice.clinician.account.to_string(), "role": "treating", "since": "2026-12-01T08:00:00Z"}],
            "representatives": [], "grounds": [], "restrictions": [],
            "consents": [{"consent_id": consent, "notice_id": notice_id, "purposes": ["TREAT"], "classes": ["identity", "health"]}]})
    );

    practice.world.clock.advance(SignedDuration::from_mins(5));
    let withdrawn = practice.withdraw(&client, &consent);
    assert_eq!(withdrawn.status, 200);
    assert_eq!(
        withdrawn.json,
        json!({"consent_id": consent, "withdrawn_at": "2026-12-01T08:05:00Z", "receipt": withdrawn.text("receipt")})
    );
    assert_eq!(practice.file(&client)["consents"], json!([]));
    practice.world.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(practice.withdraw(&client, &consent).json, withdrawn.json);
    assert_eq!(practice.events(&client), ["joined_care_team", "given", "withdrawn"]);

    let one = practice.as_clinician(Call::get(format!("/v1/consent/clients/{client}/consents/{consent}")));
    assert_eq!(one.text("withdrawn_at"), "2026-12-01T08:05:00Z");
    // The same request again tells what it did, and brings nothing back.
    let again = practice.give(&client, "give", &terms(&notice_id));
    assert_eq!((again.status, &again.json), (201, &given.json));
    assert_eq!(practice.file(&client)["consents"], json!([]));
    assert_eq!(practice.events(&client).len(), 3);
}

#[test]
fn the_ledger_comes_in_pages() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    for number in 0..30 {
        assert_eq!(
            practice
                .give(&client, &format!("give {number}").replace(' ', "-"), &terms(&notice_id))
                .status,
            201
        );
    }
    let mut seen = Vec::new();
    let mut target = format!("/v1/consent/clients/{client}/consents?limit=7");
    loop {
        let page = practice.as_clinician(Call::get(&target));
        seen.extend(page.json["entries"].as_array().unwrap().clone());
        let Some(next) = page.json["next"].as_str() else { break };
        target = format!("/v1/consent/clients/{client}/consents?limit=7&cursor={next}");
    }
    assert_eq!(seen.len(), 31);
    let ids: BTreeSet<_> = seen.iter().map(|entry| entry["consent_id"].to_string()).collect();
    assert_eq!(ids.len(), 31);
    assert_eq!(seen[30]["event"], "joined_care_team");
    let last = practice.as_clinician(Call::get(format!("/v1/consent/clients/{client}/consents?limit=31")));
    assert_eq!(last.json["next"], Value::Null);
    let none = practice.as_clinician(Call::get(format!("/v1/consent/clients/{client}/consents?limit=0")));
    assert_refused(&none, 400, "malformed-request");
}

#[test]
fn consent_stays_within_its_notice() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let elsewhere = practice.world.entropy.id::<model::kind::Notice>().to_string();
    for (field, value, at, rule) in [
        ("notice_id", json!(elsewhere), "/notice_id", "notice"),
        ("language", json!("de"), "/language", "as-notice"),
        ("purposes", json!(["TREAT", "HRESCH"]), "/purposes", "as-notice"),
        ("purposes", json!(["HMARKT"]), "/purposes", "as-notice"),
        ("purposes", json!([]), "/purposes", "selection"),
        ("purposes", json!(["TREAT", "TREAT"]), "/purposes", "selection"),
        ("classes", json!(["health", "billing"]), "/classes", "as-notice"),
        ("classes", json!([]), "/classes", "selection"),
        ("expires_at", json!("2026-12-01T08:00:00Z"), "/expires_at", "future"),
    ] {
        let mut terms = terms(&notice_id);
        terms[field] = value;
        assert_violates(&practice.give(&client, "give", &terms), at, rule);
    }
    for (field, value) in [
        ("mood", json!("SECRET")),
        ("method", json!("SECRET")),
        ("purposes", json!(["SECRET"])),
        ("expires_at", json!("2026-SECRET")),
        ("notice_id", json!("ntc_SECRET")),
    ] {
        let mut terms = terms(&notice_id);
        terms[field] = value;
        assert_refused(&practice.give(&client, "give", &terms), 400, "malformed-request");
    }
    let without_key = Call::post(format!("/v1/consent/clients/{client}/consents"), &terms(&notice_id));
    assert_refused(&practice.as_clinician(without_key), 400, "malformed-request");
    assert_eq!(practice.events(&client), ["joined_care_team"]);
    assert_eq!(practice.file(&client)["consents"], json!([]));

    let missing = practice.world.entropy.id::<model::kind::Consent>().to_string();
    assert_refused(&practice.withdraw(&client, &missing), 404, "not-found");
}

#[test]
fn consent_ends_with_its_time() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let mut short = terms(&notice_id);
    short["expires_at"] = json!("2026-12-01T08:10:00Z");
    assert_eq!(practice.give(&client, "short", &short).status, 201);
    assert_eq!(practice.file(&client)["consents"].as_array().unwrap().len(), 1);
    practice.world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(practice.file(&client)["consents"], json!([]));
    // Too late to be given anew, and yet the same request gets the same answer.
    assert_eq!(practice.give(&client, "short", &short).status, 201);
    assert_violates(&practice.give(&client, "other", &short), "/expires_at", "future");
}

#[test]
fn live_consents_are_bounded() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let mut first = String::new();
    for number in 0..64 {
        let given = practice.give(&client, &format!("give-{number}"), &terms(&notice_id));
        assert_eq!(given.status, 201);
        first = given.text("consent_id");
    }
    assert_refused(
        &practice.give(&client, "give-64", &terms(&notice_id)),
        409,
        "too-many-consents",
    );
    assert_eq!(practice.give(&client, "give-63", &terms(&notice_id)).status, 201);
    assert_eq!(practice.withdraw(&client, &first).status, 200);
    assert_eq!(practice.give(&client, "give-64", &terms(&notice_id)).status, 201);
}

#[test]
fn a_key_stands_for_one_request() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let given = practice.give(&client, "give", &terms(&notice_id));
    assert_eq!(practice.give(&client, "give", &terms(&notice_id)).json, given.json);
    let mut other = terms(&notice_id);
    other["method"] = json!("electronic");
    assert_refused(&practice.give(&client, "give", &other), 422, "idempotency-key-reused");
    assert_ne!(
        practice.give(&client, "another", &other).text("consent_id"),
        given.text("consent_id")
    );
    assert_eq!(practice.events(&client), ["joined_care_team", "given", "given"]);
    assert_eq!(practice.open("open"), client);
    assert_ne!(practice.open("open-other"), client);
    let mut other = notice();
    other["title"] = json!("Another");
    let reused = practice.as_admin(Call::post("/v1/consent/notices", &other).once("notice"));
    assert_refused(&reused, 422, "idempotency-key-reused");
}

#[test]
fn opening_a_file_says_and_takes_nothing_about_anybody() {
    let practice = Practice::new();
    let named = practice.as_clinician(Call::post("/v1/consent/clients", &json!({"name": "SECRET"})).once("open"));
    assert_refused(&named, 400, "malformed-request");
    let opened = practice.as_admin(Call::post("/v1/consent/clients", &json!({})).once("open"));
    assert_eq!(opened.json.as_object().unwrap().len(), 1);
    let client = opened.text("client_id");
    assert_eq!(
        opened.header("location"),
        Some(format!("/v1/consent/clients/{client}").as_str())
    );
    // Who runs the clinic treats nobody.
    assert_eq!(practice.file(&client)["care_team"], json!([]));
    for role in [
        Role::Client,
        Role::PrivacyOfficer,
        Role::Billing,
        Role::Security,
        Role::Auditor,
    ] {
        let token = log_in(
            &practice.world,
            &[role],
            practice.clinic,
            practice.world.entropy.id(),
            None,
        );
        let refused = practice.send(
            &Call::post("/v1/consent/clients", &json!({}))
                .once("open")
                .bearer(&token),
        );
        assert_refused(&refused, 403, "access-denied");
    }
    let nobody = practice.send(&Call::post("/v1/consent/clients", &json!({})).once("open"));
    assert_refused(&nobody, 401, "unauthenticated");
}

#[test]
fn a_retry_does_not_bring_a_care_team_back() {
    let practice = Practice::new();
    let client = practice.open("open");
    let path = practice.member(&client, practice.clinician.account);
    assert_eq!(practice.as_admin(Call::delete(&path)).status, 204);
    assert_eq!(practice.open("open"), client);
    assert_eq!(practice.file(&client)["care_team"], json!([]));
    assert_eq!(practice.events(&client), ["joined_care_team", "left_care_team"]);
}

/// Every request about a client, none of which may succeed for somebody without a right to her.
fn requests(practice: &Practice, client: &str, consent: &str, notice: &str) -> Vec<Call> {
    let base = format!("/v1/consent/clients/{client}");
    let member = practice.member(client, practice.colleague.account);
    vec![
        Call::get(&base),
        Call::get(format!("{base}/consents")),
        Call::get(format!("{base}/consents/{consent}")),
        Call::get(format!("{base}/consents/{consent}/receipt")),
        Call::get(format!("{base}/consents/{consent}/fhir")),
        Call::post(format!("{base}/consents"), &terms(notice)).once("give"),
        Call::post(format!("{base}/consents/{consent}/withdraw"), &json!({})),
        Call::put(&member, &json!({})),
        Call::delete(&member),
    ]
}

#[test]
fn refusals_do_not_tell_whether_there_is_such_a_client() {
    let practice = Practice::new();
    let (world, clinic) = (&practice.world, practice.clinic);
    let client = practice.open("open");
    let notice = practice.publish("notice");
    let consent = practice.give(&client, "give", &terms(&notice)).text("consent_id");
    let elsewhere: ClinicId = world.entropy.id();
    let other_client: ClientId = world.entropy.id();
    let outsider = |role, clinic, client| log_in(world, &[role], clinic, world.entropy.id(), client);
    let missing = world.entropy.id::<model::kind::Client>().to_string();
    for token in [
        outsider(Role::Clinician, clinic, None),
        outsider(Role::Clinician, elsewhere, None),
        outsider(Role::ClinicAdmin, elsewhere, None),
        outsider(Role::PrivacyOfficer, elsewhere, None),
        outsider(Role::Client, clinic, Some(other_client)),
        outsider(Role::Client, elsewhere, Some(client.parse().unwrap())),
        outsider(Role::Billing, clinic, None),
        outsider(Role::Security, clinic, None),
    ] {
        let there = requests(&practice, &client, &consent, &notice);
        let not_there = requests(&practice, &missing, &consent, &notice);
        for (there, not_there) in there.into_iter().zip(not_there) {
            let there = practice.send(&there.bearer(&token));
            let not_there = practice.send(&not_there.bearer(&token));
            assert_refused(&there, 403, "access-denied");
            assert_eq!(there.json, not_there.json);
            assert!(there.header("audit-id").is_some() && not_there.header("audit-id").is_some());
        }
    }
    for call in requests(&practice, &client, &consent, &notice) {
        assert_refused(&practice.send(&call), 401, "unauthenticated");
    }
    let marketing = Call::get(format!("/v1/consent/clients/{client}")).header("purpose-of-use", "HMARKT");
    assert_refused(&practice.as_clinician(marketing), 403, "prohibited-purpose");
    assert_eq!(practice.events(&client), ["joined_care_team", "given"]);
}

#[test]
fn a_client_gives_and_withdraws_for_herself() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice = practice.publish("notice");
    let id: ClientId = client.parse().unwrap();
    let token = log_in(
        &practice.world,
        &[Role::Client],
        practice.clinic,
        practice.world.entropy.id(),
        Some(id),
    );
    let consents = format!("/v1/consent/clients/{client}/consents");
    let given = practice.send(&Call::post(&consents, &terms(&notice)).once("give").bearer(&token));
    assert_eq!(given.status, 201);
    // As easy to withdraw as to give: one request, here without a body.
    let path = format!("{consents}/{}/withdraw", given.text("consent_id"));
    assert_eq!(
        practice
            .send(&Call::new(http::Method::POST, &path).bearer(&token))
            .status,
        200
    );
    assert_eq!(practice.file(&client)["consents"], json!([]));
    let member = practice.member(&client, practice.clinician.account);
    assert_refused(
        &practice.send(&Call::delete(&member).bearer(&token)),
        403,
        "access-denied",
    );
}

#[test]
fn the_pseudonym_is_for_those_who_read_the_trail() {
    let practice = Practice::new();
    let client = practice.open("open");
    let path = format!("/v1/consent/clients/{client}");
    let seen = practice.send(&Call::get(&path).bearer(&practice.officer.token));
    assert!(seen.text("subject_id").starts_with("sub_"));
    for token in [&practice.clinician.token, &practice.admin.token] {
        assert_eq!(
            practice.send(&Call::get(&path).bearer(token)).json["subject_id"],
            Value::Null
        );
    }
    let officer = &practice.officer.token;
    let refused =
        practice.send(&Call::put(practice.member(&client, practice.officer.account), &json!({})).bearer(officer));
    assert_refused(&refused, 403, "access-denied");
}

#[test]
fn care_teams_change_at_once_and_once() {
    let practice = Practice::new();
    let client = practice.open("open");
    let path = format!("/v1/consent/clients/{client}");
    let member = practice.member(&client, practice.colleague.account);
    let as_colleague = |call: Call| practice.send(&call.bearer(&practice.colleague.token)).status;
    assert_eq!(as_colleague(Call::get(&path)), 403);
    for _ in 0..2 {
        assert_eq!(practice.as_clinician(Call::new(http::Method::PUT, &member)).status, 204);
    }
    assert_eq!(as_colleague(Call::get(&path)), 200);
    for _ in 0..2 {
        assert_eq!(practice.as_clinician(Call::delete(&member)).status, 204);
    }
    assert_eq!(as_colleague(Call::get(&path)), 403);
    assert_eq!(practice.as_admin(Call::put(&member, &json!({}))).status, 204);
    assert_eq!(
        practice.events(&client),
        [
            "joined_care_team",
            "joined_care_team",
            "left_care_team",
            "joined_care_team"
        ]
    );
    let strange = practice.as_admin(Call::put(&member, &json!({"role": "SECRET"})));
    assert_refused(&strange, 400, "malformed-request");
    let unreadable = practice.as_admin(Call::put(format!("{path}/care-team/acc_SECRET"), &json!({})));
    assert_refused(&unreadable, 404, "no-such-route");
}

#[test]
fn care_teams_are_bounded() {
    let practice = Practice::new();
    let client = practice.open("open");
    for _ in 1..64 {
        let account = practice.world.entropy.id();
        assert_eq!(
            practice
                .as_admin(Call::put(practice.member(&client, account), &json!({})))
                .status,
            204
        );
    }
    let one_more = practice.member(&client, practice.colleague.account);
    assert_refused(
        &practice.as_admin(Call::put(&one_more, &json!({}))),
        409,
        "care-team-full",
    );
    let there = practice.member(&client, practice.clinician.account);
    assert_eq!(practice.as_admin(Call::put(&there, &json!({}))).status, 204);
    assert_eq!(practice.events(&client).len(), 50, "one page");
}

#[test]
fn notices_are_public_and_never_change() {
    let practice = Practice::new();
    let first = practice.publish("first");
    let path = format!("/v1/consent/notices/{}", practice.clinic);
    let read = practice.send(&Call::get(format!("{path}/{first}")));
    assert_eq!((read.status, read.header("etag")), (200, Some("\"v2\"")));
    assert_eq!(read.text("series"), first);
    assert_eq!(read.json["version"], 1);
    // Over JSON.stringify of the content: the value was computed outside of this program.
    assert_eq!(
        read.text("sha256"),
        "5c8a89f88589ce691b5d7082bcd2defd143ff6204084aa34bfc6bd4fc7dfc384"
    );

    let replacing = |replaced: &str, key: &str| {
        let mut next = notice();
        next["title"] = json!("How we keep your data, from January");
        next["replaces"] = json!(replaced);
        practice.send(
            &Call::post("/v1/consent/notices", &next)
                .once(key)
                .bearer(&practice.officer.token),
        )
    };
    let second = replacing(&first, "second");
    assert_eq!(
        (second.status, &second.json["version"]),
        (201, &json!(2)),
        "{}",
        second.json
    );
    assert_eq!(
        (second.text("series"), second.text("replaces")),
        (first.clone(), first.clone())
    );
    assert_ne!(second.text("sha256"), read.text("sha256"));
    assert_eq!(
        second.header("location"),
        Some(format!("{path}/{}", second.text("notice_id")).as_str())
    );
    assert_eq!(replacing(&first, "second").json, second.json);
    assert_refused(&replacing(&first, "fork"), 409, "already-replaced");
    assert_violates(
        &replacing(&practice.world.entropy.id::<model::kind::Notice>().to_string(), "none"),
        "/replaces",
        "notice",
    );
    assert_eq!(replacing(&second.text("notice_id"), "third").json["version"], 3);
    // What was published stays as it was; that it was replaced is said beside it.
    let mut replaced = read.json.clone();
    replaced["replaced_by"] = second.json["notice_id"].clone();
    let read = practice.send(&Call::get(format!("{path}/{first}")));
    assert_eq!((&read.json, read.header("etag")), (&replaced, Some("\"v3\"")));

    let list = practice.send(&Call::get(&path));
    assert_eq!(list.header("etag"), Some("\"v3\""));
    let versions: Vec<_> = list.json["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| &notice["version"])
        .collect();
    assert_eq!(versions, [3, 2, 1]);
    let page = practice.send(&Call::get(format!("{path}?limit=2")));
    let rest = practice.send(&Call::get(format!("{path}?limit=2&cursor={}", page.text("next"))));
    assert_eq!(rest.json["notices"][0]["notice_id"], json!(first));
    assert_eq!(rest.json["next"], Value::Null);

    // Nobody else's, and nothing about who asks, is kept.
    let stored = practice.world.stores.dump().len();
    let elsewhere: ClinicId = practice.world.entropy.id();
    assert_eq!(
        practice
            .send(&Call::get(format!("/v1/consent/notices/{elsewhere}")))
            .json,
        json!({"notices": []})
    );
    let missing = practice.send(&Call::get(format!("/v1/consent/notices/{elsewhere}/{first}")));
    assert_refused(&missing, 404, "not-found");
    assert_eq!(practice.world.stores.dump().len(), stored);
}

#[test]
fn notices_keep_their_rules() {
    let practice = Practice::new();
    for (field, value, rule) in [
        ("title", json!(" "), "length"),
        ("language", json!("en_GB"), "bcp-47"),
        ("text", json!(""), "length"),
        ("purposes", json!([]), "selection"),
        ("purposes", json!(["TREAT", "HMARKT"]), "prohibited-purpose"),
        ("classes", json!(["health", "health"]), "selection"),
        ("classes", json!(["audit"]), "consentable"),
        ("withdrawal", json!(""), "length"),
        ("complaint", json!(""), "length"),
        ("contact", json!("bell \u{7}"), "control-characters"),
    ] {
        let mut body = notice();
        body[field] = value;
        let refused = practice.as_admin(Call::post("/v1/consent/notices", &body).once("notice"));
        assert_violates(&refused, &format!("/{field}"), rule);
    }
    let by_clinician = practice.as_clinician(Call::post("/v1/consent/notices", &notice()).once("notice"));
    assert_refused(&by_clinician, 403, "access-denied");
}

#[test]
fn the_stores_say_nothing_of_anybody() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let consent = practice.give(&client, "give", &terms(&notice_id)).text("consent_id");
    assert_eq!(practice.withdraw(&client, &consent).status, 200);
    let account = practice.clinician.account.to_string();
    let client_bytes = client.parse::<ClientId>().unwrap();
    let consent_bytes = consent.parse::<ConsentId>().unwrap();
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for (store, key, value) in practice.world.stores.dump() {
        for part in [
            client.as_str(),
            account.as_str(),
            "SECRET",
            "withdrawn",
            "TREAT",
            "written",
        ] {
            assert!(!key.contains(part), "{store} {key}");
            assert!(!contains(&value, part.as_bytes()), "{store} {key} {part}");
        }
        assert!(!contains(&value, client_bytes.as_bytes()), "{store} {key}");
        // Entry ids stand in the clear in front of their entries: they are opaque, and here they name the entry itself.
        assert!(
            store == "consent" || !contains(&value, consent_bytes.as_bytes()),
            "{store} {key}"
        );
    }
}

#[test]
fn what_was_not_attested_here_is_not_believed() {
    let practice = Practice::new();
    let client = practice.open("open");
    practice.world.stores.tamper(|store, _, value| {
        if store == "permissions" {
            *value.last_mut().unwrap() ^= 1;
        }
    });
    let response = practice.world.serve(
        Function::Consent,
        &ROUTES,
        &Call::get(format!("/v1/consent/clients/{client}"))
            .bearer(&practice.clinician.token)
            .request(),
    );
    assert_refused(&Answer::from(response), 500, "integrity-violation");
}

/// A request that is broken off at every operation in every way, and then repeated.
pub(crate) fn at_every_crash_point(prepare: impl Fn(&Practice) -> Call, verify: impl Fn(&Practice, &Answer)) {
    at_every_crash(prepare, |_, _| {}, verify);
}

/// As [`at_every_crash_point`]; looks at what is left before the request is repeated, too, and is told whether it succeeded at once.
fn at_every_crash(
    prepare: impl Fn(&Practice) -> Call,
    look: impl Fn(&Practice, bool),
    verify: impl Fn(&Practice, &Answer),
) {
    let mut practice = Practice::new();
    let call = prepare(&practice);
    let moment = practice.moment();
    for fault in [
        Fault::Refused,
        Fault::AppliedButFailed,
        Fault::KilledBefore,
        Fault::KilledAfter,
    ] {
        for nth in 0.. {
            practice.return_to(&moment);
            practice.world.stores.arm(nth, fault);
            let first = survive(|| practice.send(&call));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            look(
                &practice,
                first.is_some_and(|answer| (200..300).contains(&answer.status)),
            );
            // A creator that died keeps others waiting for a minute.
            practice.world.clock.advance(SignedDuration::from_secs(61));
            let answer = practice.send(&call);
            assert!((200..300).contains(&answer.status), "{fault:?} {nth}: {}", answer.json);
            verify(&practice, &answer);
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn opening_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            Call::post("/v1/consent/clients", &json!({}))
                .once("open")
                .bearer(&practice.clinician.token)
        },
        |practice, answer| {
            let client = answer.text("client_id");
            assert_eq!(practice.events(&client), ["joined_care_team"]);
            assert_eq!(practice.file(&client)["care_team"].as_array().unwrap().len(), 1);
        },
    );
}

#[test]
fn giving_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let (client, notice) = (practice.open("open"), practice.publish("notice"));
            Call::post(format!("/v1/consent/clients/{client}/consents"), &terms(&notice))
                .once("give")
                .bearer(&practice.clinician.token)
        },
        |practice, answer| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "given"]);
            assert_eq!(
                practice.file(&client)["consents"][0]["consent_id"],
                answer.json["consent_id"]
            );
        },
    );
}

#[test]
fn withdrawing_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let (client, notice) = (practice.open("open"), practice.publish("notice"));
            let consent = practice.give(&client, "give", &terms(&notice)).text("consent_id");
            Call::post(
                format!("/v1/consent/clients/{client}/consents/{consent}/withdraw"),
                &json!({}),
            )
            .bearer(&practice.clinician.token)
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "given", "withdrawn"]);
            assert_eq!(practice.file(&client)["consents"], json!([]));
        },
    );
}

#[test]
fn what_was_withdrawn_stays_so_when_giving_is_finished_later() {
    for nth in 0.. {
        let practice = Practice::new();
        let (client, notice) = (practice.open("open"), practice.publish("notice"));
        practice.world.stores.arm(nth, Fault::KilledAfter);
        let killed = survive(|| practice.give(&client, "give", &terms(&notice))).is_none();
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(61));
        let list = practice.as_admin(Call::get(format!("/v1/consent/clients/{client}/consents")));
        if let Some(consent) = list.json["entries"][0]["consent_id"].as_str() {
            assert_eq!(practice.withdraw(&client, consent).status, 200);
            assert_eq!(practice.give(&client, "give", &terms(&notice)).status, 201);
            assert_eq!(practice.file(&client)["consents"], json!([]));
            assert_eq!(practice.events(&client), ["joined_care_team", "given", "withdrawn"]);
        }
        if !killed {
            break;
        }
    }
}

#[test]
fn joining_and_leaving_are_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let client = practice.open("open");
            Call::put(practice.member(&client, practice.colleague.account), &json!({})).bearer(&practice.admin.token)
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "joined_care_team"]);
            assert_eq!(practice.file(&client)["care_team"].as_array().unwrap().len(), 2);
        },
    );
    at_every_crash_point(
        |practice| {
            let client = practice.open("open");
            Call::delete(practice.member(&client, practice.clinician.account)).bearer(&practice.admin.token)
        },
        |practice, _| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "left_care_team"]);
            assert_eq!(practice.file(&client)["care_team"], json!([]));
        },
    );
}

#[test]
fn publishing_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let mut next = notice();
            next["replaces"] = json!(practice.publish("first"));
            Call::post("/v1/consent/notices", &next)
                .once("second")
                .bearer(&practice.admin.token)
        },
        |practice, answer| {
            let list = practice.send(&Call::get(format!("/v1/consent/notices/{}", practice.clinic)));
            let notices = list.json["notices"].as_array().unwrap();
            assert_eq!(notices.len(), 2);
            assert_eq!(notices[0]["notice_id"], answer.json["notice_id"]);
            assert!(answer.text("notice_id").parse::<NoticeId>().is_ok());
        },
    );
}

/// Two requests, the second of which happens as a whole between any two operations of the first. Both succeed.
pub(crate) fn at_every_interleaving(prepare: impl Fn(&Practice) -> (Call, Call), verify: impl Fn(&Practice, usize)) {
    at_every_meeting(prepare, |practice, nth, first, second| {
        for answer in [first, second] {
            assert!((200..300).contains(&answer.status), "{nth}: {}", answer.json);
        }
        verify(practice, nth);
    });
}

/// As [`at_every_interleaving`], whatever they are answered.
fn at_every_meeting(prepare: impl Fn(&Practice) -> (Call, Call), verify: impl Fn(&Practice, usize, &Answer, &Answer)) {
    let mut practice = Rc::new(Practice::new());
    let (first, second) = prepare(&practice);
    // Filled now, so that neither request waits for the other to begin a chain of the trail.
    for _ in 0..64 {
        practice.as_admin(Call::get("/v1/consent/acceptances"));
    }
    let moment = practice.moment();
    for nth in 0.. {
        Rc::get_mut(&mut practice).unwrap().return_to(&moment);
        let heard = Rc::new(RefCell::new(None));
        let (other, call, hears) = (Rc::clone(&practice), second.clone(), Rc::clone(&heard));
        practice.world.stores.meanwhile(nth, move || {
            *hears.borrow_mut() = Some(other.send(&call));
        });
        let answer = practice.send(&first);
        practice.world.stores.disarm();
        let Some(second) = heard.take() else { break };
        verify(&practice, nth, &answer, &second);
    }
}

#[test]
fn a_withdrawal_holds_however_it_meets_a_request_that_gives() {
    let prepare = |practice: &Practice| {
        let (client, notice) = (practice.open("open"), practice.publish("notice"));
        let consents = format!("/v1/consent/clients/{client}/consents");
        let give = Call::post(&consents, &terms(&notice))
            .once("give")
            .bearer(&practice.clinician.token);
        // Dies as soon as the consent is in the ledger, where others see it and its id.
        let entered = |practice: &Practice| practice.events(&client).len() == 2;
        for nth in 0.. {
            practice.world.stores.arm(nth, Fault::KilledAfter);
            let _ = survive(|| practice.send(&give));
            practice.world.stores.disarm();
            practice.world.clock.advance(SignedDuration::from_secs(61));
            if entered(practice) {
                break;
            }
        }
        assert_eq!(practice.file(&client)["consents"], json!([]));
        let list = practice.as_admin(Call::get(&consents));
        let consent = list.json["entries"][0]["consent_id"].as_str().unwrap().to_owned();
        let withdraw = Call::post(format!("{consents}/{consent}/withdraw"), &json!({})).bearer(&practice.admin.token);
        (give, withdraw)
    };
    let verify = |practice: &Practice, nth: usize| {
        let client = practice.open("open");
        assert_eq!(
            practice.events(&client),
            ["joined_care_team", "given", "withdrawn"],
            "{nth}"
        );
        assert_eq!(practice.file(&client)["consents"], json!([]), "{nth}");
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (give, withdraw) = prepare(practice);
            (withdraw, give)
        },
        verify,
    );
}

#[test]
fn the_ledger_agrees_however_joining_and_leaving_meet() {
    let prepare = |practice: &Practice| {
        let client = practice.open("open");
        let member = practice.member(&client, practice.colleague.account);
        let (add, remove) = (Call::put(&member, &json!({})), Call::delete(&member));
        (add.bearer(&practice.admin.token), remove.bearer(&practice.admin.token))
    };
    let verify = |practice: &Practice, nth: usize| {
        let client = practice.open("open");
        let is_member = practice.file(&client)["care_team"].as_array().unwrap().len() == 2;
        // The first entry is that of the clinician who opened the file.
        let events = practice.events(&client);
        let last = events
            .iter()
            .skip(1)
            .last()
            .is_some_and(|event| event == "joined_care_team");
        assert_eq!(is_member, last, "{nth}: {events:?}");
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (add, remove) = prepare(practice);
            assert_eq!(practice.send(&add).status, 204);
            (remove, add)
        },
        verify,
    );
}

#[test]
fn two_equal_requests_at_once_are_one() {
    at_every_interleaving(
        |practice| {
            let (client, notice) = (practice.open("open"), practice.publish("notice"));
            let give = Call::post(format!("/v1/consent/clients/{client}/consents"), &terms(&notice))
                .once("give")
                .bearer(&practice.clinician.token);
            (give.clone(), give)
        },
        |practice, nth| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "given"], "{nth}");
            assert_eq!(practice.file(&client)["consents"].as_array().unwrap().len(), 1, "{nth}");
        },
    );
}
