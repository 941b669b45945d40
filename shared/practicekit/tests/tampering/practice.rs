//! A practice with values of every kind that `identity`, `records` and `billing` keep, and every request that reads them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use access::DATA_KEY_CLASSES;
use crypto::{add_key_version, promote_key_version};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use model::{AccountId, ClinicId, DataClass, Function, Gateway, Role, Timestamp};
use ports::{Clock, EntropyExt};
use serde_json::{Value, json};
use sha2::Sha256;
use testkit::{Answer, Call, World, log_in};
use web::Route;

/// The stores of the three, and what they are let in by.
pub(crate) const STORES: [&str; 8] = [
    "identity",
    "identity-keys",
    "health",
    "health-keys",
    "billing",
    "billing-keys",
    "permissions",
    "sessions",
];

/// Who keeps data keys.
const VAULTS: [Function; 3] = [Function::Identity, Function::Records, Function::Billing];

const GATEWAY_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ORDER: &str = "order_DESlLckIVRkHWj";

/// More records than a leaf of a timeline holds, so that there is a second one, and a level above.
const MANY: usize = 66;

/// A store and a key in it.
pub(crate) type At = (String, String);

pub(crate) type Dump = Vec<(String, String, Vec<u8>)>;

/// A request that reads what is kept, or that does again what was done.
pub(crate) struct Door {
    pub(crate) name: String,
    function: Function,
    call: Call,
    /// What it answers while nothing is tampered with.
    pub(crate) answer: Answer,
    /// Whether a gateway comes by it.
    pub(crate) is_delivery: bool,
    /// Whether it changes what is kept.
    pub(crate) writes: bool,
    /// What it comes to.
    pub(crate) reads: BTreeSet<At>,
}

struct Staff {
    account: AccountId,
    token: String,
}

pub(crate) struct Practice {
    pub(crate) world: World,
    clinic: ClinicId,
    clinician: Staff,
    admin: Staff,
    biller: Staff,
    job: Staff,
    keys: Cell<u32>,
    /// Which step made a value.
    made: RefCell<BTreeMap<At, &'static str>>,
    /// What there was before anything was amended.
    unamended: RefCell<Option<Dump>>,
    /// The path of the note that was amended first.
    pub(crate) note: String,
    /// Everything, once all is written.
    pub(crate) stored: Dump,
    now: Timestamp,
}

/// What somebody's file is, as paths.
struct File {
    client: String,
    note: String,
    document: String,
    draft: String,
    discarded: String,
    psychotherapy: String,
    substance_use: String,
    invoice: String,
}

fn routes(function: Function) -> &'static [Route] {
    static CONSENT: &[Route] = &consent::ROUTES;
    static RECORDS: &[Route] = &records::ROUTES;
    static IDENTITY: &[Route] = &identity::ROUTES;
    static BILLING: &[Route] = &billing::ROUTES;
    match function {
        Function::Consent => CONSENT,
        Function::Records => RECORDS,
        Function::Identity => IDENTITY,
        Function::Billing => BILLING,
        Function::Auth | Function::Audit | Function::Notify | Function::Exchange => &[],
    }
}

/// Content of two whole chunks and a rest.
fn content(mark: u8) -> Vec<u8> {
    let mut bytes = vec![mark; 2 * crypto::CHUNK + 10];
    bytes[0] = b'x';
    bytes
}

fn person(mark: &str) -> Value {
    json!({"name": {"given": ["Zoe"], "family": mark}, "birth_date": "1987-03-21",
        "telecoms": [{"system": "email", "value": format!("{mark}@example.org")}, {"system": "phone", "value": "+493012345678"}],
        "preferences": {"language": "en", "channels": ["email"], "pet_at_session": false}})
}

fn note(text: &str) -> Value {
    json!({"session_at": "2026-11-30T10:00:00Z", "text": text})
}

fn invoice(mark: &str, amount: i64) -> Value {
    json!({"currency": "INR", "lines": [{"description": mark, "quantity": 1, "unit_amount": amount}]})
}

fn captured(payment: &str, order: &str, amount: i64) -> Value {
    let entity = json!({"id": payment, "order_id": order, "status": "captured", "amount": amount, "currency": "INR", "captured": true});
    json!({"entity": "event", "event": "payment.captured", "created_at": 1_796_112_000, "payload": {"payment": {"entity": entity}}})
}

impl Practice {
    /// The practice, and the requests that read it.
    pub(crate) fn new() -> (Self, Vec<Door>) {
        let world = World::new(29);
        let clinic = world.entropy.id();
        world.set(
            Function::Billing,
            "razorpay_webhook_secrets",
            &format!("{clinic}:{GATEWAY_SECRET}"),
        );
        let staff = |role| {
            let account = world.entropy.id();
            let token = log_in(&world, &[role], clinic, account, None);
            Staff { account, token }
        };
        let mut practice = Self {
            clinician: staff(Role::Clinician),
            admin: staff(Role::ClinicAdmin),
            biller: staff(Role::Billing),
            job: staff(Role::Job),
            keys: Cell::new(0),
            made: RefCell::default(),
            unamended: RefCell::default(),
            note: String::new(),
            stored: Vec::new(),
            now: world.clock.now(),
            clinic,
            world,
        };
        practice.step("session", || ());
        let files = ["marigold", "larkspur"].map(|mark| practice.file(mark));
        let (merge, call) = practice.step("merge", || practice.merge(&files[1].client));
        practice.step("record of many", || practice.fill(&files[0].client));
        let event = practice.step("gateway event", || practice.gateway_events(&files[0].invoice));
        for function in VAULTS {
            practice.rotate(function);
            practice.step("rewrap", || practice.rewrap(function));
            practice.rotate(function);
        }
        practice.stored = practice.world.stores.dump();
        practice.now = practice.world.clock.now();
        practice.note.clone_from(&files[0].note);
        let mut doors = practice.doors(&files, &event);
        doors.push(("merge again".to_owned(), Function::Identity, call));
        let undo = Call::post(
            format!("/v1/identity/merges/{merge}/undo"),
            &json!({"reason": "They are two"}),
        );
        doors.push((
            "undo a merge".to_owned(),
            Function::Identity,
            undo.bearer(&practice.admin.token),
        ));
        let doors = doors
            .into_iter()
            .map(|(name, function, call)| practice.door(name, function, call))
            .collect();
        (practice, doors)
    }

    /// Notes of all values that come of a step by which.
    fn step<R>(&self, step: &'static str, run: impl FnOnce() -> R) -> R {
        let result = run();
        let mut made = self.made.borrow_mut();
        for (store, key, _) in self.world.stores.dump() {
            made.entry((store, key)).or_insert(step);
        }
        result
    }

    /// What a value is, for people.
    pub(crate) fn label(&self, at: &At) -> String {
        format!("{} {} ({})", at.0, at.1, self.made.borrow()[at])
    }

    /// The values of [`STORES`], and where they are in what is stored.
    pub(crate) fn values(&self) -> Vec<(usize, At)> {
        let stored = self.stored.iter().enumerate();
        stored
            .filter(|(_, (store, ..))| STORES.contains(&store.as_str()))
            .map(|(number, (store, key, _))| (number, (store.clone(), key.clone())))
            .collect()
    }

    /// Which step made a value.
    pub(crate) fn made_by(&self, at: &At) -> &'static str {
        self.made.borrow()[at]
    }

    /// The document of [`Practice::note`] in what is stored, and what it was before the note was amended.
    pub(crate) fn unamended(&self, door: &Door) -> (usize, Vec<u8>) {
        let unamended = self.unamended.borrow();
        let mut documents = unamended.iter().flatten().filter_map(|(store, key, value)| {
            let is_read = store == "health" && door.reads.contains(&(store.clone(), key.clone()));
            let number = self.stored.iter().position(|now| (&now.0, &now.1) == (store, key))?;
            is_read.then(|| (number, value.clone()))
        });
        let document = documents.next().unwrap();
        assert!(documents.next().is_none());
        document
    }

    fn send(&self, function: Function, call: &Call) -> Answer {
        Answer::from(self.world.serve(function, routes(function), &call.request()))
    }

    #[track_caller]
    fn done(&self, function: Function, staff: &Staff, call: Call) -> Answer {
        let answer = self.send(function, &call.bearer(&staff.token));
        assert!((200..300).contains(&answer.status), "{}", answer.json);
        answer
    }

    #[track_caller]
    fn create(&self, function: Function, staff: &Staff, path: &str, body: &Value) -> Answer {
        self.keys.set(self.keys.get() + 1);
        let call = Call::post(path, body).once(&format!("key-{}", self.keys.get()));
        self.done(function, staff, call)
    }

    /// A client who agreed to everything.
    fn client(&self) -> String {
        let (consent, clinician) = (Function::Consent, &self.clinician);
        let jurisdiction = Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction());
        self.done(consent, &self.admin, jurisdiction);
        let client = self
            .create(consent, clinician, "/v1/consent/clients", &json!({}))
            .text("client_id");
        let purposes = ["TREAT", "PATADMIN", "PATRQT", "HPAYMT"];
        let classes = [
            DataClass::Identity,
            DataClass::Health,
            DataClass::Psychotherapy,
            DataClass::SubstanceUse,
            DataClass::Billing,
        ]
        .map(DataClass::name);
        let notice = testkit::notice(&purposes, &classes);
        let notice = self.create(consent, &self.admin, "/v1/consent/notices", &notice);
        let terms = json!({"notice_id": notice.text("notice_id"), "language": "en", "purposes": purposes,
            "classes": classes, "given_by": "client", "method": "written"});
        self.create(
            consent,
            clinician,
            &format!("/v1/consent/clients/{client}/consents"),
            &terms,
        );
        client
    }

    fn register(&self, client: &str, mark: &str) {
        let body = json!({"client_id": client, "client": person(mark)});
        self.create(Function::Identity, &self.clinician, "/v1/identity/clients", &body);
    }

    /// A client of whom there is one of everything.
    fn file(&self, mark: &str) -> File {
        let client = self.step("permissions", || self.client());
        self.step("client", || self.register(&client, mark));
        self.step("client history", || {
            let body = json!({"reason": "She moved", "client": person(mark)});
            let call = Call::put(format!("/v1/identity/clients/{client}"), &body).header("if-match", "\"v1\"");
            self.done(Function::Identity, &self.clinician, call);
        });
        let path = |book: &str| format!("/v1/records/clients/{client}/{book}");
        let write = |book: &str, body: &Value| {
            let path = path(book);
            let id = self.create(Function::Records, &self.clinician, &path, body).text("id");
            format!("{path}/{id}")
        };
        let written = |book: &str, body: &Value, amendment: &Value| {
            let record = write(book, body);
            self.unamended
                .borrow_mut()
                .get_or_insert_with(|| self.world.stores.dump());
            let call = Call::put(&record, amendment).header("if-match", "\"v1\"");
            self.done(Function::Records, &self.clinician, call);
            let addendum = json!({"text": format!("{mark}, and more")});
            self.create(
                Function::Records,
                &self.clinician,
                &format!("{record}/addenda"),
                &addendum,
            );
            record
        };
        let progress = json!({"kind": "progress_note", "content": note(mark)});
        let amendment = json!({"reason": "A slip", "record": progress});
        let note_written = self.step("record", || written("records", &progress, &amendment));
        let substance_use = self.step("record", || written("substance-use-records", &progress, &amendment));
        let psychotherapy = self.step("psychotherapy note", || {
            let amendment = json!({"reason": "A slip", "content": note(mark)});
            written("psychotherapy-notes", &json!({"content": note(mark)}), &amendment)
        });
        let document = self.step("document", || self.document(&path("records"), mark));
        let (draft, discarded) = self.step("draft", || {
            let draft = json!({"kind": "progress_note", "status": "draft", "content": note(mark)});
            let (kept, discarded) = (write("records", &draft), write("records", &draft));
            let call = Call::delete(&discarded).header("if-match", "\"v1\"");
            self.done(Function::Records, &self.clinician, call);
            (kept, discarded)
        });
        let invoice = self.step("invoice", || self.invoice(&client, mark));
        File {
            client,
            note: note_written,
            document,
            draft,
            discarded,
            psychotherapy,
            substance_use,
            invoice,
        }
    }

    /// A draft of a document that holds several chunks.
    fn document(&self, records: &str, mark: &str) -> String {
        let draft = json!({"kind": "document", "status": "draft",
            "content": {"title": mark, "media_type": "text/plain"}});
        let id = self
            .create(Function::Records, &self.clinician, records, &draft)
            .text("id");
        let document = format!("{records}/{id}");
        let upload = Call::new(Method::PUT, format!("{document}/content"))
            .header("content-type", "text/plain")
            .header("if-match", "\"v1\"")
            .body(content(mark.as_bytes()[0]));
        self.done(Function::Records, &self.clinician, upload);
        document
    }

    fn invoice(&self, client: &str, mark: &str) -> String {
        let path = format!("/v1/billing/clients/{client}/invoices");
        let written = self.done(Function::Billing, &self.biller, Self::invoicing(&path, mark));
        let own = format!("{path}/{}", written.text("id"));
        let amendment = json!({"reason": "A slip", "invoice": invoice(mark, 1000)});
        let amend = Call::put(&own, &amendment).header("if-match", "\"v1\"");
        self.done(Function::Billing, &self.biller, amend);
        let payment = json!({"method": "cash", "amount": 100});
        self.create(Function::Billing, &self.biller, &format!("{own}/payments"), &payment);
        own
    }

    fn invoicing(path: &str, mark: &str) -> Call {
        Call::post(path, &invoice(mark, 900)).once(&format!("invoice-{mark}"))
    }

    /// Merges a third entry into a client's. Returns the id, and the request.
    fn merge(&self, surviving: &str) -> (String, Call) {
        let duplicate = self.client();
        self.register(&duplicate, "larkspurr");
        let body = json!({"surviving": surviving, "duplicate": duplicate, "reason": "The same person"});
        let call = Call::post("/v1/identity/merges", &body).once("merge");
        let merged = self.done(Function::Identity, &self.admin, call.clone());
        (merged.text("merge_id"), call.bearer(&self.admin.token))
    }

    fn fill(&self, client: &str) {
        for minute in 0..MANY {
            let at = format!("2026-11-{:02}T10:{:02}:00Z", 1 + minute / 60, minute % 60);
            let body = json!({"kind": "progress_note", "content": {"session_at": at, "text": "marigold, of many"}});
            self.create(
                Function::Records,
                &self.clinician,
                &format!("/v1/records/clients/{client}/records"),
                &body,
            );
        }
    }

    fn delivery(&self, event: &Value) -> Call {
        let body = event.to_string();
        let mut signature = Hmac::<Sha256>::new_from_slice(GATEWAY_SECRET.as_bytes()).unwrap();
        signature.update(body.as_bytes());
        let path = format!("/v1/billing/webhooks/{}/{}", Gateway::Razorpay, self.clinic);
        Call::new(Method::POST, path)
            .header("content-type", "application/json")
            .header(
                "x-razorpay-signature",
                &HEXLOWER.encode(&signature.finalize().into_bytes()),
            )
            .body(body)
    }

    fn tying(&self, invoice: &str, order: &str) -> Call {
        let body = json!({"gateway": "razorpay", "reference": order});
        Call::post(format!("{invoice}/gateway-orders"), &body)
    }

    /// One that is applied, and one of an order that nobody knows. Returns the second one's id.
    fn gateway_events(&self, invoice: &str) -> String {
        self.done(Function::Billing, &self.biller, self.tying(invoice, ORDER));
        for event in [captured("pay_1", ORDER, 300), captured("pay_2", "order_unknown", 200)] {
            let answer = self.send(Function::Billing, &self.delivery(&event));
            assert_eq!(answer.status, 200, "{}", answer.json);
        }
        let dead = self.done(Function::Billing, &self.biller, Call::get("/v1/billing/webhook-events"));
        dead.json["events"][0]["id"].as_str().unwrap().to_owned()
    }

    /// A new version of the key-encryption keys of a function, so that its data keys are to be rewrapped.
    fn rotate(&mut self, function: Function) {
        for class in DATA_KEY_CLASSES {
            let before = &self.world.keyrings[&function];
            if let Ok(added) = add_key_version(&self.world.entropy, function, before, class) {
                let after = promote_key_version(function, &added, class).unwrap();
                self.world.keyrings.insert(function, after.to_string());
            }
        }
    }

    fn rewrapping(function: Function) -> Call {
        Call::post(format!("/v1/{}/jobs/rewrap", function.name()), &json!({}))
    }

    fn rewrap(&self, function: Function) {
        self.done(function, &self.job, Self::rewrapping(function));
    }

    /// Every request that reads what is kept.
    fn doors(&self, files: &[File], event: &str) -> Vec<(String, Function, Call)> {
        let mut doors = Vec::new();
        let mut door = |function: Function, staff: &Staff, call: Call, name: &str| {
            doors.push((name.to_owned(), function, call.bearer(&staff.token)));
        };
        for File {
            client,
            note,
            document,
            draft,
            discarded,
            psychotherapy,
            substance_use,
            invoice,
        } in files
        {
            let mark = if client == &files[0].client {
                "marigold"
            } else {
                "larkspur"
            };
            let own = format!("/v1/identity/clients/{client}");
            for path in [own.clone(), format!("{own}/history")] {
                door(Function::Identity, &self.clinician, Call::get(&path), &path);
            }
            for sought in [
                json!({"email": format!("{mark}@example.org")}),
                json!({"phone": "+493012345678"}),
                json!({"name": {"given": "Zoe", "family": mark}, "birth_date": "1987-03-21"}),
            ] {
                let search = Call::post("/v1/identity/clients/search", &sought);
                door(Function::Identity, &self.clinician, search, &sought.to_string());
            }
            let records = format!("/v1/records/clients/{client}");
            let author = self.clinician.account;
            for path in [
                format!("{records}/records"),
                format!("{records}/records?limit=100"),
                format!("{records}/records?kind=progress_note&limit=100"),
                format!("{records}/records?status=draft"),
                format!("{records}/records?until=2026-11-01T10:01:00Z"),
                format!("{records}/substance-use-records"),
                format!("{records}/substance-use-records?kind=progress_note"),
                format!("{records}/psychotherapy-notes?author={author}"),
                note.clone(),
                format!("{note}/versions"),
                document.clone(),
                format!("{document}/versions"),
                format!("{document}/content"),
                draft.clone(),
                discarded.clone(),
                substance_use.clone(),
                format!("{substance_use}/versions"),
                format!("{psychotherapy}?author={author}"),
                format!("{psychotherapy}/versions?author={author}"),
            ] {
                door(Function::Records, &self.clinician, Call::get(&path), &path);
            }
            let upload = Call::new(Method::PUT, format!("{document}/content"))
                .header("content-type", "text/plain")
                .header("if-match", "\"v2\"")
                .body("another");
            door(Function::Records, &self.clinician, upload, "upload another content");
            let invoices = format!("/v1/billing/clients/{client}");
            for path in [
                format!("{invoices}/invoices"),
                format!("{invoices}/statement?from=2026-12-01&to=2026-12-31"),
                invoice.clone(),
                format!("{invoice}/versions"),
            ] {
                door(Function::Billing, &self.biller, Call::get(&path), &path);
            }
            let again = Self::invoicing(&format!("{invoices}/invoices"), mark);
            door(Function::Billing, &self.biller, again, "write an invoice again");
        }
        let billing = Function::Billing;
        let register = Call::get("/v1/billing/invoices");
        door(billing, &self.biller, register, "what is owed to the clinic");
        for (list, name) in [("", "dead events"), ("?state=noted", "noted events")] {
            let list = Call::get(format!("/v1/billing/webhook-events{list}"));
            door(billing, &self.biller, list, name);
        }
        let dismiss = Call::post(
            format!("/v1/billing/webhook-events/{event}/dismiss"),
            &json!({"reason": "SECRET not ours"}),
        );
        door(billing, &self.biller, dismiss, "dismiss an event");
        let replay = Call::post(format!("/v1/billing/webhook-events/{event}/replay"), &json!({}));
        door(billing, &self.biller, replay, "replay an event");
        door(billing, &self.biller, self.tying(&files[0].invoice, ORDER), "tie again");
        for function in VAULTS {
            door(function, &self.job, Self::rewrapping(function), "rewrap");
        }
        for (payment, order, name) in [
            ("pay_1", ORDER, "deliver a settled event again"),
            ("pay_2", "order_unknown", "deliver an event again that waits"),
            ("pay_3", ORDER, "deliver another event"),
        ] {
            let amount = if payment == "pay_1" { 300 } else { 200 };
            doors.push((
                name.to_owned(),
                billing,
                self.delivery(&captured(payment, order, amount)),
            ));
        }
        doors
    }

    fn door(&self, name: String, function: Function, call: Call) -> Door {
        self.lay(&self.stored);
        let answer = self.send(function, &call);
        // What is discarded is not there.
        assert!([200, 201, 404].contains(&answer.status), "{name}: {}", answer.json);
        let there: BTreeSet<At> = self
            .stored
            .iter()
            .map(|(store, key, _)| (store.clone(), key.clone()))
            .collect();
        let reads = self
            .world
            .stores
            .trace()
            .iter()
            .filter_map(|operation| {
                let mut words = operation.split(' ');
                let (store, verb, key) = (words.next()?, words.next()?, words.next()?);
                (verb == "get").then(|| (store.to_owned(), key.to_owned()))
            })
            .filter(|at| STORES.contains(&at.0.as_str()) && there.contains(at))
            .collect();
        Door {
            is_delivery: name.starts_with("deliver"),
            writes: self
                .world
                .stores
                .dump()
                .iter()
                .any(|value| STORES.contains(&value.0.as_str()) && self.stored.binary_search(value).is_err()),
            name,
            function,
            call,
            answer,
            reads,
        }
    }

    /// Puts these values into the stores, at the moment at which all was written.
    pub(crate) fn lay(&self, values: &Dump) {
        self.world.stores.restore(values);
        self.world
            .clock
            .advance(self.now.duration_since(self.world.clock.now()));
        self.world.stores.disarm();
    }

    /// What a door answers now.
    pub(crate) fn ask(&self, door: &Door) -> Answer {
        self.send(door.function, &door.call)
    }

    /// What a door answers while the stores hold these values.
    pub(crate) fn knock(&self, door: &Door, values: &Dump) -> Answer {
        self.lay(values);
        self.ask(door)
    }
}
