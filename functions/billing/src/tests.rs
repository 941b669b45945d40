//! Whole requests against the function on a platform in memory. Permissions come from the consent function itself.

mod access;
mod crash_points;
mod insurance;
mod invoices;
mod register;
mod webhooks;

use std::collections::BTreeMap;

use audit_trail::{Chains, Event, SHARDS};
use base16ct::lower;
use crypto::Keyring;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use jiff::SignedDuration;
use model::{AccountId, ClinicId, Function, Gateway, Role, Timestamp};
use ports::{Clock, EntropyExt};
use serde_json::{Value, json};
use sha2::Sha256;
use store::Shelf;
use testkit::{Answer, Call, SeededEntropy, World, assert_refused, log_in};

use crate::ROUTES;

/// What the gateways and the clinic share.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Clone)]
struct Staff {
    account: AccountId,
    token: String,
}

/// Who there is.
#[derive(Clone)]
struct Cast {
    clinic: ClinicId,
    /// Handles invoices.
    billing: Staff,
    clinician: Staff,
    admin: Staff,
    /// A client who agreed to be billed.
    client: String,
    herself: Staff,
    /// Where her consent is withdrawn.
    withdraw: String,
}

/// A clinic with a client who agreed to be billed.
struct Practice {
    world: World,
    cast: Cast,
}

/// A practice as it is at one moment, to go on from many times.
struct Moment {
    keyrings: BTreeMap<Function, String>,
    now: Timestamp,
    stored: Vec<(String, String, Vec<u8>)>,
    cast: Cast,
}

impl Moment {
    fn after(practice: &Practice) -> Self {
        Self {
            keyrings: practice.world.keyrings.clone(),
            now: practice.world.clock.now(),
            stored: practice.world.stores.dump(),
            cast: practice.cast.clone(),
        }
    }

    /// The practice at that moment, with another randomness from then on.
    fn resume(&self, seed: u64) -> Practice {
        let mut world = World::new(0);
        world.keyrings.clone_from(&self.keyrings);
        world.entropy = SeededEntropy::new(0xb111_0000 + seed);
        world.clock.advance(self.now.duration_since(world.clock.now()));
        world.stores.restore(&self.stored);
        configure(&world, self.cast.clinic);
        Practice {
            world,
            cast: self.cast.clone(),
        }
    }
}

fn configure(world: &World, clinic: ClinicId) {
    for gateway in Gateway::ALL {
        world.set(
            Function::Billing,
            &format!("{gateway}_webhook_secrets"),
            &format!("{clinic}:an-older-secret-that-goes {clinic}:{SECRET}"),
        );
    }
}

impl Practice {
    fn new() -> Self {
        let world = World::new(17);
        let clinic = world.entropy.id();
        configure(&world, clinic);
        let staff = |role| {
            let account = world.entropy.id();
            let token = log_in(&world, &[role], clinic, account, None);
            Staff { account, token }
        };
        let cast = Cast {
            clinic,
            billing: staff(Role::Billing),
            clinician: staff(Role::Clinician),
            admin: staff(Role::ClinicAdmin),
            client: String::new(),
            herself: staff(Role::Client),
            withdraw: String::new(),
        };
        let mut practice = Self { world, cast };
        let jurisdiction = Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction());
        practice.to_consent(&jurisdiction.bearer(&practice.cast.admin.token), 201);
        practice.cast.client = practice.open("open");
        practice.cast.withdraw = practice.agree(&practice.cast.client, "give");
        practice.cast.herself.token = practice.log_in_as(&practice.cast.client);
        practice
    }

    fn to_consent(&self, call: &Call, status: u16) -> Answer {
        let answer = Answer::from(self.world.serve(Function::Consent, &consent::ROUTES, &call.request()));
        assert_eq!(answer.status, status, "{}", answer.json);
        answer
    }

    /// A client without any consent.
    fn open(&self, key: &str) -> String {
        let call = Call::post("/v1/consent/clients", &json!({})).once(key);
        self.to_consent(&call.bearer(&self.cast.clinician.token), 201)
            .text("client_id")
    }

    /// The token of a client.
    fn log_in_as(&self, client: &str) -> String {
        log_in(
            &self.world,
            &[Role::Client],
            self.cast.clinic,
            self.world.entropy.id(),
            Some(client.parse().unwrap()),
        )
    }

    /// Records that she agrees to be billed, and returns the path to withdraw it.
    fn agree(&self, client: &str, key: &str) -> String {
        let notice = testkit::notice(&["HPAYMT"], &["billing"]);
        let call = Call::post("/v1/consent/notices", &notice).once("notice");
        let notice = self
            .to_consent(&call.bearer(&self.cast.admin.token), 201)
            .text("notice_id");
        let terms = json!({"notice_id": notice, "language": "en", "purposes": ["HPAYMT"], "classes": ["billing"],
            "given_by": "client", "method": "written"});
        let path = format!("/v1/consent/clients/{client}/consents");
        let call = Call::post(&path, &terms).once(key);
        let consent = self
            .to_consent(&call.bearer(&self.cast.clinician.token), 201)
            .text("consent_id");
        format!("{path}/{consent}/withdraw")
    }

    fn withdraw(&self) {
        let call = Call::post(&self.cast.withdraw, &json!({}));
        self.to_consent(&call.bearer(&self.cast.clinician.token), 200);
    }

    fn send(&self, call: &Call) -> Answer {
        let answer = Answer::from(self.world.serve(Function::Billing, &ROUTES, &call.request()));
        assert!(answer.status != 500, "{:?} {:?}", answer.json, self.world.log());
        answer
    }

    fn as_billing(&self, call: Call) -> Answer {
        self.send(&call.bearer(&self.cast.billing.token))
    }

    #[track_caller]
    fn expect(&self, status: u16, call: Call) -> Answer {
        let answer = self.as_billing(call);
        assert_eq!(answer.status, status, "{}", answer.json);
        answer
    }

    fn path(&self) -> String {
        format!("/v1/billing/clients/{}/invoices", self.cast.client)
    }

    fn invoicing(&self, key: &str, amount: i64) -> Call {
        Call::post(self.path(), &content(amount)).once(key)
    }

    /// A new invoice of this amount: its own path.
    #[track_caller]
    fn invoice(&self, key: &str, amount: i64) -> String {
        let written = self.expect(201, self.invoicing(key, amount));
        written.header("location").unwrap().to_owned()
    }

    fn tying(&self, invoice: &str, gateway: Gateway, reference: &str) -> Call {
        let body = json!({"gateway": gateway, "reference": reference});
        Call::post(format!("{invoice}/gateway-orders"), &body)
    }

    #[track_caller]
    fn tie(&self, invoice: &str, gateway: Gateway, reference: &str) {
        self.expect(200, self.tying(invoice, gateway, reference));
    }

    /// State, received and refunded of an invoice.
    #[track_caller]
    fn standing(&self, invoice: &str) -> (String, i64, i64) {
        let read = self.expect(200, Call::get(invoice));
        let number = |field: &str| read.json[field].as_i64().unwrap();
        (read.text("state"), number("received"), number("refunded"))
    }

    /// What nobody could apply: kind and reason of each.
    #[track_caller]
    fn dead(&self) -> Vec<(String, String)> {
        let listed = self.expect(200, Call::get("/v1/billing/webhook-events"));
        let events = listed.json["events"].as_array().unwrap().iter();
        events
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap().to_owned();
                (text("type"), text("reason"))
            })
            .collect()
    }

    /// A delivery of Razorpay's, under this id of its own.
    fn razorpay(&self, event_id: &str, event: &Value) -> Call {
        let body = event.to_string();
        Call::new(Method::POST, self.webhook(Gateway::Razorpay))
            .header("content-type", "application/json")
            .header("x-razorpay-event-id", event_id)
            .header("x-razorpay-signature", &code(SECRET, &body))
            .body(body)
    }

    /// A delivery of Stripe's, signed now.
    fn stripe(&self, event: &Value) -> Call {
        let body = event.to_string();
        let second = self.world.clock.now().as_second();
        let signature = format!("t={second},v1={}", code(SECRET, &format!("{second}.{body}")));
        Call::new(Method::POST, self.webhook(Gateway::Stripe))
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", &signature)
            .body(body)
    }

    fn webhook(&self, gateway: Gateway) -> String {
        format!("/v1/billing/webhooks/{gateway}/{}", self.cast.clinic)
    }

    #[track_caller]
    fn deliver(&self, call: &Call) -> Answer {
        let answer = self.send(call);
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer
    }

    /// Every event of this function's chains, which must all verify.
    fn trail(&self) -> Vec<Event> {
        let text = self.world.keyrings.get(&Function::Audit).map(String::as_str);
        let keyring = Keyring::parse(Function::Audit, text).unwrap();
        self.world.with_platform(Function::Audit, |platform| {
            let shelf = Shelf::open(&platform, "audit").unwrap();
            let chains = Chains::new(&shelf, keyring.audit(Function::Billing).unwrap(), Function::Billing);
            (0..SHARDS)
                .flat_map(|shard| {
                    let chain = chains.chain(Some(self.cast.clinic), shard);
                    let entries = chain.newest_first(None).map(|entry| entry.unwrap().value);
                    entries.collect::<Vec<_>>()
                })
                .collect()
        })
    }

    /// The entry of the trail that an answer names.
    #[track_caller]
    fn event(&self, answer: &Answer) -> Event {
        let id = answer.header("audit-id").unwrap_or_else(|| panic!("{}", answer.json));
        let mut found = self.trail();
        found.retain(|event| event.id.to_string() == id);
        assert_eq!(found.len(), 1, "{id}");
        found.remove(0)
    }

    /// All that this function stores but the trail.
    fn state(&self) -> Vec<(String, String, Vec<u8>)> {
        let mut dump = self.world.stores.dump();
        dump.retain(|(store, ..)| store.starts_with("billing"));
        dump
    }

    /// Begins every chain of the trail, so that no request waits for another that begins one.
    fn begin_chains(&self) {
        let event = self.trail().pop().expect("something was recorded");
        let text = self.world.keyrings.get(&Function::Billing).map(String::as_str);
        let keyring = Keyring::parse(Function::Billing, text).unwrap();
        self.world.with_platform(Function::Billing, |platform| {
            let shelf = Shelf::open(&platform, "audit").unwrap();
            let chains = Chains::new(&shelf, keyring.audit(Function::Billing).unwrap(), Function::Billing);
            for shard in 0..SHARDS {
                let id = self.world.entropy.id();
                let chain = chains.chain(Some(self.cast.clinic), shard);
                chain.append(*id.as_bytes(), &Event { id, ..event.clone() }).unwrap();
            }
        });
    }

    /// Lets time pass.
    fn wait(&self, duration: SignedDuration) {
        self.world.clock.advance(duration);
    }
}

fn code(secret: &str, text: &str) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    hmac.update(text.as_bytes());
    lower::encode_string(&hmac.finalize().into_bytes())
}

fn content(amount: i64) -> Value {
    json!({"currency": "INR", "lines": [{"description": "SECRET session", "quantity": 1, "unit_amount": amount}]})
}

/// When gateways say that things happened.
const AT: i64 = 1_796_112_000;

/// An event of Razorpay's about a payment of this status.
fn payment(kind: &str, payment: &str, order: &str, status: &str, amount: i64) -> Value {
    let entity = json!({"id": payment, "order_id": order, "status": status, "amount": amount, "currency": "INR",
        "captured": status == "captured", "email": "SECRET@example.org", "contact": "+10000000000", "card": {"name": "SECRET"}});
    json!({"entity": "event", "event": kind, "created_at": AT, "payload": {"payment": {"entity": entity}}})
}

fn captured(id: &str, order: &str, amount: i64) -> Value {
    payment("payment.captured", id, order, "captured", amount)
}

/// An event of Razorpay's about a refund of this status.
fn refund(kind: &str, id: &str, of: &str, order: &str, status: &str, amount: i64, paid: i64) -> Value {
    let mut event = captured(of, order, paid);
    event["event"] = kind.into();
    event["payload"]["refund"] =
        json!({"entity": {"id": id, "payment_id": of, "status": status, "amount": amount, "currency": "INR"}});
    event
}

fn refunded(id: &str, of: &str, order: &str, amount: i64, paid: i64) -> Value {
    refund("refund.processed", id, of, order, "processed", amount, paid)
}

/// An event of Stripe's.
fn stripe_event(id: &str, kind: &str, object: Value) -> Value {
    json!({"id": id, "object": "event", "type": kind, "created": AT, "data": {"object": object}})
}

fn intent(amount: i64) -> Value {
    json!({"id": INTENT, "currency": "inr", "amount_received": amount, "amount_capturable": amount})
}

const INTENT: &str = "pi_3OFiuyFUCobZzZgn2Q8X7hbz";
const ORDER: &str = "order_DESlLckIVRkHWj";
