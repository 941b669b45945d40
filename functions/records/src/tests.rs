//! Whole requests against the function on a platform in memory. Permissions come from the consent function itself.

mod attachments;
mod drafts;
mod exchange;
mod kinds;
mod lagging;
mod listing;
mod permissions;
mod rewrap;
mod signing;

use std::collections::BTreeSet;
use std::rc::Rc;

use access::Sessions;
use audit_trail::{Chains, Decision, Event, SHARDS};
use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::Keyring;
use http::Method;
use jiff::SignedDuration;
use model::{AccountId, Action, ClientId, ClinicId, DataClass, Function, RecordId, Role};
use ports::{Clock, EntropyExt, Kv, KvError, Platform, Stores};
use serde_json::{Value, json};
use store::Shelf;
use testkit::{Answer, Call, Fault, World, assert_names, assert_refused, log_in, survive};

use crate::ROUTES;

const RECORDS: &str = "records";
const NOTES: &str = "psychotherapy-notes";

struct Staff {
    account: AccountId,
    token: String,
}

/// A clinic with a client who agreed to be treated by two of its clinicians.
struct Practice {
    world: World,
    clinic: ClinicId,
    clinician: Staff,
    colleague: Staff,
    admin: Staff,
    client: String,
    /// Where her consent is withdrawn.
    withdraw: String,
}

impl Practice {
    fn new() -> Self {
        let world = World::new(13);
        let clinic = world.entropy.id();
        let staff = |role| {
            let account = world.entropy.id();
            let token = log_in(&world, &[role], clinic, account, None);
            Staff { account, token }
        };
        let mut practice = Self {
            clinician: staff(Role::Clinician),
            colleague: staff(Role::Clinician),
            admin: staff(Role::ClinicAdmin),
            client: String::new(),
            withdraw: String::new(),
            clinic,
            world,
        };
        let jurisdiction = Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction());
        practice.to_consent(&jurisdiction.bearer(&practice.admin.token), 201);
        practice.client = practice.open("open");
        practice.withdraw = practice.agree(&practice.client);
        practice
    }

    fn send(&self, call: &Call) -> Answer {
        let answer = Answer::from(self.world.serve(Function::Records, &ROUTES, &call.request()));
        assert!(answer.status != 500, "{:?} {:?}", answer.json, self.world.log());
        answer
    }

    fn as_clinician(&self, call: Call) -> Answer {
        self.send(&call.bearer(&self.clinician.token))
    }

    fn as_colleague(&self, call: Call) -> Answer {
        self.send(&call.bearer(&self.colleague.token))
    }

    fn to_consent(&self, call: &Call, status: u16) -> Answer {
        let answer = Answer::from(self.world.serve(Function::Consent, &consent::ROUTES, &call.request()));
        assert_eq!(answer.status, status, "{}", answer.json);
        answer
    }

    /// A client without any consent, in the care of both clinicians.
    fn open(&self, key: &str) -> String {
        let call = Call::post("/v1/consent/clients", &json!({})).once(key);
        let client = self
            .to_consent(&call.bearer(&self.clinician.token), 201)
            .text("client_id");
        let member = format!("/v1/consent/clients/{client}/care-team/{}", self.colleague.account);
        self.to_consent(&Call::put(member, &json!({})).bearer(&self.admin.token), 204);
        client
    }

    /// Records that she agrees to be treated, and returns the path to withdraw it.
    fn agree(&self, client: &str) -> String {
        let notice = testkit::notice(&["TREAT"], &["health", "psychotherapy"]);
        let call = Call::post("/v1/consent/notices", &notice).once("notice");
        let notice = self.to_consent(&call.bearer(&self.admin.token), 201).text("notice_id");
        let terms = json!({"notice_id": notice, "language": "en", "purposes": ["TREAT"],
            "classes": ["health", "psychotherapy"], "given_by": "client", "method": "written"});
        let path = format!("/v1/consent/clients/{client}/consents");
        let call = Call::post(&path, &terms).once("give");
        let consent = self
            .to_consent(&call.bearer(&self.clinician.token), 201)
            .text("consent_id");
        format!("{path}/{consent}/withdraw")
    }

    fn withdraw(&self) {
        self.to_consent(
            &Call::post(&self.withdraw, &json!({})).bearer(&self.clinician.token),
            200,
        );
    }

    fn path(&self, kind: &str) -> String {
        path(&self.client, kind)
    }

    /// The request that writes a progress note.
    fn writing(&self, key: &str, text: &str) -> Call {
        Call::post(self.path(RECORDS), &progress(text))
            .once(key)
            .bearer(&self.clinician.token)
    }

    fn write(&self, key: &str, text: &str) -> String {
        let written = self.send(&self.writing(key, text));
        assert_eq!(written.status, 201, "{}", written.json);
        written.text("id")
    }

    /// The request that amends a progress note.
    fn amending(&self, record: &str, version: u64, text: &str) -> Call {
        let body = json!({"reason": "SECRET a slip", "record": progress(text)});
        Call::put(format!("{}/{record}", self.path(RECORDS)), &body)
            .header("if-match", &format!("\"v{version}\""))
            .bearer(&self.clinician.token)
    }

    fn read(&self, record: &str) -> Answer {
        self.as_clinician(Call::get(format!("{}/{record}", self.path(RECORDS))))
    }

    fn listed(&self) -> Vec<String> {
        let list = self.as_clinician(Call::get(self.path(RECORDS)));
        assert_eq!(list.status, 200, "{}", list.json);
        values(&list, "records", "id")
    }

    /// The numbers of the versions, as the history shows them.
    fn versions(&self, record: &str) -> Vec<u64> {
        let history = self.as_clinician(Call::get(format!("{}/{record}/versions", self.path(RECORDS))));
        assert_eq!(history.status, 200, "{}", history.json);
        let versions = history.json["versions"].as_array().unwrap();
        versions
            .iter()
            .map(|version| version["version"].as_u64().unwrap())
            .collect()
    }

    /// Holds what must hold at any moment: what is listed can be read, is listed once, and has a history without gaps.
    /// Returns what is listed.
    #[track_caller]
    fn assert_whole(&self) -> Vec<String> {
        let listed = self.listed();
        assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "{listed:?}");
        for record in &listed {
            let read = self.read(record);
            assert_eq!(read.status, 200, "{}", read.json);
            let version = read.json["version"].as_u64().unwrap();
            assert_eq!(self.versions(record), (1..=version).rev().collect::<Vec<_>>());
        }
        self.trail();
        listed
    }

    /// Every event of this function's chains, which must all verify.
    fn trail(&self) -> Vec<Event> {
        let keyring = self.keyring(Function::Audit);
        self.world.with_platform(Function::Audit, |platform| {
            let shelf = Shelf::open(&platform, "audit").unwrap();
            let chains = Chains::new(&shelf, keyring.audit(Function::Records).unwrap(), Function::Records);
            (0..SHARDS)
                .flat_map(|shard| {
                    let chain = chains.chain(Some(self.clinic), shard);
                    chain
                        .newest_first(None)
                        .map(|entry| entry.unwrap().value)
                        .collect::<Vec<_>>()
                })
                .collect()
        })
    }

    /// The entry of the trail that an answer names.
    #[track_caller]
    fn event(&self, answer: &Answer) -> Event {
        let id = answer.header("audit-id").unwrap_or_else(|| panic!("{}", answer.json));
        let found: Vec<_> = self
            .trail()
            .into_iter()
            .filter(|event| event.id.to_string() == id)
            .collect();
        assert_eq!(found.len(), 1, "{id}");
        found.into_iter().next().unwrap()
    }

    /// All that is stored but the trail.
    fn state(&self) -> Vec<(String, String, Vec<u8>)> {
        let dump = self.world.stores.dump();
        dump.into_iter().filter(|(store, ..)| store != "audit").collect()
    }

    /// Begins every chain of the trail, so that no request waits for another that begins one.
    fn begin_chains(&self) {
        let event = self.trail().pop().unwrap_or_else(|| {
            self.listed();
            self.trail().pop().unwrap()
        });
        for function in [Function::Records, Function::Consent] {
            let keyring = self.keyring(function);
            self.world.with_platform(function, |platform| {
                let shelf = Shelf::open(&platform, "audit").unwrap();
                let chains = Chains::new(&shelf, keyring.audit(function).unwrap(), function);
                for shard in 0..SHARDS {
                    let id = self.world.entropy.id();
                    let event = Event {
                        id,
                        function,
                        ..event.clone()
                    };
                    chains
                        .chain(Some(self.clinic), shard)
                        .append(*id.as_bytes(), &event)
                        .unwrap();
                }
            });
        }
    }

    fn keyring(&self, function: Function) -> Keyring {
        Keyring::parse(function, self.world.keyrings.get(&function).map(String::as_str)).unwrap()
    }

    /// Ends a session before its time, as its authority does.
    fn revoke(&self, token: &str) {
        let slot = &Base64UrlUnpadded::decode_vec(&token["cfs_".len()..]).unwrap()[..16];
        let keyring = self.keyring(Function::Auth);
        let attestor = keyring.attests("sessions").unwrap();
        self.world.with_platform(Function::Auth, |platform| {
            let sessions = Sessions::new(Shelf::open(&platform, "sessions").unwrap(), attestor, platform.clock);
            let revoked = sessions.change(attestor, slot, |session| {
                session.revoked_at = Some(platform.clock.now());
                Ok::<_, ()>(())
            });
            revoked.unwrap();
        });
    }
}

fn now_text(practice: &Practice) -> String {
    practice.world.clock.now().to_string()
}

fn path(client: &str, kind: &str) -> String {
    format!("/v1/records/clients/{client}/{kind}")
}

fn progress(text: &str) -> Value {
    json!({"kind": "progress_note", "content": {"session_at": "2026-11-30T10:00:00Z", "text": text}})
}

/// A progress note of a session at another time.
fn progress_at(session_at: &str) -> Value {
    json!({"kind": "progress_note", "content": {"session_at": session_at, "text": "SECRET"}})
}

fn assessment() -> Value {
    json!({"kind": "assessment", "content": {"instrument": "PHQ-9 SECRET", "administered_at": "2026-11-30T10:00:00Z",
        "scores": [{"scale": "total", "score": -4}], "summary": "SECRET mild"}})
}

fn plan() -> Value {
    json!({"kind": "treatment_plan", "content": {"status": "active", "period": {"start": "2026-12-01"},
        "review_on": "2027-03-01", "goals": [{"description": "SECRET sleep", "measure": "hours", "status": "active"}]}})
}

fn note(text: &str) -> Value {
    json!({"content": {"session_at": "2026-11-30T10:00:00Z", "text": text}})
}

/// One field of every entry of a list.
fn values(answer: &Answer, list: &str, field: &str) -> Vec<String> {
    let entries = answer.json[list].as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry[field].as_str().unwrap().to_owned())
        .collect()
}

#[track_caller]
fn assert_violates(answer: &Answer, status: u16, field: &str, rule: &str) {
    let problem = if status == 422 {
        "invalid-content"
    } else {
        "malformed-request"
    };
    assert_refused(answer, status, problem);
    assert_names(answer, field, rule);
}

#[test]
fn a_record_of_each_kind_from_writing_to_its_history() {
    let practice = Practice::new();
    for (kind, first, second, name) in [
        (
            RECORDS,
            progress("SECRET slept badly"),
            progress("SECRET slept"),
            "progress_note",
        ),
        (RECORDS, assessment(), assessment(), "assessment"),
        (RECORDS, plan(), plan(), "treatment_plan"),
        (NOTES, note("SECRET dream"), note("SECRET dreams"), "psychotherapy_note"),
    ] {
        let path = practice.path(kind);
        let account = practice.clinician.account.to_string();
        let now = now_text(&practice);
        let written = practice.as_clinician(Call::post(&path, &first).once(name));
        assert_eq!(
            (written.status, written.header("etag")),
            (201, Some("\"v1\"")),
            "{}",
            written.json
        );
        let id = written.text("id");
        let own = format!("{path}/{id}");
        assert_eq!(written.header("location"), Some(own.as_str()));
        assert_eq!(
            written.json,
            json!({"id": id, "version": 1, "status": "signed", "author": account, "created_at": now, "written_by": account,
                "written_at": now, "signatures": [{"account": account, "version": 1, "signed_at": now}],
                "kind": name, "content": first["content"]})
        );
        let read = practice.as_clinician(Call::get(&own));
        assert_eq!((read.header("etag"), &read.json), (Some("\"v1\""), &written.json));

        practice.world.clock.advance(SignedDuration::from_mins(1));
        let amendment = match kind {
            NOTES => json!({"reason": "SECRET a slip", "content": second["content"]}),
            _ => json!({"reason": "SECRET a slip", "record": second}),
        };
        let amend = Call::put(&own, &amendment).header("if-match", "\"v1\"");
        let amended = practice.as_clinician(amend.clone());
        assert_eq!(
            (amended.status, amended.header("etag")),
            (200, Some("\"v2\"")),
            "{}",
            amended.json
        );
        assert_eq!(
            amended.json,
            json!({"id": id, "version": 2, "status": "signed", "author": account, "created_at": now, "written_by": account,
                "written_at": now_text(&practice), "reason": "SECRET a slip",
                "signatures": [{"account": account, "version": 2, "signed_at": now_text(&practice)}],
                "kind": name, "content": second["content"]})
        );
        assert_eq!(practice.as_clinician(Call::get(&own)).json, amended.json);
        let history = practice.as_clinician(Call::get(format!("{own}/versions")));
        assert_eq!(history.json, json!({"versions": [amended.json, written.json]}));

        let of_kind = practice.as_clinician(Call::get(format!("{path}?kind={name}")));
        assert_eq!(
            of_kind.json,
            json!({"records": [{"id": id, "kind": name, "author": account, "created_at": now, "status": "signed", "version": 2,
                "effective_at": if name == "treatment_plan" { "2026-12-01T00:00:00Z" } else { "2026-11-30T10:00:00Z" }}]})
        );
    }
    let all = practice.as_clinician(Call::get(practice.path(RECORDS)));
    let kinds: BTreeSet<_> = values(&all, "records", "kind").into_iter().collect();
    assert_eq!(kinds.len(), 3);
    let none = practice.as_clinician(Call::get(format!("{}?kind=psychotherapy_note", practice.path(RECORDS))));
    assert_eq!(none.json, json!({"records": []}));
}

#[test]
fn a_chart_that_was_never_begun_is_empty() {
    let practice = Practice::new();
    let missing = practice.world.entropy.id::<model::kind::Record>();
    for kind in [RECORDS, NOTES] {
        let path = practice.path(kind);
        assert_eq!(
            practice.as_clinician(Call::get(&path)).json,
            json!({"records": []}),
            "{kind}"
        );
        for call in [
            Call::get(format!("{path}/{missing}")),
            Call::get(format!("{path}/{missing}/versions")),
        ] {
            let answer = practice.as_clinician(call);
            assert_refused(&answer, 404, "not-found");
            assert_eq!(practice.event(&answer).decision, Decision::Allowed);
        }
    }
    assert!(practice.state().iter().all(|(store, ..)| !store.starts_with("health")));
}

#[test]
fn histories_come_in_pages() {
    let practice = Practice::new();
    let record = practice.write("write", "version 1");
    for version in 1..40 {
        let text = format!("version {}", version + 1);
        assert_eq!(practice.send(&practice.amending(&record, version, &text)).status, 200);
    }
    let path = format!("{}/{record}/versions", practice.path(RECORDS));
    for limit in [1, 7, 39, 40, 200] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = practice.as_clinician(Call::get(format!("{path}?limit={limit}{cursor}")));
            let versions = page.json["versions"].as_array().unwrap();
            assert!(versions.len() <= limit, "{limit}");
            for version in versions {
                let number = version["version"].as_u64().unwrap();
                assert_eq!(version["content"]["text"], format!("version {number}"));
                seen.push(number);
            }
            let Some(next) = page.json["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, (1..=40).rev().collect::<Vec<_>>(), "{limit}");
    }
    // A cursor beyond what there is does not show the current version as a past one.
    for (cursor, count) in [("0", 0), ("1", 0), ("2", 1), ("99", 39)] {
        let page = practice.as_clinician(Call::get(format!("{path}?cursor={cursor}")));
        assert_eq!(
            page.json["versions"].as_array().unwrap().len(),
            count,
            "{cursor} {}",
            page.json
        );
    }
}

/// A page is bounded in bytes too: what answers it is in memory as a whole.
#[test]
fn histories_of_long_texts_come_in_short_pages() {
    let goal = json!({"description": "word ".repeat(20_000), "status": "active"});
    let long = json!({"kind": "treatment_plan", "content": {"status": "active", "period": {"start": "2026-12-01"},
        "goals": vec![goal; 4]}});
    let practice = Practice::new();
    let path = practice.path(RECORDS);
    let written = practice.as_clinician(Call::post(&path, &long).once("write"));
    assert_eq!(written.status, 201, "{}", written.json);
    let own = format!("{path}/{}", written.text("id"));
    for version in 1..10 {
        let body = json!({"reason": "SECRET", "record": long});
        let amended = practice.as_clinician(Call::put(&own, &body).header("if-match", &format!("\"v{version}\"")));
        assert_eq!(amended.status, 200, "{}", amended.json);
    }
    for limit in [1, 200] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = practice.as_clinician(Call::get(format!("{own}/versions?limit={limit}{cursor}")));
            assert_eq!(page.status, 200, "{}", page.json);
            assert!(page.body().len() < 1_300_000, "{}", page.body().len());
            pages += 1;
            for version in page.json["versions"].as_array().unwrap() {
                seen.push(version["version"].as_u64().unwrap());
            }
            let Some(next) = page.json["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, (1..=10).rev().collect::<Vec<_>>(), "{limit}");
        assert!(pages >= 5, "{pages}");
    }
}

#[test]
fn psychotherapy_notes_are_their_authors_alone() {
    let practice = Practice::new();
    let notes = practice.path(NOTES);
    let written = practice.as_clinician(Call::post(&notes, &note("SECRET dream")).once("note"));
    assert_eq!(written.status, 201, "{}", written.json);
    let own = format!("{notes}/{}", written.text("id"));
    let amendment = json!({"reason": "SECRET", "content": note("SECRET mine")["content"]});

    // Somebody else who treats the client has a shelf of his own, in which there is nothing.
    assert_eq!(practice.as_colleague(Call::get(&notes)).json, json!({"records": []}));
    let attempts = [
        Call::get(&own),
        Call::get(format!("{own}/versions")),
        Call::put(&own, &amendment).header("if-match", "\"v1\""),
    ];
    for call in attempts {
        assert_refused(&practice.as_colleague(call), 404, "not-found");
    }
    let theirs = practice.as_colleague(Call::post(&notes, &note("SECRET other")).once("note"));
    assert_eq!(theirs.status, 201);
    assert_ne!(theirs.text("id"), written.text("id"));
    assert_eq!(
        values(&practice.as_colleague(Call::get(&notes)), "records", "id"),
        [theirs.text("id")]
    );
    assert_eq!(
        values(&practice.as_clinician(Call::get(&notes)), "records", "id"),
        [written.text("id")]
    );

    // Nor do the two classes meet: a note is not found among the records, nor a record among the notes.
    let record = practice.write("write", "SECRET slept");
    let among_records = format!("{}/{}", practice.path(RECORDS), written.text("id"));
    assert_refused(&practice.as_clinician(Call::get(among_records)), 404, "not-found");
    assert_refused(
        &practice.as_clinician(Call::get(format!("{notes}/{record}"))),
        404,
        "not-found",
    );
    let misplaced = json!({"kind": "psychotherapy_note", "content": note("SECRET")["content"]});
    let refused = practice.as_clinician(Call::post(practice.path(RECORDS), &misplaced).once("misplaced"));
    assert_violates(&refused, 400, "/kind", "kind");

    // The client's right of access does not reach them (45 CFR 164.524(a)(1)(i)).
    let token = client_token(&practice);
    for call in [Call::get(&notes), Call::get(&own), Call::get(format!("{own}/versions"))] {
        assert_refused(&practice.send(&call.bearer(&token)), 403, "access-denied");
    }
}

fn client_token(practice: &Practice) -> String {
    let client: ClientId = practice.client.parse().unwrap();
    log_in(
        &practice.world,
        &[Role::Client],
        practice.clinic,
        practice.world.entropy.id(),
        Some(client),
    )
}

#[test]
fn a_client_reads_what_was_written_of_her_and_writes_nothing() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET slept");
    assert_eq!(
        practice
            .send(&practice.amending(&record, 1, "SECRET slept well"))
            .status,
        200
    );
    let token = client_token(&practice);
    let records = practice.path(RECORDS);
    let own = format!("{records}/{record}");
    let reads = [
        Call::get(&records),
        Call::get(&own),
        Call::get(format!("{own}/versions")),
    ];
    let assert_reads = || {
        for call in &reads {
            let answer = practice.send(&call.clone().bearer(&token));
            assert_eq!(answer.status, 200, "{}", answer.json);
            assert_eq!(practice.event(&answer).rule, "self.records");
        }
    };
    assert_reads();
    // Her right of access stands on no consent (45 CFR 164.524).
    practice.withdraw();
    assert_reads();
    let amendment = json!({"reason": "SECRET", "record": progress("SECRET")});
    for call in [
        Call::post(&records, &progress("SECRET")).once("hers"),
        Call::put(&own, &amendment).header("if-match", "\"v2\""),
    ] {
        assert_refused(&practice.send(&call.bearer(&token)), 403, "access-denied");
    }
}

/// Every request about a client.
fn requests(client: &str, record: &str) -> Vec<(Call, Action, DataClass)> {
    let mut requests = Vec::new();
    for (kind, class, body, amendment) in [
        (
            RECORDS,
            DataClass::Health,
            progress("SECRET"),
            json!({"reason": "SECRET", "record": progress("SECRET")}),
        ),
        (
            NOTES,
            DataClass::Psychotherapy,
            note("SECRET"),
            json!({"reason": "SECRET", "content": note("SECRET")["content"]}),
        ),
    ] {
        let path = path(client, kind);
        let own = format!("{path}/{record}");
        requests.extend([
            (Call::post(&path, &body).once("refused"), Action::Create, class),
            (Call::get(&path), Action::List, class),
            (Call::get(&own), Action::Read, class),
            (
                Call::put(&own, &amendment).header("if-match", "\"v1\""),
                Action::Amend,
                class,
            ),
            (Call::get(format!("{own}/versions")), Action::Read, class),
        ]);
    }
    requests
}

/// Every request that changes a record in another way than by writing it, or reads what is attached to it.
fn changes(client: &str, record: &str) -> Vec<(Call, Action, DataClass)> {
    let mut changes = Vec::new();
    for (kind, class) in [(RECORDS, DataClass::Health), (NOTES, DataClass::Psychotherapy)] {
        let own = format!("{}/{record}", path(client, kind));
        let of_seen = |call: Call| call.header("if-match", "\"v1\"");
        let addendum = Call::post(format!("{own}/addenda"), &json!({"text": "SECRET"})).once("refused");
        changes.extend([
            (of_seen(Call::delete(&own)), Action::Amend, class),
            (
                of_seen(Call::post(format!("{own}/sign"), &json!({}))),
                Action::Amend,
                class,
            ),
            (addendum, Action::Amend, class),
        ]);
        if class == DataClass::Health {
            let give_back = Call::post(format!("{own}/return"), &json!({"reason": "SECRET"}));
            changes.extend([
                (
                    of_seen(Call::post(format!("{own}/cosign"), &json!({}))),
                    Action::Cosign,
                    class,
                ),
                (of_seen(give_back), Action::Cosign, class),
                (
                    of_seen(Call::new(Method::PUT, format!("{own}/content")).body("SECRET")),
                    Action::Amend,
                    class,
                ),
                (Call::get(format!("{own}/content")), Action::Read, class),
            ]);
        }
    }
    changes
}

/// Sends every request and expects it to be denied, recorded, and to change nothing.
#[track_caller]
fn assert_all_denied(practice: &Practice, token: &str, client: &str, record: &str, problem: &str) -> Vec<Value> {
    let before = practice.state();
    let mut bodies = Vec::new();
    let all = requests(client, record).into_iter().chain(changes(client, record));
    for (call, action, class) in all {
        let answer = practice.send(&call.bearer(token));
        // A co-signature is nothing that anybody but a supervisor is told a reason about.
        let problem = match (action, problem) {
            (Action::Cosign, "no-consent") => "access-denied",
            _ => problem,
        };
        assert_refused(&answer, 403, problem);
        if let Some(event) = answer
            .header("audit-id")
            .and_then(|id| practice.trail().into_iter().find(|event| event.id.to_string() == id))
        {
            assert_eq!(
                (event.action, event.class, event.decision),
                (action, class, Decision::Denied)
            );
            assert_eq!(
                event.rule,
                match problem {
                    "access-denied" => "deny.no-rule",
                    "no-consent" => "deny.no-consent",
                    _ => "deny.prohibited-purpose",
                }
            );
        } else {
            // The trail of another clinic is not read here.
            assert!(answer.header("audit-id").is_some());
        }
        bodies.push(answer.json);
    }
    assert!(practice.state() == before, "a refused request left something behind");
    bodies
}

#[test]
fn refusals_do_not_tell_whether_there_is_such_a_client() {
    let practice = Practice::new();
    let (world, clinic) = (&practice.world, practice.clinic);
    let record = practice.write("write", "SECRET");
    let elsewhere: ClinicId = world.entropy.id();
    let someone: ClientId = world.entropy.id();
    let outsider = |role, clinic, client| log_in(world, &[role], clinic, world.entropy.id(), client);
    let missing = world.entropy.id::<model::kind::Client>().to_string();
    for token in [
        outsider(Role::Clinician, clinic, None),
        outsider(Role::Clinician, elsewhere, None),
        outsider(Role::ClinicAdmin, clinic, None),
        outsider(Role::ClinicAdmin, elsewhere, None),
        outsider(Role::PrivacyOfficer, clinic, None),
        outsider(Role::Security, clinic, None),
        outsider(Role::Auditor, clinic, None),
        outsider(Role::Billing, clinic, None),
        outsider(Role::Client, clinic, Some(someone)),
        outsider(Role::Client, elsewhere, Some(practice.client.parse().unwrap())),
        log_in(world, &[Role::Clinician], elsewhere, practice.clinician.account, None),
    ] {
        let there = assert_all_denied(&practice, &token, &practice.client, &record, "access-denied");
        let not_there = assert_all_denied(&practice, &token, &missing, &record, "access-denied");
        assert_eq!(there, not_there);
    }
    // Of those whom the table lets in, nobody is let in by a client who is not there.
    assert_all_denied(&practice, &practice.clinician.token, &missing, &record, "access-denied");
}

#[test]
fn consent_decides_from_one_request_to_the_next() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET");
    let token = &practice.clinician.token;

    let without = practice.open("open-without-consent");
    assert_all_denied(&practice, token, &without, &record, "no-consent");

    practice.withdraw();
    assert_all_denied(&practice, token, &practice.client, &record, "no-consent");

    let member = format!(
        "/v1/consent/clients/{}/care-team/{}",
        practice.client, practice.clinician.account
    );
    practice.to_consent(&Call::delete(member).bearer(&practice.admin.token), 204);
    assert_all_denied(&practice, token, &practice.client, &record, "access-denied");
}

#[test]
fn a_prohibited_purpose_is_served_to_nobody() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET");
    let before = practice.state();
    for token in [practice.clinician.token.clone(), client_token(&practice)] {
        let sessions = practice.state();
        for (call, action, class) in requests(&practice.client, &record) {
            let answer = practice.send(&call.bearer(&token).header("purpose-of-use", "HMARKT"));
            assert_refused(&answer, 403, "prohibited-purpose");
            let event = practice.event(&answer);
            assert_eq!(
                (event.action, event.class, event.decision),
                (action, class, Decision::Denied)
            );
            assert_eq!(
                (event.purpose, event.rule.as_str()),
                (model::Purpose::Marketing, "deny.prohibited-purpose")
            );
        }
        assert!(practice.state() == sessions);
    }
    assert!(
        practice
            .state()
            .iter()
            .filter(|entry| entry.0 != "sessions")
            .eq(before.iter().filter(|entry| entry.0 != "sessions"))
    );
    let research = Call::get(practice.path(RECORDS)).header("purpose-of-use", "HRESCH");
    assert_refused(&practice.as_clinician(research), 403, "access-denied");
    let unknown = Call::get(practice.path(RECORDS)).header("purpose-of-use", "SECRET");
    assert_violates(&practice.as_clinician(unknown), 400, "purpose-of-use", "purpose");
}

#[test]
fn only_a_live_session_comes_in() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET");
    let assert_locked_out = |header: Option<String>| {
        let (before, events) = (practice.state(), practice.trail().len());
        let all = requests(&practice.client, &record).into_iter();
        for (call, ..) in all.chain(changes(&practice.client, &record)) {
            let call = match &header {
                Some(value) => call.header("authorization", value),
                None => call,
            };
            let answer = practice.send(&call);
            assert_refused(&answer, 401, "unauthenticated");
            assert!(answer.header("www-authenticate").is_some() && answer.header("audit-id").is_none());
        }
        assert!(practice.state() == before && practice.trail().len() == events);
    };
    let token = &practice.clinician.token;
    let other_secret = format!("{}{}", &token[..token.len() - 8], "AAAAAAAA");
    assert_locked_out(None);
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer cfs_SECRET".to_owned(),
        format!("Basic {token}"),
        format!("Bearer {token}A"),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {other_secret}"),
        format!("Bearer cfs_{}", "A".repeat(64)),
    ] {
        assert_locked_out(Some(header));
    }

    let bearer = |token: &str| Some(format!("Bearer {token}"));
    practice.revoke(&practice.colleague.token);
    assert_locked_out(bearer(&practice.colleague.token));

    // Kept busy, a session still ends with its day; left alone, it ends by itself.
    let idle = log_in(
        &practice.world,
        &[Role::Clinician],
        practice.clinic,
        practice.colleague.account,
        None,
    );
    for minutes in (0..10 * 60).step_by(20) {
        assert_eq!(practice.read(&record).status, 200, "{minutes}");
        practice.world.clock.advance(SignedDuration::from_mins(20));
        if minutes == 20 {
            assert_locked_out(bearer(&idle));
        }
    }
    assert_locked_out(bearer(token));
}

#[test]
fn malformed_requests_are_refused_and_leave_nothing() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET");
    let path = practice.path(RECORDS);
    let own = format!("{path}/{record}");
    let before = practice.world.stores.dump();
    let mut extra = progress("SECRET");
    extra["mood"] = json!("SECRET");
    let mut inner = progress("SECRET");
    inner["content"]["mood"] = json!("SECRET");
    let mut date = progress("SECRET");
    date["content"]["session_at"] = json!("SECRET");
    let mut kind = progress("SECRET");
    kind["kind"] = json!("SECRET");
    let post = |body: &Value| Call::post(&path, body).once("malformed");
    let raw = |body: Vec<u8>| {
        Call::new(Method::POST, &path)
            .once("malformed")
            .header("content-type", "application/json")
            .body(body)
    };
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let large = json!({"kind": "progress_note", "content": {"session_at": "2026-11-30T10:00:00Z", "text": "x".repeat(1024 * 1024)}});
    let malformed = "malformed-request";
    for (call, status, problem) in [
        (post(&extra), 400, malformed),
        (post(&inner), 400, malformed),
        (post(&date), 400, malformed),
        (post(&kind), 400, malformed),
        (post(&note("SECRET")), 400, malformed),
        (raw(b"{\"kind\":\"SECRET".to_vec()), 400, malformed),
        (raw(vec![0xff, 0xfe]), 400, malformed),
        (raw(Vec::new()), 400, malformed),
        (raw(deep.into_bytes()), 400, malformed),
        (Call::post(&path, &progress("SECRET")), 400, malformed),
        (
            Call::post(&path, &progress("SECRET")).header("idempotency-key", "short"),
            400,
            malformed,
        ),
        (Call::post(&path, &large).once("large"), 413, "body-too-large"),
        (
            Call::new(Method::POST, &path)
                .once("type")
                .header("content-type", "text/plain")
                .body(progress("SECRET").to_string()),
            415,
            "unsupported-media-type",
        ),
        (
            post(&progress("SECRET")).header("x-padding", &"x".repeat(16 * 1024)),
            431,
            "headers-too-large",
        ),
        (
            Call::get(format!("{path}?cursor={}", "1".repeat(2048))),
            414,
            "uri-too-long",
        ),
        (
            Call::put(&own, &json!({"reason": "SECRET", "record": progress("SECRET")})),
            428,
            "precondition-required",
        ),
        (
            Call::put(&own, &json!({"reason": "SECRET", "record": progress("SECRET")})).header("if-match", "*"),
            400,
            malformed,
        ),
        (
            Call::put(&own, &json!({"reason": "SECRET", "record": progress("SECRET")})).header("if-match", "W/\"v1\""),
            400,
            malformed,
        ),
        (
            Call::put(&own, &progress("SECRET")).header("if-match", "\"v1\""),
            400,
            malformed,
        ),
        (Call::get(format!("{path}/rec_SECRET")), 404, "no-such-route"),
        (
            Call::get("/v1/records/clients/cli_SECRET/records"),
            404,
            "no-such-route",
        ),
        (Call::get(format!("{path}/")), 404, "no-such-route"),
    ] {
        assert_refused(&practice.as_clinician(call), status, problem);
    }
    for (target, allowed) in [
        (path.clone(), "POST, GET"),
        (own.clone(), "GET, PUT, DELETE"),
        (format!("{own}/versions"), "GET"),
        (format!("{own}/sign"), "POST"),
    ] {
        let refused = practice.as_clinician(Call::new(Method::PATCH, target));
        assert_refused(&refused, 405, "method-not-allowed");
        assert_eq!(refused.header("allow"), Some(allowed));
    }
    // Nothing was decided, so nothing is recorded either.
    assert!(practice.world.stores.dump() == before);
}

#[test]
fn content_keeps_its_rules_and_errors_point_into_the_body() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET");
    let path = practice.path(RECORDS);
    let own = format!("{path}/{record}");
    let before = practice.world.stores.dump();
    let future = json!({"kind": "progress_note", "content": {"session_at": "2026-12-01T08:05:01Z", "text": " "}});
    let written = practice.as_clinician(Call::post(&path, &future).once("rules"));
    assert_violates(&written, 422, "/content/session_at", "past");
    assert_violates(&written, 422, "/content/text", "length");

    let amend = |body: &Value| practice.as_clinician(Call::put(&own, body).header("if-match", "\"v1\""));
    let amended = amend(&json!({"reason": "", "record": future}));
    assert_violates(&amended, 422, "/reason", "length");
    assert_violates(&amended, 422, "/record/content/text", "length");
    let goalless =
        json!({"kind": "treatment_plan", "content": {"status": "active", "period": {"start": "2026-12-01"}}});
    assert_violates(
        &amend(&json!({"reason": "SECRET", "record": goalless})),
        422,
        "/record/content/goals",
        "count",
    );
    let misplaced = json!({"kind": "psychotherapy_note", "content": note("SECRET")["content"]});
    assert_violates(
        &amend(&json!({"reason": "SECRET", "record": misplaced})),
        400,
        "/record/kind",
        "kind",
    );
    let notes = format!("{}/{record}", practice.path(NOTES));
    let blank = json!({"reason": "SECRET", "content": note("")["content"]});
    let refused = practice.as_clinician(Call::put(notes, &blank).header("if-match", "\"v1\""));
    assert_violates(&refused, 422, "/content/text", "length");
    assert!(practice.world.stores.dump() == before);
}

#[test]
fn a_record_changes_from_the_version_that_was_seen_and_keeps_its_kind() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET one");
    let own = format!("{}/{record}", practice.path(RECORDS));
    let before = practice.state();
    let other_kind = Call::put(&own, &json!({"reason": "SECRET", "record": plan()})).header("if-match", "\"v1\"");
    for (call, status, problem) in [
        (other_kind.bearer(&practice.clinician.token), 409, "kind-differs"),
        (practice.amending(&record, 0, "SECRET two"), 412, "stale-version"),
        (practice.amending(&record, 2, "SECRET two"), 412, "stale-version"),
        (practice.amending(&record, u64::MAX, "SECRET two"), 412, "stale-version"),
    ] {
        let refused = practice.send(&call);
        assert_refused(&refused, status, problem);
        assert_eq!(practice.event(&refused).action, Action::Amend);
    }
    let missing = practice.world.entropy.id::<model::kind::Record>().to_string();
    assert_refused(
        &practice.send(&practice.amending(&missing, 1, "SECRET")),
        404,
        "not-found",
    );
    assert!(practice.state() == before);

    // The same amendment again is the same; anybody else's, or another one, comes too late.
    let amended = practice.send(&practice.amending(&record, 1, "SECRET two"));
    assert_eq!(amended.status, 200);
    practice.world.clock.advance(SignedDuration::from_secs(5));
    let again = practice.send(&practice.amending(&record, 1, "SECRET two"));
    assert_eq!(
        (again.status, again.header("etag"), &again.json),
        (200, Some("\"v2\""), &amended.json)
    );
    let stale = "stale-version";
    assert_refused(
        &practice.send(&practice.amending(&record, 1, "SECRET three")),
        412,
        stale,
    );
    let by_colleague = Call::put(
        &own,
        &json!({"reason": "SECRET a slip", "record": progress("SECRET two")}),
    );
    assert_refused(
        &practice.as_colleague(by_colleague.header("if-match", "\"v1\"")),
        412,
        stale,
    );
    assert_eq!(practice.versions(&record), [2, 1]);
    assert_eq!(
        practice.send(&practice.amending(&record, 2, "SECRET three")).status,
        200
    );
    assert_refused(&practice.send(&practice.amending(&record, 1, "SECRET two")), 412, stale);
    assert_eq!(practice.versions(&record), [3, 2, 1]);
}

#[test]
fn a_key_stands_for_one_request() {
    let practice = Practice::new();
    let first = practice.send(&practice.writing("write", "SECRET"));
    practice.world.clock.advance(SignedDuration::from_secs(5));
    let again = practice.send(&practice.writing("write", "SECRET"));
    assert_eq!((again.status, &again.json), (201, &first.json));
    assert_eq!(again.header("location"), first.header("location"));
    let before = practice.state();
    let reused = practice.send(&practice.writing("write", "SECRET other"));
    assert_refused(&reused, 422, "idempotency-key-reused");
    assert_eq!(practice.event(&reused).action, Action::Create);
    assert!(practice.state() == before);

    // A key is its sender's, and stands for one place.
    let colleague = Call::post(practice.path(RECORDS), &progress("SECRET")).once("write");
    assert_ne!(practice.as_colleague(colleague).text("id"), first.text("id"));
    let elsewhere = Call::post(practice.path(NOTES), &note("SECRET")).once("write");
    assert_ne!(practice.as_clinician(elsewhere).text("id"), first.text("id"));
    assert_eq!(practice.listed().len(), 2);

    // Long after, and after an amendment, the repeated request brings nothing back.
    let id = first.text("id");
    assert_eq!(practice.send(&practice.amending(&id, 1, "SECRET two")).status, 200);
    for number in 0..80 {
        practice.write(&format!("later-{number}"), "SECRET");
    }
    let again = practice.send(&practice.writing("write", "SECRET"));
    assert_eq!((again.status, again.text("id")), (201, id.clone()));
    assert_eq!(again.json["version"], 2);
    let all = practice.as_clinician(Call::get(format!("{}?limit=200", practice.path(RECORDS))));
    let ids = values(&all, "records", "id");
    assert_eq!((ids.len(), ids.iter().filter(|other| **other == id).count()), (82, 1));
}

#[test]
fn every_answer_names_its_entry_in_the_trail() {
    let practice = Practice::new();
    let subject = {
        let officer = log_in(
            &practice.world,
            &[Role::PrivacyOfficer],
            practice.clinic,
            practice.world.entropy.id(),
            None,
        );
        let call = Call::get(format!("/v1/consent/clients/{}", practice.client)).bearer(&officer);
        practice.to_consent(&call, 200).text("subject_id")
    };
    let written = practice.send(&practice.writing("write", "SECRET"));
    let note_written = practice.as_clinician(Call::post(practice.path(NOTES), &note("SECRET")).once("note"));
    for (record, rule) in [
        (written.text("id"), "care.records"),
        (note_written.text("id"), "care.own-psychotherapy-notes"),
    ] {
        for (call, action, class) in requests(&practice.client, &record) {
            let answer = practice.as_clinician(call.header("spin-client-addr", "192.0.2.7:4711"));
            let there = (class == DataClass::Health) == (rule == "care.records");
            assert!(
                matches!(answer.status, 200 | 201) || (answer.status == 404 && !there),
                "{}",
                answer.json
            );
            let event = practice.event(&answer);
            assert_eq!(
                (event.action, event.class, event.decision),
                (action, class, Decision::Allowed)
            );
            assert_eq!(
                event.rule,
                if class == DataClass::Health {
                    "care.records"
                } else {
                    "care.own-psychotherapy-notes"
                }
            );
            assert_eq!(
                event.subject.map(|subject| subject.to_string()).as_deref(),
                Some(subject.as_str())
            );
            let resource = match action {
                Action::List => None,
                Action::Create => answer.json["id"].as_str(),
                _ => Some(record.as_str()),
            };
            assert_eq!(event.resource.as_deref(), resource);
            let actor = event.actor.unwrap();
            assert_eq!(
                (actor.account, actor.role),
                (practice.clinician.account, Role::Clinician)
            );
            assert!(event.consent.is_some() && event.network.as_deref() == Some("192.0.2.7"));
            assert_eq!(event.request.to_string(), answer.header("x-request-id").unwrap());
        }
    }
}

/// A platform that lacks one store.
struct Lacking<'a> {
    stores: &'a dyn Stores,
    label: &'static str,
}

impl Stores for Lacking<'_> {
    fn store(&self, label: &'static str) -> Result<Box<dyn Kv + '_>, KvError> {
        if label == self.label {
            return Err(KvError::NotGranted);
        }
        self.stores.store(label)
    }
}

#[test]
fn an_incomplete_deployment_says_so_to_its_operator() {
    for label in ["health", "health-keys", "sessions", "permissions", "audit"] {
        let practice = Practice::new();
        let before = practice.state();
        for (call, ..) in requests(
            &practice.client,
            &practice.world.entropy.id::<model::kind::Record>().to_string(),
        ) {
            let request = call.bearer(&practice.clinician.token).request();
            let answer = practice.world.with_platform(Function::Records, |platform| {
                let stores = Lacking {
                    stores: platform.stores,
                    label,
                };
                let platform = Platform {
                    stores: &stores,
                    ..platform
                };
                Answer::from(testkit::serve(platform, Function::Records, &ROUTES, &request))
            });
            assert_eq!(answer.status, 503, "{label} {}", answer.json);
            assert_eq!(answer.header("retry-after"), Some("30"));
        }
        assert!(practice.world.log().iter().all(|line| line.contains("spin.toml")));
        assert_eq!(practice.world.log().len(), 10);
        assert!(practice.state() == before);
    }
    for keyring in [None, Some(""), Some("SECRET")] {
        let mut practice = Practice::new();
        match keyring {
            None => drop(practice.world.keyrings.remove(&Function::Records)),
            Some(text) => drop(practice.world.keyrings.insert(Function::Records, text.to_owned())),
        }
        let answer = practice.as_clinician(Call::get(practice.path(RECORDS)));
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("30")));
        let log = practice.world.log();
        assert!(
            log.len() == 1 && log[0].contains("SPIN_VARIABLE_RECORDS_KEYRING"),
            "{log:?}"
        );
        assert!(!log[0].contains("SECRET") && !answer.json.to_string().contains("KEYRING"));
    }
}

#[test]
fn without_the_trail_nothing_is_read_or_written() {
    for select in 0..10 {
        let prepare = || {
            let practice = Practice::new();
            let record = practice.write("write", "SECRET");
            let (call, ..) = requests(&practice.client, &record).swap_remove(select);
            practice.world.stores.disarm();
            (practice, call)
        };
        let (practice, call) = prepare();
        practice.as_clinician(call);
        let trace = practice.world.stores.trace();
        let of = |store: &str| -> Vec<usize> {
            let prefix = format!("{store} ");
            (0..trace.len())
                .filter(|nth| trace[*nth].starts_with(&prefix))
                .collect()
        };
        let (audit, keys, health) = (of("audit"), of("health-keys"), of("health"));
        let recorded = *audit.last().unwrap();
        assert!(
            keys.iter().chain(&health).all(|opened| recorded < *opened),
            "opened before it was recorded: {trace:?}"
        );
        assert!(!keys.is_empty());
        for fault in Fault::ALL {
            for nth in &audit {
                let (practice, call) = prepare();
                let before = practice.state();
                practice.world.stores.arm(*nth, fault);
                let answer = survive(|| practice.as_clinician(call));
                let trace = practice.world.stores.trace();
                practice.world.stores.disarm();
                match answer {
                    // The operation was one that the append can do without, or whose outcome it could learn.
                    Some(answer) if answer.status != 503 => {
                        practice.event(&answer);
                    }
                    Some(_) | None => {
                        assert!(practice.state() == before, "{fault:?} {nth}");
                        assert!(
                            trace.iter().all(|operation| !operation.starts_with("health")),
                            "{fault:?} {nth}: {trace:?}"
                        );
                    }
                }
                practice.trail();
            }
        }
        let (practice, call) = prepare();
        practice.world.stores.arm(audit[0], Fault::Refused);
        assert_eq!(practice.as_clinician(call).status, 503);
    }
}

/// A request that is broken off at every operation in every way, and then repeated.
fn at_every_crash_point(prepare: impl Fn(&Practice) -> Call, verify: impl Fn(&Practice, &Answer)) {
    at_every_crash_point_of(true, prepare, verify);
}

/// As [`at_every_crash_point`]. What is listed before stays so throughout where the request `keeps` it.
fn at_every_crash_point_of(keeps: bool, prepare: impl Fn(&Practice) -> Call, verify: impl Fn(&Practice, &Answer)) {
    for fault in Fault::ALL {
        for nth in 0.. {
            let practice = Practice::new();
            let call = prepare(&practice);
            let before = practice.listed();
            practice.world.stores.arm(nth, fault);
            let first = survive(|| practice.send(&call));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            let listed = practice.assert_whole();
            assert!(
                !keeps || before.iter().all(|record| listed.contains(record)),
                "{fault:?} {nth}: lost"
            );
            // A creator that died keeps others waiting for a minute.
            practice.world.clock.advance(SignedDuration::from_secs(60));
            let answer = practice.send(&call);
            assert!((200..300).contains(&answer.status), "{fault:?} {nth}: {}", answer.json);
            match first {
                Some(first) if (200..300).contains(&first.status) => {
                    assert_eq!(first.json, answer.json, "{fault:?} {nth}");
                }
                Some(first) => assert_eq!(first.status, 503, "{fault:?} {nth}: {}", first.json),
                None => {}
            }
            practice.assert_whole();
            practice.event(&answer);
            verify(&practice, &answer);
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn writing_is_finished_by_a_repeated_request() {
    let verify = |number| {
        move |practice: &Practice, answer: &Answer| {
            assert_eq!(answer.json["version"], 1);
            let listed = practice.listed();
            assert!(listed.len() == number && listed.contains(&answer.text("id")));
            assert_eq!(practice.read(&answer.text("id")).json, answer.json);
        }
    };
    // The first record begins the chart: its key, and its index.
    at_every_crash_point(|practice| practice.writing("write", "SECRET"), verify(1));
    at_every_crash_point(
        |practice| {
            practice.write("before", "SECRET");
            practice.writing("write", "SECRET")
        },
        verify(2),
    );
}

#[test]
fn amending_is_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| {
            let record = practice.write("write", "SECRET one");
            practice.amending(&record, 1, "SECRET two")
        },
        |practice, answer| {
            assert_eq!(answer.json["version"], 2);
            assert_eq!(practice.versions(&answer.text("id")), [2, 1]);
            assert_eq!(practice.read(&answer.text("id")).json, answer.json);
        },
    );
}

#[test]
fn reading_is_finished_by_a_repeated_request() {
    for target in ["", "/{record}", "/{record}/versions"] {
        at_every_crash_point(
            |practice| {
                let record = practice.write("write", "SECRET one");
                assert_eq!(practice.send(&practice.amending(&record, 1, "SECRET two")).status, 200);
                let target = target.replace("{record}", &record);
                Call::get(format!("{}{target}", practice.path(RECORDS))).bearer(&practice.clinician.token)
            },
            |practice, answer| {
                assert_eq!(answer.status, 200);
                assert_eq!(practice.listed().len(), 1);
            },
        );
    }
}

/// Two requests, the second of which happens as a whole between any two operations of the first.
fn at_every_interleaving(
    prepare: impl Fn(&Practice) -> (Call, Call),
    send: impl Fn(&Practice, &Call) -> Answer + Copy + 'static,
    verify: impl Fn(&Practice, &Answer, &Answer),
) {
    for nth in 0.. {
        let practice = Rc::new(Practice::new());
        practice.begin_chains();
        let (first, second) = prepare(&practice);
        let second_answer = Rc::new(std::cell::RefCell::new(None));
        let (other, kept) = (Rc::clone(&practice), Rc::clone(&second_answer));
        practice.world.stores.meanwhile(nth, move || {
            *kept.borrow_mut() = Some(send(&other, &second));
        });
        let first_answer = send(&practice, &first);
        practice.world.stores.disarm();
        let Some(second_answer) = second_answer.borrow_mut().take() else {
            break;
        };
        practice.assert_whole();
        verify(&practice, &first_answer, &second_answer);
    }
}

#[test]
fn of_two_amendments_of_one_version_one_is_made() {
    at_every_interleaving(
        |practice| {
            let record = practice.write("write", "SECRET one");
            let other = practice.amending(&record, 1, "SECRET as well");
            (practice.amending(&record, 1, "SECRET mine"), other)
        },
        |practice, call| practice.send(call),
        |practice, first, second| {
            // 503 where the first request is just beginning the history.
            assert!(matches!(first.status, 200 | 412), "{}", first.json);
            assert!(matches!(second.status, 200 | 412 | 503), "{}", second.json);
            let made: Vec<_> = [first, second]
                .into_iter()
                .filter(|answer| answer.status == 200)
                .collect();
            assert_eq!(made.len(), 1);
            assert_eq!(practice.read(&made[0].text("id")).json, made[0].json);
            assert_eq!(practice.versions(&made[0].text("id")), [2, 1]);
        },
    );
}

#[test]
fn two_equal_requests_at_once_are_one() {
    at_every_interleaving(
        |practice| {
            let write = practice.writing("write", "SECRET");
            (write.clone(), write)
        },
        |practice, call| practice.send(call),
        |practice, first, second| {
            assert_eq!(first.status, 201, "{}", first.json);
            assert!(matches!(second.status, 201 | 503), "{}", second.json);
            assert_eq!(practice.listed(), [first.text("id")]);
        },
    );
    at_every_interleaving(
        |practice| {
            let record = practice.write("write", "SECRET one");
            let amend = practice.amending(&record, 1, "SECRET two");
            (amend.clone(), amend)
        },
        |practice, call| practice.send(call),
        |practice, first, second| {
            assert_eq!(first.status, 200, "{}", first.json);
            assert!(matches!(second.status, 200 | 503), "{}", second.json);
            assert_eq!(practice.versions(&first.text("id")), [2, 1]);
        },
    );
}

#[test]
fn a_history_that_is_read_while_it_grows_shows_no_version_twice() {
    at_every_interleaving(
        |practice| {
            let record = practice.write("write", "SECRET one");
            assert_eq!(practice.send(&practice.amending(&record, 1, "SECRET two")).status, 200);
            let history = Call::get(format!("{}/{record}/versions", practice.path(RECORDS)));
            (
                history.bearer(&practice.clinician.token),
                practice.amending(&record, 2, "SECRET three"),
            )
        },
        |practice, call| practice.send(call),
        |_, history, amended| {
            assert_eq!((history.status, amended.status), (200, 200));
            let versions = history.json["versions"].as_array().unwrap();
            let numbers: Vec<_> = versions
                .iter()
                .map(|version| version["version"].as_u64().unwrap())
                .collect();
            assert!(numbers == [2, 1] || numbers == [3, 2, 1], "{numbers:?}");
        },
    );
}

/// A request that lost to several others comes to the history when the version that it saw has long been moved there, out
/// of sight of the log's own check for repetitions.
#[test]
fn an_amendment_that_is_overtaken_by_many_leaves_no_version_twice() {
    for (others, length) in [(3, 13 * 1024), (20, 10)] {
        for nth in 0.. {
            let practice = Rc::new(Practice::new());
            practice.begin_chains();
            let record = practice.write("write", &"one ".repeat(length / 4));
            let (other, same) = (Rc::clone(&practice), record.clone());
            practice.world.stores.meanwhile(nth, move || {
                for version in 1..=others {
                    let amend = other.amending(&same, version, &format!("{version} ").repeat(length / 2));
                    if other.send(&amend).status == 503 {
                        break;
                    }
                }
            });
            let answer = practice.send(&practice.amending(&record, 1, "SECRET late"));
            assert!(matches!(answer.status, 200 | 412), "{}", answer.json);
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            practice.assert_whole();
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn a_record_is_listed_once_however_late_its_index_entry_comes() {
    for nth in 0.. {
        let practice = Rc::new(Practice::new());
        practice.begin_chains();
        let write = practice.writing("write", "SECRET");
        let (other, same) = (Rc::clone(&practice), write.clone());
        practice.world.stores.meanwhile(nth, move || {
            // The sender has given up waiting, tries again, and goes on.
            if other.send(&same).status == 201 {
                for number in 0..20 {
                    other.write(&format!("next-{number}"), "SECRET");
                }
            }
        });
        assert_eq!(practice.send(&write).status, 201);
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        let all = practice.assert_whole();
        assert!(matches!(all.len(), 1 | 21));
        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = practice.as_clinician(Call::get(format!("{}?limit=6{cursor}", practice.path(RECORDS))));
            paged.extend(values(&page, "records", "id"));
            let Some(next) = page.json["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, all);
        if !reached {
            break;
        }
    }
}

/// A request that is finished hours later leaves an old entry among young ones, which must not hide those behind it.
#[test]
fn a_record_is_listed_once_whenever_its_request_is_repeated() {
    let practice = Practice::new();
    let late = practice.writing("late", "SECRET late");
    // Dies as soon as the record is there, before its index entry is.
    for nth in 0.. {
        let before = practice.world.stores.dump();
        practice.world.stores.arm(nth, Fault::KilledAfter);
        let _ = survive(|| practice.send(&late));
        let trace = practice.world.stores.trace();
        practice.world.stores.disarm();
        if trace.iter().any(|operation| operation.starts_with("health set")) {
            break;
        }
        practice.world.stores.restore(&before);
    }
    assert_eq!(practice.listed(), [""; 0]);
    for _ in 0..6 {
        practice.world.clock.advance(SignedDuration::from_mins(20));
        practice.listed();
    }
    let first = practice.write("first", "SECRET");
    for number in 0..80 {
        practice.write(&format!("next-{number}"), "SECRET");
    }
    assert_eq!(practice.send(&late).status, 201);
    assert_eq!(practice.write("first", "SECRET"), first);
    let all = practice.as_clinician(Call::get(format!("{}?limit=200", practice.path(RECORDS))));
    let ids = values(&all, "records", "id");
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (82, 82));
}

#[test]
fn what_is_listed_while_it_is_written_can_be_read() {
    at_every_interleaving(
        |practice| {
            practice.write("before", "SECRET");
            let list = Call::get(practice.path(RECORDS)).bearer(&practice.clinician.token);
            (practice.writing("write", "SECRET"), list)
        },
        |practice, call| practice.send(call),
        |practice, _, list| {
            for id in values(list, "records", "id") {
                assert_eq!(practice.read(&id).status, 200);
            }
        },
    );
}

#[test]
fn after_an_acknowledged_withdrawal_no_write_succeeds() {
    let send = |practice: &Practice, call: &Call| {
        if call.request().uri().path().starts_with("/v1/consent/") {
            let answer = practice
                .world
                .serve(Function::Consent, &consent::ROUTES, &call.request());
            let answer = Answer::from(answer);
            assert_eq!(answer.status, 200, "{}", answer.json);
            // Acknowledged: whatever starts from here on fails.
            let late = practice.send(&practice.writing("late", "SECRET late"));
            assert_refused(&late, 403, "no-consent");
            return answer;
        }
        practice.send(call)
    };
    let withdraw = |practice: &Practice| Call::post(&practice.withdraw, &json!({})).bearer(&practice.admin.token);
    let verify = |practice: &Practice, write: &Answer| {
        assert!(matches!(write.status, 201 | 403), "{}", write.json);
        let written = practice
            .trail()
            .into_iter()
            .filter(|event| event.action == Action::Create && event.decision == Decision::Allowed);
        assert_eq!(written.count(), usize::from(write.status == 201));
    };
    for withdrawal_first in [false, true] {
        for nth in 0.. {
            let practice = Rc::new(Practice::new());
            practice.begin_chains();
            let (write, withdraw) = (practice.writing("write", "SECRET"), withdraw(&practice));
            let (first, second) = if withdrawal_first {
                (withdraw, write)
            } else {
                (write, withdraw)
            };
            let kept = Rc::new(std::cell::RefCell::new(None));
            let (other, keep) = (Rc::clone(&practice), Rc::clone(&kept));
            practice.world.stores.meanwhile(nth, move || {
                *keep.borrow_mut() = Some(send(&other, &second));
            });
            let first = send(&practice, &first);
            practice.world.stores.disarm();
            let Some(second) = kept.borrow_mut().take() else { break };
            verify(&practice, if withdrawal_first { &second } else { &first });
        }
    }
}

#[test]
fn what_was_not_written_here_is_not_shown() {
    let prepare = || {
        let practice = Practice::new();
        let record = practice.write("write", "SECRET one");
        assert_eq!(practice.send(&practice.amending(&record, 1, "SECRET two")).status, 200);
        practice.write("other", "SECRET other");
        (practice, record)
    };
    for store in ["health", "health-keys", "permissions"] {
        let (practice, record) = prepare();
        practice.world.stores.tamper(|label, key, value| {
            if label == store && key.starts_with("doc/") {
                *value.last_mut().unwrap() ^= 1;
            }
        });
        for target in [String::new(), format!("/{record}"), format!("/{record}/versions")] {
            let call = Call::get(format!("{}{target}", practice.path(RECORDS))).bearer(&practice.clinician.token);
            let answer = practice.world.serve(Function::Records, &ROUTES, &call.request());
            let answer = Answer::from(answer);
            assert_refused(&answer, 500, "integrity-violation");
            // Where it was decided before, the answer leads the privacy officer to the entry.
            match store {
                "permissions" => assert_eq!(answer.header("audit-id"), None),
                _ => assert_eq!(practice.event(&answer).decision, Decision::Allowed),
            }
        }
        assert!(practice.world.log()[0].contains("integrity violation"));
    }
    // Two documents in each other's place are as bad: a place is part of what is sealed.
    let (practice, record) = prepare();
    let dump = practice.world.stores.dump();
    let health: Vec<_> = dump.iter().filter(|entry| entry.0 == "health").collect();
    let mut refused = 0;
    for one in &health {
        for two in &health {
            let swapped: Vec<_> = dump
                .iter()
                .map(|entry| match entry {
                    entry if entry == *one => (entry.0.clone(), entry.1.clone(), two.2.clone()),
                    entry if entry == *two => (entry.0.clone(), entry.1.clone(), one.2.clone()),
                    entry => entry.clone(),
                })
                .collect();
            practice.world.stores.restore(&swapped);
            for call in [
                Call::get(practice.path(RECORDS)),
                Call::get(format!("{}/{record}", practice.path(RECORDS))),
            ] {
                let call = call.bearer(&practice.clinician.token).request();
                let answer = Answer::from(practice.world.serve(Function::Records, &ROUTES, &call));
                match answer.status {
                    200 => assert!(!answer.json.to_string().contains("SECRET other")),
                    _ => {
                        assert_refused(&answer, 500, "integrity-violation");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn the_stores_say_nothing_of_anybody() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET slept badly");
    assert_eq!(
        practice
            .send(&practice.amending(&record, 1, "SECRET slept well"))
            .status,
        200
    );
    for body in [assessment(), plan()] {
        let call = Call::post(practice.path(RECORDS), &body).once(body["kind"].as_str().unwrap());
        assert_eq!(practice.as_clinician(call).status, 201);
    }
    let noted = practice.as_clinician(Call::post(practice.path(NOTES), &note("SECRET dream")).once("note"));
    assert_eq!(noted.status, 201);
    let client: ClientId = practice.client.parse().unwrap();
    let added = practice.send(&practice.adding(&practice.clinician, &record, "add", "SECRET more"));
    assert_eq!(added.status, 201);
    let addendum: model::AddendumId = added.text("id").parse().unwrap();
    let written: RecordId = record.parse().unwrap();
    let account = practice.clinician.account;
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for (store, key, value) in practice.world.stores.dump() {
        for part in [
            "SECRET",
            "slept",
            "PHQ-9",
            "progress_note",
            "treatment_plan",
            "2026-11-30",
            practice.client.as_str(),
            record.as_str(),
            account.to_string().as_str(),
        ] {
            assert!(!key.contains(part), "{store} {key} {part}");
            assert!(!contains(&value, part.as_bytes()), "{store} {key} {part}");
        }
        assert!(!contains(&value, client.as_bytes()), "{store} {key}");
        assert!(!contains(&value, account.as_bytes()), "{store} {key}");
        assert!(!contains(&value, written.as_bytes()), "{store} {key}");
        assert!(!contains(&value, addendum.as_bytes()), "{store} {key}");
    }
    assert!(practice.world.log().is_empty(), "{:?}", practice.world.log());
}
