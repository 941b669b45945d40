//! Whole requests against the function on a platform in memory. Permissions come from the consent function itself.

mod rewrap;

use std::rc::Rc;

use jiff::SignedDuration;
use model::{AccountId, ClientId, ClinicId, Function, Role};
use ports::EntropyExt;
use serde_json::{Value, json};
use testkit::{Answer, Call, Fault, World, assert_refused, log_in, survive};

use crate::ROUTES;

mod exchange;
mod merges;
mod searches;

struct Staff {
    account: AccountId,
    token: String,
}

/// A clinic with somebody in every role that comes here.
struct Practice {
    world: World,
    clinic: ClinicId,
    clinician: Staff,
    colleague: Staff,
    admin: Staff,
}

impl Practice {
    fn new() -> Self {
        let world = World::new(11);
        let clinic = world.entropy.id();
        let staff = |role| {
            let account = world.entropy.id();
            let token = log_in(&world, &[role], clinic, account, None);
            Staff { account, token }
        };
        let practice = Self {
            clinician: staff(Role::Clinician),
            colleague: staff(Role::Clinician),
            admin: staff(Role::ClinicAdmin),
            clinic,
            world,
        };
        let jurisdiction = Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction());
        practice.to_consent(&jurisdiction.bearer(&practice.admin.token), 201);
        practice
    }

    fn send(&self, call: &Call) -> Answer {
        let answer = Answer::from(self.world.serve(Function::Identity, &ROUTES, &call.request()));
        assert!(answer.status != 500, "{:?} {:?}", answer.json, self.world.log());
        answer
    }

    fn as_clinician(&self, call: Call) -> Answer {
        self.send(&call.bearer(&self.clinician.token))
    }

    fn to_consent(&self, call: &Call, status: u16) -> Answer {
        let answer = Answer::from(self.world.serve(Function::Consent, &consent::ROUTES, &call.request()));
        assert_eq!(answer.status, status, "{}", answer.json);
        answer
    }

    /// A client of the clinician without any consent.
    fn open(&self, key: &str) -> String {
        let call = Call::post("/v1/consent/clients", &json!({})).once(key);
        self.to_consent(&call.bearer(&self.clinician.token), 201)
            .text("client_id")
    }

    /// Records that she agrees to be registered, and returns the path to withdraw it.
    fn agree(&self, client: &str) -> String {
        let notice = testkit::notice(&["TREAT", "PATADMIN", "PATRQT"], &["identity"]);
        let call = Call::post("/v1/consent/notices", &notice).once("notice");
        let notice = self.to_consent(&call.bearer(&self.admin.token), 201).text("notice_id");
        let terms = json!({"notice_id": notice, "language": "en", "purposes": ["TREAT", "PATADMIN", "PATRQT"], "classes": ["identity"],
            "given_by": "client", "method": "written"});
        let path = format!("/v1/consent/clients/{client}/consents");
        let call = Call::post(&path, &terms).once("give");
        let consent = self
            .to_consent(&call.bearer(&self.clinician.token), 201)
            .text("consent_id");
        format!("{path}/{consent}/withdraw")
    }

    fn consenting(&self, key: &str) -> String {
        let client = self.open(key);
        self.agree(&client);
        client
    }

    fn register(&self, client: &str, person: &Value) -> Answer {
        let body = json!({"client_id": client, "client": person});
        self.as_clinician(Call::post("/v1/identity/clients", &body).once("register"))
    }

    fn read(&self, client: &str) -> Answer {
        self.as_clinician(Call::get(format!("/v1/identity/clients/{client}")))
    }

    fn correct(&self, client: &str, version: u64, person: &Value) -> Answer {
        let body = json!({"reason": "SECRET she moved", "client": person});
        self.as_clinician(
            Call::put(format!("/v1/identity/clients/{client}"), &body).header("if-match", &format!("\"v{version}\"")),
        )
    }

    /// The clients that a search finds for a caller.
    fn found(&self, token: &str, sought: &Value) -> Vec<String> {
        let answer = self.send(&Call::post("/v1/identity/clients/search", sought).bearer(token));
        assert_eq!(answer.status, 200, "{}", answer.json);
        let clients = answer.json["clients"].as_array().unwrap();
        clients
            .iter()
            .map(|client| client["client_id"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn person(email: &str) -> Value {
    json!({"name": {"given": [" Zoe\u{308} "], "family": "Okafor-SECRET", "preferred": "Zo"}, "birth_date": "1987-03-21",
        "telecoms": [{"system": "email", "value": email}, {"system": "phone", "value": "0049 (30) 123-456.78"}],
        "preferences": {"language": "en-GB", "channels": ["email", "sms"], "pet_at_session": false}})
}

/// The e-mail address of an answer about somebody made by [`person`].
fn email(client: &Value) -> &str {
    client["telecoms"][0]["value"].as_str().unwrap()
}

#[test]
fn a_client_from_registration_to_correction() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    assert_refused(&practice.read(&client), 404, "not-found");

    let registered = practice.register(&client, &person("Zoe@Example.org"));
    assert_eq!(
        (registered.status, registered.header("etag")),
        (201, Some("\"v1\"")),
        "{}",
        registered.json
    );
    let path = format!("/v1/identity/clients/{client}");
    assert_eq!(registered.header("location"), Some(path.as_str()));
    let account = practice.clinician.account.to_string();
    assert_eq!(
        registered.json,
        json!({"client_id": client, "version": 1, "registered_at": "2026-12-01T08:00:00Z", "registered_by": account,
            "written_at": "2026-12-01T08:00:00Z", "written_by": account,
            "name": {"given": ["Zoë"], "family": "Okafor-SECRET", "preferred": "Zo"}, "birth_date": "1987-03-21",
            "telecoms": [{"system": "email", "value": "zoe@example.org"}, {"system": "phone", "value": "+493012345678"}],
            "preferences": {"language": "en-GB", "channels": ["email", "sms"], "pet_at_session": false}})
    );
    let read = practice.read(&client);
    assert_eq!((read.header("etag"), &read.json), (Some("\"v1\""), &registered.json));

    practice.world.clock.advance(SignedDuration::from_mins(1));
    let corrected = practice.correct(&client, 1, &person("zoe@new.example.org"));
    assert_eq!(
        (corrected.status, corrected.header("etag")),
        (200, Some("\"v2\"")),
        "{}",
        corrected.json
    );
    assert_eq!(corrected.text("reason"), "SECRET she moved");
    assert_eq!(corrected.text("registered_at"), "2026-12-01T08:00:00Z");
    assert_eq!(practice.read(&client).json, corrected.json);

    // Repeated because its answer was lost, it is done already; another correction of that version is late.
    practice.world.clock.advance(SignedDuration::from_mins(1));
    let repeated = practice.correct(&client, 1, &person("zoe@new.example.org"));
    assert_eq!((repeated.status, &repeated.json), (200, &corrected.json));
    assert_refused(
        &practice.correct(&client, 1, &person("late@example.org")),
        412,
        "stale-version",
    );
    let body = json!({"reason": "SECRET", "client": person("SECRET@example.org")});
    assert_refused(
        &practice.as_clinician(Call::put(&path, &body)),
        428,
        "precondition-required",
    );

    assert_eq!(
        practice.correct(&client, 2, &person("zoe@newest.example.org")).status,
        200
    );
    let history = practice.as_clinician(Call::get(format!("{path}/history")));
    let emails = |answer: &Answer| -> Vec<String> {
        let versions = answer.json["versions"].as_array().unwrap();
        versions.iter().map(|version| email(version).to_owned()).collect()
    };
    assert_eq!(
        emails(&history),
        ["zoe@newest.example.org", "zoe@new.example.org", "zoe@example.org"]
    );
    let page = practice.as_clinician(Call::get(format!("{path}/history?limit=1")));
    assert_eq!(emails(&page), ["zoe@newest.example.org"]);
    let rest = practice.as_clinician(Call::get(format!(
        "{path}/history?limit=2&cursor={}",
        page.text("next")
    )));
    assert_eq!(
        (emails(&rest), &rest.json["next"]),
        (
            vec!["zoe@new.example.org".to_owned(), "zoe@example.org".to_owned()],
            &Value::Null
        )
    );
}

#[test]
fn nothing_is_kept_before_consent_or_shown_after_it() {
    let practice = Practice::new();
    let client = practice.open("open");
    let stores = |store: &str| {
        practice
            .world
            .stores
            .dump()
            .iter()
            .filter(|(name, ..)| name == store)
            .count()
    };
    assert_refused(
        &practice.register(&client, &person("zoe@example.org")),
        403,
        "no-consent",
    );
    assert_eq!((stores("identity"), stores("identity-keys")), (0, 0));

    let withdraw = practice.agree(&client);
    assert_eq!(practice.register(&client, &person("zoe@example.org")).status, 201);
    assert_eq!(practice.read(&client).status, 200);
    let call = Call::post(&withdraw, &json!({}));
    practice.to_consent(&call.bearer(&practice.clinician.token), 200);
    assert_refused(&practice.read(&client), 403, "no-consent");
    assert_refused(
        &practice.correct(&client, 1, &person("zoe@example.org")),
        403,
        "no-consent",
    );
    assert_eq!(
        practice.found(&practice.clinician.token, &json!({"email": "zoe@example.org"})),
        [""; 0]
    );
    // Her own right to see what is kept does not depend on it.
    let id: ClientId = client.parse().unwrap();
    let token = log_in(
        &practice.world,
        &[Role::Client],
        practice.clinic,
        practice.world.entropy.id(),
        Some(id),
    );
    let own = Call::get(format!("/v1/identity/clients/{client}"));
    assert_eq!(practice.send(&own.bearer(&token)).status, 200);
}

#[test]
fn refusals_do_not_tell_whether_there_is_such_a_client() {
    let practice = Practice::new();
    let world = &practice.world;
    let client = practice.consenting("open");
    assert_eq!(practice.register(&client, &person("zoe@example.org")).status, 201);
    let missing = world.entropy.id::<model::kind::Client>().to_string();
    let elsewhere: ClinicId = world.entropy.id();
    let requests = |client: &str| {
        let path = format!("/v1/identity/clients/{client}");
        let registration = json!({"client_id": client, "client": person("zoe@example.org")});
        let correction = json!({"reason": "moved", "client": person("eve@example.org")});
        [
            Call::get(&path),
            Call::get(format!("{path}/history")),
            Call::post("/v1/identity/clients", &registration).once("register"),
            Call::put(&path, &correction).header("if-match", "\"v1\""),
        ]
    };
    let outsider = |role, clinic, client| log_in(world, &[role], clinic, world.entropy.id(), client);
    for token in [
        practice.colleague.token.clone(),
        outsider(Role::Clinician, elsewhere, None),
        outsider(Role::ClinicAdmin, elsewhere, None),
        outsider(Role::Client, practice.clinic, Some(world.entropy.id())),
        outsider(Role::Client, elsewhere, Some(client.parse().unwrap())),
        outsider(Role::Billing, practice.clinic, None),
        outsider(Role::PrivacyOfficer, practice.clinic, None),
        outsider(Role::Auditor, practice.clinic, None),
    ] {
        for (there, not_there) in requests(&client).into_iter().zip(requests(&missing)) {
            let there = practice.send(&there.bearer(&token));
            let not_there = practice.send(&not_there.bearer(&token));
            assert_refused(&there, 403, "access-denied");
            assert_eq!(there.json, not_there.json);
        }
    }
    for call in requests(&client) {
        assert_refused(&practice.send(&call), 401, "unauthenticated");
    }
    let marketing = Call::get(format!("/v1/identity/clients/{client}")).header("purpose-of-use", "HMARKT");
    assert_refused(&practice.as_clinician(marketing), 403, "prohibited-purpose");
}

#[test]
fn registering_twice_is_the_same_or_refused() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    let first = practice.register(&client, &person("zoe@example.org"));
    let again = practice.register(&client, &person("zoe@example.org"));
    assert_eq!((again.status, &again.json), (201, &first.json));
    assert_refused(
        &practice.register(&client, &person("SECRET@example.org")),
        409,
        "already-registered",
    );
    assert_eq!(practice.read(&client).json, first.json);
}

#[test]
fn what_is_not_asked_for_is_not_accepted() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    for (pointer, value) in [
        ("", json!({"religion": "SECRET"})),
        (
            "/name",
            json!({"given": ["SECRET"], "family": "SECRET", "title": "SECRET"}),
        ),
        ("/telecoms/0", json!({"fax": "SECRET"})),
        ("/telecoms/0/system", json!("SECRET")),
        ("/birth_date", json!("SECRET-1987")),
        ("/birth_date", json!("1987-SECRET")),
        ("/birth_date", json!("1987-02-30")),
        ("/preferences/channels", json!(["SECRET"])),
        ("/preferences/pet_at_session", json!("SECRET")),
        ("", json!({"deceased": "SECRET-1987"})),
        ("", json!({"marital_status": "SECRET"})),
        (
            "",
            json!({"identifiers": [{"type": "SS", "system": "urn:x", "value": "SECRET"}]}),
        ),
    ] {
        let mut body = person("zoe@example.org");
        match (body.pointer_mut(pointer).unwrap(), &value) {
            (Value::Object(fields), Value::Object(more)) => fields.extend(more.clone()),
            (field, _) => *field = value,
        }
        let refused = practice.register(&client, &body);
        assert_refused(&refused, 400, "malformed-request");
        let field = refused.json["errors"][0]["field"].as_str().unwrap();
        assert!(field.starts_with(&format!("/client{pointer}")), "{field}");
        assert!(!refused.json.to_string().contains("1987"), "{}", refused.json);
    }
    let mut body = person("SECRET");
    body["telecoms"][1]["value"] = json!("SECRET 12");
    body["name"]["given"][0] = json!("");
    body["birth_date"] = json!("2030-01-01");
    let refused = practice.register(&client, &body);
    assert_refused(&refused, 422, "invalid-content");
    let fields: Vec<_> = refused.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].clone())
        .collect();
    assert_eq!(
        fields,
        [
            "/client/birth_date",
            "/client/name/given/0",
            "/client/telecoms/0/value",
            "/client/telecoms/1/value"
        ]
    );
    let body = json!({"client_id": client, "client": person("zoe@example.org")});
    let without_key = practice.as_clinician(Call::post("/v1/identity/clients", &body));
    assert_refused(&without_key, 400, "malformed-request");
    assert_refused(&practice.read(&client), 404, "not-found");
}

#[test]
fn a_search_finds_whom_the_caller_may_read() {
    let practice = Practice::new();
    let (mine, also_mine) = (practice.consenting("one"), practice.consenting("two"));
    for client in [&mine, &also_mine] {
        assert_eq!(practice.register(client, &person("Family@Example.org")).status, 201);
    }
    let (clinician, admin) = (&practice.clinician.token, &practice.admin.token);
    let by_email = json!({"email": " FAMILY@example.org"});
    assert_eq!(practice.found(clinician, &by_email), [mine.clone(), also_mine.clone()]);
    assert_eq!(
        practice.found(admin, &json!({"phone": "+49 30 12345678"})),
        [mine.clone(), also_mine.clone()]
    );
    assert_eq!(
        practice.found(clinician, &json!({"email": "nobody@example.org"})),
        [""; 0]
    );
    let hit = practice.as_clinician(Call::post("/v1/identity/clients/search", &by_email));
    assert!(hit.header("audit-id").is_some());
    assert_eq!(
        hit.json["clients"][0],
        json!({"client_id": mine, "name": {"given": ["Zoë"], "family": "Okafor-SECRET", "preferred": "Zo"}})
    );

    // Whom somebody may not read she does not find, and each look at a client is in the trail.
    assert_eq!(practice.found(&practice.colleague.token, &by_email), [""; 0]);
    let member = format!("/v1/consent/clients/{mine}/care-team/{}", practice.colleague.account);
    practice.to_consent(&Call::put(member, &json!({})).bearer(admin), 204);
    let trail_writes = || {
        let trace = practice.world.stores.trace();
        trace
            .iter()
            .filter(|line| line.starts_with("audit swap") || line.starts_with("audit set"))
            .count()
    };
    practice.world.stores.disarm();
    assert_eq!(practice.found(&practice.colleague.token, &by_email), [mine]);
    assert!(trail_writes() >= 3, "{:?}", practice.world.stores.trace());

    let elsewhere = practice.world.entropy.id();
    let token = log_in(
        &practice.world,
        &[Role::ClinicAdmin],
        elsewhere,
        practice.world.entropy.id(),
        None,
    );
    assert_eq!(practice.found(&token, &by_email), [""; 0]);
    for role in [Role::Client, Role::Billing, Role::PrivacyOfficer] {
        let token = log_in(
            &practice.world,
            &[role],
            practice.clinic,
            practice.world.entropy.id(),
            None,
        );
        let refused = practice.send(&Call::post("/v1/identity/clients/search", &by_email).bearer(&token));
        assert_refused(&refused, 403, "access-denied");
    }
    for (sought, status) in [
        (json!({}), 422),
        (json!({"email": "a@example.org", "phone": "+493012345678"}), 422),
        (json!({"email": "SECRET"}), 422),
        (json!({"name": "SECRET"}), 400),
        (json!({"name": {"family": "SECRET"}}), 422),
        (
            json!({"name": {"family": "SECRET"}, "birth_date": "1987-03-21", "email": "a@example.org"}),
            422,
        ),
        (json!({"name": {"family": "'-'"}, "birth_date": "1987-03-21"}), 422),
        (json!({"name": {}, "birth_date": "1987-03-21"}), 422),
        (json!({"birth_date": "1987-03-21"}), 422),
        (
            json!({"name": {"family": "A", "prefix": "SECRET"}, "birth_date": "1987-03-21"}),
            400,
        ),
    ] {
        let refused = practice.as_clinician(Call::post("/v1/identity/clients/search", &sought));
        assert_eq!(refused.status, status, "{}", refused.json);
        assert!(!refused.json.to_string().contains("SECRET"));
    }
}

#[test]
fn a_search_follows_corrections() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    let token = &practice.clinician.token;
    let (old, new) = (json!({"email": "old@example.org"}), json!({"email": "new@example.org"}));
    assert_eq!(practice.register(&client, &person("old@example.org")).status, 201);
    assert_eq!(practice.correct(&client, 1, &person("new@example.org")).status, 200);
    assert_eq!(
        (practice.found(token, &old), practice.found(token, &new)),
        (vec![], vec![client.clone()])
    );
    assert_eq!(practice.correct(&client, 2, &person("old@example.org")).status, 200);
    assert_eq!(
        (practice.found(token, &old), practice.found(token, &new)),
        (vec![client], vec![])
    );
}

#[test]
fn at_every_crash_point_of_a_correction_the_client_is_found_by_what_she_has() {
    for fault in [
        Fault::Refused,
        Fault::AppliedButFailed,
        Fault::KilledBefore,
        Fault::KilledAfter,
    ] {
        for nth in 0.. {
            let practice = Practice::new();
            let client = practice.consenting("open");
            assert_eq!(practice.register(&client, &person("old@example.org")).status, 201);
            practice.world.stores.arm(nth, fault);
            let _ = survive(|| practice.correct(&client, 1, &person("new@example.org")));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            practice.world.clock.advance(SignedDuration::from_secs(61));
            let verify = |email: &str| {
                for sought in ["old@example.org", "new@example.org"] {
                    let found = practice.found(&practice.clinician.token, &json!({"email": sought}));
                    assert_eq!(found.len(), usize::from(sought == email), "{fault:?} {nth} {sought}");
                }
            };
            let now = practice.read(&client);
            verify(email(&now.json));
            let version = now.json["version"].as_u64().unwrap();
            assert_eq!(
                practice.correct(&client, version, &person("new@example.org")).status,
                200
            );
            verify("new@example.org");
            let history = practice.as_clinician(Call::get(format!("/v1/identity/clients/{client}/history")));
            let versions = history.json["versions"].as_array().unwrap();
            let numbers: Vec<_> = versions
                .iter()
                .map(|version| version["version"].as_u64().unwrap())
                .collect();
            assert_eq!(numbers, (1..=version + 1).rev().collect::<Vec<_>>(), "{fault:?} {nth}");
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn corrections_that_overtake_each_other_leave_the_client_found_by_what_she_has() {
    for nth in 0.. {
        let practice = Rc::new(Practice::new());
        let client = practice.consenting("open");
        assert_eq!(practice.register(&client, &person("old@example.org")).status, 201);
        // Filled now, so that neither request waits for the other to begin a chain of the trail.
        for _ in 0..64 {
            practice.read(&client);
        }
        let (other, same) = (Rc::clone(&practice), client.clone());
        // There and back again: what the first request is about to remove is in use once more.
        practice.world.stores.meanwhile(nth, move || {
            for email in ["between@example.org", "old@example.org"] {
                let version = other.read(&same).json["version"].as_u64().unwrap();
                // 503 while the first request is the one that begins the history or an index entry.
                if other.correct(&same, version, &person(email)).status == 503 {
                    break;
                }
            }
        });
        let answer = practice.correct(&client, 1, &person("new@example.org"));
        assert!(matches!(answer.status, 200 | 412), "{nth}: {}", answer.json);
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        let now = email(&practice.read(&client).json).to_owned();
        for sought in ["old@example.org", "between@example.org", "new@example.org"] {
            let found = practice.found(&practice.clinician.token, &json!({"email": sought}));
            assert_eq!(
                found.len(),
                usize::from(now == sought),
                "{nth}: {sought} while she has {now}"
            );
        }
        if !reached {
            break;
        }
    }
}

#[test]
fn registering_is_finished_by_a_repeated_request() {
    for fault in [
        Fault::Refused,
        Fault::AppliedButFailed,
        Fault::KilledBefore,
        Fault::KilledAfter,
    ] {
        for nth in 0.. {
            let practice = Practice::new();
            let client = practice.consenting("open");
            practice.world.stores.arm(nth, fault);
            let _ = survive(|| practice.register(&client, &person("zoe@example.org")));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            practice.world.clock.advance(SignedDuration::from_secs(61));
            assert_eq!(
                practice.register(&client, &person("zoe@example.org")).status,
                201,
                "{fault:?} {nth}"
            );
            for sought in [json!({"email": "zoe@example.org"}), json!({"phone": "+493012345678"})] {
                assert_eq!(
                    practice.found(&practice.clinician.token, &sought),
                    std::slice::from_ref(&client)
                );
            }
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn one_value_finds_a_bounded_number() {
    let practice = Practice::new();
    let mut clients = Vec::new();
    for number in 0..33 {
        let client = practice.consenting(&format!("open-{number}"));
        assert_eq!(
            practice
                .register(&client, &person(&format!("zoe{number}@example.org")))
                .status,
            201
        );
        clients.push(client);
    }
    let token = &practice.clinician.token;
    assert_eq!(practice.found(token, &json!({"phone": "+493012345678"})), clients[..32]);
    assert_eq!(
        practice.found(token, &json!({"email": "zoe32@example.org"})),
        clients[32..]
    );
}

#[test]
fn the_stores_say_nothing_of_anybody() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    assert_eq!(practice.register(&client, &person("zoe@example.org")).status, 201);
    assert_eq!(practice.correct(&client, 1, &person("new@example.org")).status, 200);
    let id = client.parse::<ClientId>().unwrap();
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for (store, key, value) in practice.world.stores.dump() {
        for part in [
            "Zo",
            "SECRET",
            "example.org",
            "3012345678",
            "1987",
            "en-GB",
            "sms",
            client.as_str(),
        ] {
            assert!(!key.contains(part), "{store} {key} {part}");
            // Four bytes and fewer come about by chance in sealed bytes.
            assert!(
                part.len() < 5 || !contains(&value, part.as_bytes()),
                "{store} {key} {part}"
            );
        }
        assert!(!contains(&value, id.as_bytes()), "{store} {key}");
    }
    assert!(practice.world.log().is_empty(), "{:?}", practice.world.log());
}

/// In an emergency a clinician finds whom to break the glass for, and learns nothing else.
#[test]
fn in_an_emergency_a_search_gives_ids_and_records_each() {
    let practice = Practice::new();
    let clients = [practice.consenting("one"), practice.consenting("two")];
    for client in &clients {
        assert_eq!(practice.register(client, &person("family@example.org")).status, 201);
    }
    let by_email = json!({"email": "family@example.org"});
    let search = Call::post("/v1/identity/clients/search", &by_email);
    let urgent = |call: &Call, token: &str| practice.send(&call.clone().header("purpose-of-use", "BTG").bearer(token));
    let stranger = &practice.colleague.token;
    assert_eq!(practice.found(stranger, &by_email), [""; 0]);
    practice.world.stores.disarm();
    let found = urgent(&search, stranger);
    let ids = clients.each_ref().map(|client| json!({"client_id": client}));
    assert_eq!((found.status, &found.json), (200, &json!({"clients": ids})));
    let trace = practice.world.stores.trace();
    let written = trace
        .iter()
        .filter(|line| line.starts_with("audit swap") || line.starts_with("audit set"));
    assert!(written.count() >= 3, "the search and each client: {trace:?}");

    // To find is not to read: that takes the glass, which is broken for one client and not for the other.
    let [one, other] = clients
        .each_ref()
        .map(|client| Call::get(format!("/v1/identity/clients/{client}")));
    assert_refused(&urgent(&one, stranger), 403, "access-denied");
    let breaking = Call::post(
        format!("/v1/consent/clients/{}/emergency-access", clients[0]),
        &json!({"reason": "She called from a bridge."}),
    );
    practice.to_consent(&breaking.once("break").bearer(stranger), 201);
    let read = urgent(&one, stranger);
    assert_eq!((read.status, email(&read.json)), (200, "family@example.org"));
    assert_refused(&urgent(&other, stranger), 403, "access-denied");
    assert_refused(&practice.send(&one.bearer(stranger)), 403, "access-denied");
    let correction = json!({"reason": "SECRET she moved", "client": person("moved@example.org")});
    let correcting =
        Call::put(format!("/v1/identity/clients/{}", clients[0]), &correction).header("if-match", "\"v1\"");
    assert_refused(&urgent(&correcting, stranger), 403, "access-denied");
    // Only clinicians have emergencies.
    assert_refused(&urgent(&search, &practice.admin.token), 403, "access-denied");
}
