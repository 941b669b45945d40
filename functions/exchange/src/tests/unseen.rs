//! Answers that do not show whom they are about: whole requests on a platform in memory, with the owners as they are. Every decision is theirs.

mod figures;
mod research;

use audit_trail::{Chains, Decision, Event, SHARDS};
use crypto::Keyring;
use model::{AccountId, ClinicId, Function, Purpose, Role};
use ports::EntropyExt;
use serde_json::{Value, json};
use store::Shelf;
use testkit::{Answer, Call, World, assert_names, assert_refused, log_in};

use crate::ROUTES;

struct Staff {
    account: AccountId,
    token: String,
}

/// A clinic with somebody in every role that comes here.
struct Practice {
    world: World,
    clinic: ClinicId,
    clinician: Staff,
    admin: Staff,
    officer: Staff,
    /// What clients agree to who take part in research, and who don't.
    notice: String,
}

/// A client, and where her consent is withdrawn.
struct OpenedClient {
    id: String,
    withdraw: String,
}

impl Practice {
    fn new() -> Self {
        let world = World::new(17);
        world.deploy(Function::Consent, &consent::ROUTES);
        world.deploy(Function::Identity, &identity::ROUTES);
        world.deploy(Function::Records, &records::ROUTES);
        let clinic = world.entropy.id();
        let staff = |role| {
            let account = world.entropy.id();
            let token = log_in(&world, &[role], clinic, account, None);
            Staff { account, token }
        };
        let mut practice = Self {
            clinician: staff(Role::Clinician),
            admin: staff(Role::ClinicAdmin),
            officer: staff(Role::PrivacyOfficer),
            clinic,
            notice: String::new(),
            world,
        };
        practice.succeeds(
            Function::Consent,
            &practice.admin.token,
            Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction()),
        );
        let notice = testkit::notice(&["TREAT", "PATADMIN", "HRESCH"], &["identity", "health"]);
        practice.notice = practice
            .succeeds(
                Function::Consent,
                &practice.admin.token,
                Call::post("/v1/consent/notices", &notice).once("notice"),
            )
            .text("notice_id");
        practice
    }

    fn routes(function: Function) -> Vec<web::Route> {
        match function {
            Function::Consent => consent::ROUTES.to_vec(),
            Function::Identity => identity::ROUTES.to_vec(),
            Function::Records => records::ROUTES.to_vec(),
            _ => ROUTES.to_vec(),
        }
    }

    #[track_caller]
    fn succeeds(&self, function: Function, token: &str, call: Call) -> Answer {
        let call = call.bearer(token).request();
        let answer = Answer::from(self.world.serve(function, &Self::routes(function), &call));
        assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.json);
        answer
    }

    fn token(&self, role: Role) -> String {
        log_in(&self.world, &[role], self.clinic, self.world.entropy.id(), None)
    }

    /// Asks this function.
    fn send(&self, token: &str, purpose: Option<&str>, call: Call) -> Answer {
        let call = match purpose {
            Some(purpose) => call.header("purpose-of-use", purpose),
            None => call,
        };
        let answer = Answer::from(
            self.world
                .serve(Function::Exchange, &ROUTES, &call.bearer(token).request()),
        );
        assert!(answer.status != 500, "{:?} {:?}", answer.json, self.world.log());
        answer
    }

    /// A client who agrees to these purposes, for both classes.
    fn open(&self, key: &str, purposes: &[&str]) -> OpenedClient {
        let opened = Call::post("/v1/consent/clients", &json!({})).once(key);
        let id = self
            .succeeds(Function::Consent, &self.clinician.token, opened)
            .text("client_id");
        let withdraw = self.agrees(&id, key, purposes);
        OpenedClient { id, withdraw }
    }

    /// Where a consent is withdrawn that she gives now.
    fn agrees(&self, client: &str, key: &str, purposes: &[&str]) -> String {
        let terms = json!({"notice_id": self.notice, "language": "en", "purposes": purposes, "classes": ["identity", "health"],
            "given_by": "client", "method": "written"});
        let path = format!("/v1/consent/clients/{client}/consents");
        let given = self.succeeds(
            Function::Consent,
            &self.clinician.token,
            Call::post(&path, &terms).once(&format!("give-{key}")),
        );
        format!("{path}/{}/withdraw", given.text("consent_id"))
    }

    fn register(&self, client: &str, details: &Value) {
        let body = json!({"client_id": client, "client": details});
        self.succeeds(
            Function::Identity,
            &self.clinician.token,
            Call::post("/v1/identity/clients", &body).once("register"),
        );
    }

    /// Writes and signs a record.
    fn write(&self, client: &str, key: &str, record: &Value) -> String {
        let path = format!("/v1/records/clients/{client}/records");
        self.succeeds(
            Function::Records,
            &self.clinician.token,
            Call::post(path, record).once(key),
        )
        .text("id")
    }

    /// Hides what there is of a class from everybody.
    fn hides(&self, client: &str, class: &str) {
        let path = format!("/v1/consent/clients/{client}/restrictions");
        let call = Call::post(path, &json!({"class": class})).once(&format!("hide-{class}"));
        self.succeeds(Function::Consent, &self.admin.token, call);
    }

    /// What a function decided for a purpose, in the order in which nobody can rely on it.
    fn trail(&self, function: Function, purpose: Purpose) -> Vec<Event> {
        let text = self.world.keyrings.get(&Function::Audit).map(String::as_str);
        let keyring = Keyring::parse(Function::Audit, text).unwrap();
        self.world.with_platform(Function::Audit, |platform| {
            let shelf = Shelf::open(&platform, "audit").unwrap();
            let chains = Chains::new(&shelf, keyring.audit(function).unwrap(), function);
            let events = (0..SHARDS).flat_map(|shard| {
                let chain = chains.chain(Some(self.clinic), shard);
                let entries: Vec<Event> = chain.newest_first(None).map(|entry| entry.unwrap().value).collect();
                entries
            });
            events.filter(|event| event.purpose == purpose).collect()
        })
    }

    /// All that is stored but trail and sessions.
    fn kept(&self) -> Vec<(String, String, Vec<u8>)> {
        let mut kept = self.world.stores.dump();
        kept.retain(|(store, ..)| store != "audit" && store != "sessions");
        kept
    }
}

/// What research and figures are made of is nothing that anybody may see.
#[test]
fn what_may_be_asked_for_them_is_shown_to_nobody() {
    let practice = Practice::new();
    let client = practice.open("client", &["TREAT", "HRESCH"]);
    practice.register(
        &client.id,
        &json!({"name": {"family": "SECRET"}, "birth_date": "1987-03-21", "preferences": {"language": "en", "channels": []}}),
    );
    let base = format!("/v1/exchange/clients/{}", client.id);
    for purpose in ["HRESCH", "HQUALIMP"] {
        for token in [
            &practice.officer.token,
            &practice.admin.token,
            &practice.clinician.token,
        ] {
            let import = Call::post(
                format!("{base}/import"),
                &json!({"resourceType": "Bundle", "type": "collection", "entry": []}),
            );
            for call in [Call::get(format!("{base}/export")), import] {
                let refused = practice.send(token, Some(purpose), call);
                assert!([400, 422].contains(&refused.status), "{}", refused.json);
                assert!(!refused.json.to_string().contains("SECRET"), "{}", refused.json);
            }
            let export = practice.send(token, Some(purpose), Call::get(format!("{base}/export")));
            assert_refused(&export, 400, "malformed-request");
            assert_names(&export, "purpose-of-use", "purpose");
        }
    }
    for purpose in [Purpose::Research, Purpose::QualityImprovement] {
        assert_eq!(practice.trail(Function::Identity, purpose).len(), 0);
    }
}
