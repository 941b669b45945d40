//! A clinic with somebody in every role that comes to a client's data, three files, and every route by which these are read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crypto::Keyring;
use http::Method;
use jiff::SignedDuration;
use model::{AccountId, ClientId, ClinicId, DataClass, Function, Id, Kind, RecordId, Role, Timestamp};
use ports::{Clock, EntropyExt};
use serde_json::{Value, json};
use store::idempotency;
use testkit::{Answer, Call, World, log_in};
use web::Route;

/// Somebody with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Person {
    Admin,
    Officer,
    Auditor,
    Security,
    Biller,
    Clinician(u8),
    Client(u8),
    Guardian(u8),
}

impl Person {
    pub(crate) const ALL: [Self; 12] = [
        Self::Admin,
        Self::Officer,
        Self::Auditor,
        Self::Security,
        Self::Biller,
        Self::Clinician(0),
        Self::Clinician(1),
        Self::Clinician(2),
        Self::Client(0),
        Self::Client(1),
        Self::Guardian(0),
        Self::Guardian(1),
    ];

    pub(crate) fn role(self) -> Role {
        match self {
            Self::Admin => Role::ClinicAdmin,
            Self::Officer => Role::PrivacyOfficer,
            Self::Auditor => Role::Auditor,
            Self::Security => Role::Security,
            Self::Biller => Role::Billing,
            Self::Clinician(_) => Role::Clinician,
            Self::Client(_) => Role::Client,
            Self::Guardian(_) => Role::Guardian,
        }
    }
}

/// A client's file, or the one that both clients share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum File {
    Of(u8),
    Shared,
}

impl File {
    pub(crate) const ALL: [Self; 3] = [Self::Of(0), Self::Of(1), Self::Shared];

    /// Who opens it. A clinician is the first of its care team.
    pub(crate) fn opener(self) -> Person {
        match self {
            Self::Of(0) => AUTHOR,
            Self::Of(_) | Self::Shared => Person::Admin,
        }
    }

    /// What only this file says.
    fn mark(self) -> &'static str {
        match self {
            Self::Of(0) => "marigold",
            Self::Of(_) => "larkspur",
            Self::Shared => "hawthorn",
        }
    }

    fn email(self) -> String {
        format!("{}@example.org", self.mark())
    }
}

/// Who wrote everything that there is to read.
pub(crate) const AUTHOR: Person = Person::Clinician(0);

/// The classes that are held about a client here.
pub(crate) const CLASSES: [DataClass; 4] = [
    DataClass::Identity,
    DataClass::Health,
    DataClass::SubstanceUse,
    DataClass::Psychotherapy,
];

/// A route by which data of a class are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) function: Function,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) class: DataClass,
}

const fn records(path: &'static str, class: DataClass) -> Door {
    Door {
        function: Function::Records,
        method: "GET",
        path,
        class,
    }
}

const fn identity(method: &'static str, path: &'static str) -> Door {
    Door {
        function: Function::Identity,
        method,
        path,
        class: DataClass::Identity,
    }
}

pub(crate) const SEARCH: &str = "/v1/identity/clients/search";

/// Every route by which a person reads what a client's file holds.
pub(crate) const DOORS: [Door; 14] = [
    records("/v1/records/clients/{client}/records", DataClass::Health),
    records("/v1/records/clients/{client}/records/{record}", DataClass::Health),
    records(
        "/v1/records/clients/{client}/records/{record}/versions",
        DataClass::Health,
    ),
    records(
        "/v1/records/clients/{client}/records/{record}/content",
        DataClass::Health,
    ),
    records(
        "/v1/records/clients/{client}/substance-use-records",
        DataClass::SubstanceUse,
    ),
    records(
        "/v1/records/clients/{client}/substance-use-records/{record}",
        DataClass::SubstanceUse,
    ),
    records(
        "/v1/records/clients/{client}/substance-use-records/{record}/versions",
        DataClass::SubstanceUse,
    ),
    records(
        "/v1/records/clients/{client}/substance-use-records/{record}/content",
        DataClass::SubstanceUse,
    ),
    records(
        "/v1/records/clients/{client}/psychotherapy-notes",
        DataClass::Psychotherapy,
    ),
    records(
        "/v1/records/clients/{client}/psychotherapy-notes/{record}",
        DataClass::Psychotherapy,
    ),
    records(
        "/v1/records/clients/{client}/psychotherapy-notes/{record}/versions",
        DataClass::Psychotherapy,
    ),
    identity("GET", "/v1/identity/clients/{client}"),
    identity("GET", "/v1/identity/clients/{client}/history"),
    identity("POST", SEARCH),
];

/// Whether somebody was let at the data, and if not, by which problem.
pub(crate) type Decision = Result<(), String>;

/// What a function answers.
pub(crate) fn routes(function: Function) -> &'static [Route] {
    static CONSENT: &[Route] = &consent::ROUTES;
    static RECORDS: &[Route] = &records::ROUTES;
    static IDENTITY: &[Route] = &identity::ROUTES;
    match function {
        Function::Consent => CONSENT,
        Function::Records => RECORDS,
        Function::Identity => IDENTITY,
        Function::Auth | Function::Audit | Function::Notify | Function::Billing | Function::Exchange => &[],
    }
}

/// Everybody's token, and since when she has it.
type LoggedIn = BTreeMap<Person, (String, Timestamp)>;

/// A clinic as it was, to go on from many times.
pub(crate) struct Moment {
    stored: Vec<(String, String, Vec<u8>)>,
    now: Timestamp,
    sessions: LoggedIn,
}

pub(crate) struct Clinic {
    pub(crate) world: World,
    pub(crate) id: ClinicId,
    accounts: BTreeMap<Person, AccountId>,
    sessions: RefCell<LoggedIn>,
    written: RefCell<BTreeMap<(File, DataClass), RecordId>>,
    documents: RefCell<BTreeMap<(File, DataClass), RecordId>>,
}

impl Clinic {
    /// A clinic under every law, without files.
    pub(crate) fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let clinic = Self {
            id: world.entropy.id(),
            accounts: Person::ALL
                .into_iter()
                .map(|person| (person, world.entropy.id()))
                .collect(),
            sessions: RefCell::default(),
            written: RefCell::default(),
            documents: RefCell::default(),
            world,
        };
        let said = clinic.consent(
            Person::Admin,
            Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction()),
        );
        assert_eq!(said.status, 201, "{}", said.json);
        clinic
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    pub(crate) fn advance(&self, minutes: i64) {
        self.world.clock.advance(SignedDuration::from_mins(minutes));
    }

    pub(crate) fn account(&self, person: Person) -> AccountId {
        self.accounts[&person]
    }

    /// The client that somebody is.
    pub(crate) fn client_of(&self, person: Person) -> Option<ClientId> {
        match person {
            Person::Client(client) => Some(self.client(File::Of(client))),
            _ => None,
        }
    }

    /// The id that something gets which somebody makes at a path of `consent`'s under a key.
    pub(crate) fn made<K: Kind>(&self, person: Person, path: &str, key: &str) -> Id<K> {
        let text = self.world.keyrings.get(&Function::Consent).map(String::as_str);
        let keyring = Keyring::parse(Function::Consent, text).unwrap();
        let key = format!("{key:-<16}");
        idempotency::created_id(keyring.key("index").unwrap(), self.id, self.account(person), path, &key)
    }

    /// The id of a file, open or not.
    pub(crate) fn client(&self, file: File) -> ClientId {
        self.made(file.opener(), "/v1/consent/clients", file.mark())
    }

    /// The request that opens a file.
    pub(crate) fn opening(&self, file: File) -> Call {
        let body = match file {
            File::Of(_) => json!({}),
            File::Shared => json!({"participants": [self.client(File::Of(0)), self.client(File::Of(1))]}),
        };
        Call::post("/v1/consent/clients", &body).once(file.mark())
    }

    /// All that there is now: what is stored, when it is, and who is logged in.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            stored: self.world.stores.dump(),
            now: self.now(),
            sessions: self.sessions.borrow().clone(),
        }
    }

    /// Goes back to a moment.
    pub(crate) fn go_back(&self, moment: &Moment) {
        self.world.stores.restore(&moment.stored);
        self.world.clock.advance(moment.now.duration_since(self.now()));
        self.sessions.replace(moment.sessions.clone());
    }

    /// Below a file's path at `consent`.
    pub(crate) fn at(&self, file: File, rest: &str) -> String {
        format!("/v1/consent/clients/{}{rest}", self.client(file))
    }

    /// A session of somebody's that is neither idle nor over.
    pub(crate) fn token(&self, person: Person) -> String {
        let now = self.now();
        if let Some((token, since)) = self.sessions.borrow().get(&person)
            && now.duration_since(*since) < SignedDuration::from_mins(20)
        {
            return token.clone();
        }
        let token = log_in(
            &self.world,
            &[person.role()],
            self.id,
            self.account(person),
            self.client_of(person),
        );
        self.sessions.borrow_mut().insert(person, (token.clone(), now));
        token
    }

    pub(crate) fn send(&self, function: Function, call: &Call) -> Answer {
        let answer = Answer::from(self.world.serve(function, routes(function), &call.request()));
        assert!(answer.status != 500, "{} {:?}", answer.json, self.world.log());
        answer
    }

    pub(crate) fn consent(&self, person: Person, call: Call) -> Answer {
        self.send(Function::Consent, &call.bearer(&self.token(person)))
    }

    fn done(&self, function: Function, person: Person, call: Call) -> Answer {
        let answer = self.send(function, &call.bearer(&self.token(person)));
        assert!((200..300).contains(&answer.status), "{person:?}: {}", answer.json);
        answer
    }

    pub(crate) fn publish(&self, key: &str, purposes: &[&str], classes: &[&str]) -> Answer {
        let notice = testkit::notice(purposes, classes);
        self.consent(Person::Admin, Call::post("/v1/consent/notices", &notice).once(key))
    }

    /// Writes of every class into an open file, so that there is something to read. What it takes to be allowed to is taken back.
    pub(crate) fn fill(&self, file: File) {
        let classes = CLASSES.map(DataClass::name);
        let notice = self.publish("fill", &["TREAT"], &classes).text("notice_id");
        let author = self.account(AUTHOR);
        let member = self.at(file, &format!("/care-team/{author}"));
        self.done(Function::Consent, Person::Admin, Call::put(&member, &json!({})));
        let participants = match file {
            File::Of(_) => vec![None],
            File::Shared => [0, 1].map(|of| Some(self.client(File::Of(of)))).to_vec(),
        };
        let path = self.at(file, "/consents");
        let mut given = Vec::new();
        for (nth, participant) in participants.iter().enumerate() {
            let mut terms = json!({"notice_id": notice, "language": "en", "purposes": ["TREAT"], "classes": classes,
                "given_by": "client", "method": "written"});
            if let Some(participant) = participant {
                terms["participant_id"] = json!(participant);
            }
            let call = Call::post(&path, &terms).once(&format!("fill-{nth}"));
            given.push(self.done(Function::Consent, Person::Admin, call).text("consent_id"));
        }
        let note = json!({"session_at": "2026-11-30T10:00:00Z", "text": file.mark()});
        for (book, class, body) in [
            (
                "records",
                DataClass::Health,
                json!({"kind": "progress_note", "content": note}),
            ),
            (
                "substance-use-records",
                DataClass::SubstanceUse,
                json!({"kind": "progress_note", "content": note}),
            ),
            (
                "psychotherapy-notes",
                DataClass::Psychotherapy,
                json!({"content": note}),
            ),
        ] {
            let path = format!("/v1/records/clients/{}/{book}", self.client(file));
            let call = Call::post(path, &body).once("fill");
            let id = self.done(Function::Records, AUTHOR, call).text("id");
            self.written.borrow_mut().insert((file, class), id.parse().unwrap());
        }
        for (book, class) in [
            ("records", DataClass::Health),
            ("substance-use-records", DataClass::SubstanceUse),
        ] {
            let id = self.fill_document(file, book);
            self.documents.borrow_mut().insert((file, class), id);
        }
        let person = json!({"client_id": self.client(file), "client": {
            "name": {"given": ["Zoe"], "family": file.mark()}, "birth_date": "1987-03-21",
            "telecoms": [{"system": "email", "value": file.email()}],
            "preferences": {"language": "en", "channels": ["email"], "pet_at_session": false}}});
        let call = Call::post("/v1/identity/clients", &person).once("fill");
        self.done(Function::Identity, AUTHOR, call);
        for consent in given {
            let call = Call::post(format!("{path}/{consent}/withdraw"), &json!({}));
            self.done(Function::Consent, Person::Admin, call);
        }
        if file.opener() != AUTHOR {
            self.done(Function::Consent, Person::Admin, Call::delete(&member));
        }
    }

    /// A signed document that holds what only this file says.
    fn fill_document(&self, file: File, book: &str) -> RecordId {
        let path = format!("/v1/records/clients/{}/{book}", self.client(file));
        let document = json!({"kind": "document", "status": "draft",
            "content": {"title": file.mark(), "media_type": "text/plain"}});
        let call = Call::post(&path, &document).once("document");
        let id = self.done(Function::Records, AUTHOR, call).text("id");
        let upload = Call::new(Method::PUT, format!("{path}/{id}/content"))
            .header("content-type", "text/plain")
            .header("if-match", "\"v1\"")
            .body(file.mark());
        self.done(Function::Records, AUTHOR, upload);
        let sign = Call::post(format!("{path}/{id}/sign"), &json!({})).header("if-match", "\"v2\"");
        self.done(Function::Records, AUTHOR, sign);
        id.parse().unwrap()
    }

    /// The request by which somebody comes to a file through a door.
    pub(crate) fn knock(&self, door: Door, person: Person, purpose: Option<&str>, file: File) -> Call {
        let client = self.client(file).to_string();
        let records = match door.path.ends_with("/content") {
            true => &self.documents,
            false => &self.written,
        };
        let record = records.borrow().get(&(file, door.class)).map(ToString::to_string);
        let mut path = door
            .path
            .replace("{client}", &client)
            .replace("{record}", &record.unwrap_or_default());
        if door.class == DataClass::Psychotherapy {
            path = format!("{path}?author={}", self.account(AUTHOR));
        }
        let call = Call::new(Method::from_bytes(door.method.as_bytes()).unwrap(), path);
        let call = match door.path {
            SEARCH => call.json(&json!({"email": file.email()})),
            _ => call,
        };
        let call = match purpose {
            Some(purpose) => call.header("purpose-of-use", purpose),
            None => call,
        };
        call.bearer(&self.token(person))
    }

    /// Whether an answer shows the file, and that it shows no other. `None` where a search found nothing, which tells no reason.
    pub(crate) fn shown(&self, door: Door, file: File, answer: &Answer) -> Option<Decision> {
        let body = answer.body();
        for other in File::ALL.into_iter().filter(|other| *other != file) {
            assert!(
                !body.contains(other.mark()),
                "{door:?} of {file:?} shows {other:?}: {body}"
            );
        }
        match (answer.status, door.path) {
            (200, SEARCH) => body.contains(file.mark()).then_some(Ok(())),
            (200, path) => {
                // A list names what there is, and everything else shows it.
                let is_list = path.ends_with("records") || path.ends_with("notes");
                let id = self.written.borrow().get(&(file, door.class)).map(ToString::to_string);
                let sought = if is_list { id.unwrap() } else { file.mark().to_owned() };
                assert!(
                    body.contains(&sought),
                    "{door:?} lets in and shows nothing of {sought}: {body}"
                );
                Some(Ok(()))
            }
            (403, _) => Some(Err(answer.problem().unwrap().to_owned())),
            _ => panic!("{door:?} of {file:?}: {} {}", answer.status, answer.json),
        }
    }

    /// How the officer is told that it would be decided.
    pub(crate) fn explained(
        &self,
        person: Person,
        purpose: Option<&str>,
        action: &str,
        class: DataClass,
        file: File,
    ) -> Value {
        let mut path = self.at(file, "/access/explain");
        path += &format!(
            "?account_id={}&role={}&action={action}&class={}&author_id={}",
            self.account(person),
            person.role().name(),
            class.name(),
            self.account(AUTHOR),
        );
        if let Some(purpose) = purpose {
            path += &format!("&purpose={purpose}");
        }
        self.done(Function::Consent, Person::Officer, Call::get(path)).json
    }
}
