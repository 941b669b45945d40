//! A practice for the tests of what lets people in: a clinic and its administrator, what they ask `accounts` and `auth` for, and what
//! `notify` takes from them. A crate of its own, because the tests of each of the two need routes of both.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod authenticator;
pub mod sweep;

use std::cell::RefCell;
use std::rc::Rc;

use crypto::Keyring;
use http::Method;
use jiff::SignedDuration;
use model::{Function, MessageId};
use notification::{Accepted, Content, MESSAGES, Message, Recipient, State, Template};
use ports::Clock;
use serde_json::{Value, json};
use testkit::{Answer, Call, World};
use web::{Exchange, Problem, Reply, Route};

use crate::authenticator::Authenticator;

/// The clinic's administrator.
pub const ADMIN: &str = "Ada.Okafor@example.org";
/// Hers.
pub const ADMIN_PASSWORD: &str = "hill walks 7";

/// A client of the clinic, with a password that stands alone.
pub const ZOE: &str = "zoe@example.org";
/// Hers.
pub const ZOE_PASSWORD: &str = "grey heron by the weir";

thread_local! {
    /// What `notify` has taken, each message once.
    static TAKEN: RefCell<Vec<Message>> = const { RefCell::new(Vec::new()) };
}

/// `notify`, as far as `auth` knows it: a message is durable with its answer, and the same key is the same message.
fn take(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    assert_eq!(exchange.calling_function()?.function(), Function::Auth);
    let message: Message = exchange.json()?;
    TAKEN.with_borrow_mut(|taken| match taken.iter().find(|before| before.key == message.key) {
        Some(before) => assert_eq!(*before, message, "a key names one message"),
        None => taken.push(message),
    });
    Reply::ok(&Accepted {
        message_id: MessageId::from_bytes([1; 16]),
        state: State::Pending,
    })
}

/// Lets `notify` take messages in this world.
pub fn deploy_notify(world: &World) {
    world.deploy(Function::Notify, &[Route::new(Method::POST, MESSAGES, take)]);
    world.set(Function::Auth, "rp_id", "localhost");
    world.set(Function::Auth, "origins", "http://localhost:3000 https://app.localhost");
}

/// What was sent since this was asked last.
pub fn messages() -> Vec<Message> {
    TAKEN.take()
}

/// The token of the one link that was mailed since messages were asked for last, which has to be of this kind.
pub fn mailed_link(template: Template) -> String {
    match &messages()[..] {
        [
            Message {
                recipient: Recipient::Email(_),
                content,
                ..
            },
        ] if content.template() == template => content.token().expect("a link").expose().clone(),
        other => panic!("one link, not {other:?}"),
    }
}

/// The code in the one message that was sent by SMS since messages were asked for last, and the number it went to.
pub fn code_by_sms() -> (String, String) {
    match &messages()[..] {
        [
            Message {
                recipient: Recipient::Phone(phone),
                content: Content::SignInCode { code },
                ..
            },
        ] => (phone.expose().clone(), code.expose().clone()),
        other => panic!("one message with a code, not {other:?}"),
    }
}

/// Another code of the same form.
pub fn other_code(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

/// A clinic in a world of its own.
pub struct Practice {
    /// Where it lies.
    pub world: World,
    /// Its id.
    pub clinic: String,
}

/// Somebody who can log in.
#[derive(Clone)]
pub struct Person {
    /// The address.
    pub email: &'static str,
    /// The password.
    pub password: &'static str,
    /// The app's secret from enrolment.
    pub secret: String,
}

/// The code that an app with this secret shows at this second.
pub fn code_at(secret: &str, second: i64) -> String {
    let secret: [u8; 20] = data_encoding::BASE32_NOPAD
        .decode(secret.as_bytes())
        .unwrap()
        .try_into()
        .unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(second).unwrap()).to_string()
}

/// An operator's code.
pub fn bootstrap_code(world: &World, id: u8) -> String {
    let keyring = Keyring::parse(Function::Auth, Some(&world.keyrings[&Function::Auth])).unwrap();
    access::bootstrap_code::mint(keyring.key("bootstrap").unwrap(), [id; 16]).to_string()
}

/// Whether something is read there.
fn is_read(routes: &[Route], path: &str) -> bool {
    let takes = |pattern: &str| {
        pattern.split('/').count() == path.split('/').count()
            && (pattern.split('/').zip(path.split('/'))).all(|(wanted, here)| wanted == here || wanted.starts_with('{'))
    };
    (routes.iter()).any(|route| route.method == Method::GET && takes(route.path))
}

/// Asks whichever of the two functions answers. Where the answer says that something is read, it is.
pub fn send(world: &World, call: &Call) -> Answer {
    let routes = [accounts::ROUTES.as_slice(), &auth::ROUTES].concat();
    let answer = Answer::from(world.serve(Function::Auth, &routes, &call.request()));
    if let Some(location) = answer.header("location") {
        assert!(is_read(&routes, location), "nothing is read at {location}");
    }
    answer
}

/// What opens a clinic.
pub fn clinic_body(code: &str, email: &str, password: &str) -> Value {
    json!({"code": code, "clinic": {"name": "Practice on the Hill"},
        "administrator": {"email": email, "display_name": "Ada Okafor", "password": password}})
}

/// Invites somebody.
pub fn invitation(token: &str, key: &str, body: &Value) -> Call {
    Call::post("/v1/auth/invitations", body).bearer(token).once(key)
}

/// Accepts an invitation.
pub fn acceptance(token: &str, password: &str) -> Call {
    let body = json!({"token": token, "display_name": "Somebody Else", "password": password});
    Call::post("/v1/auth/invitations/accept", &body)
}

/// What invites a clinician.
pub fn staff(email: &str) -> Value {
    json!({"email": email, "roles": ["clinician"]})
}

impl Person {
    /// Who was enrolled with this answer.
    pub fn enrolled(email: &'static str, password: &'static str, answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{}", answer.json);
        Self {
            email,
            password,
            secret: answer.json["totp"]["secret"].as_str().unwrap().to_owned(),
        }
    }
}

impl Practice {
    /// A clinic whose administrator has confirmed her app.
    pub fn open(seed: u64) -> (Self, Person) {
        let world = World::new(seed);
        deploy_notify(&world);
        let body = clinic_body(&bootstrap_code(&world, 1), ADMIN, ADMIN_PASSWORD);
        let opened = send(&world, &Call::post("/v1/auth/clinics", &body));
        let ada = Person::enrolled(ADMIN, ADMIN_PASSWORD, &opened);
        let practice = Self {
            world,
            clinic: opened.text("clinic_id"),
        };
        practice.confirm(&ada);
        (practice, ada)
    }

    /// As [`send`].
    pub fn send(&self, call: &Call) -> Answer {
        send(&self.world, call)
    }

    /// The code that somebody's app shows now.
    pub fn code(&self, person: &Person) -> String {
        code_at(&person.secret, self.world.clock.now().as_second())
    }

    /// Asks to confirm a person's app, with its code of now.
    pub fn confirmation(&self, person: &Person) -> Call {
        let body = json!({"clinic_id": self.clinic, "email": person.email, "password": person.password, "code": self.code(person)});
        Call::post("/v1/auth/totp/confirm", &body)
    }

    /// Confirms somebody's app.
    pub fn confirm(&self, person: &Person) {
        assert_eq!(self.send(&self.confirmation(person)).status, 204);
    }

    /// Logs in with these.
    pub fn credentials(&self, email: &str, password: &str, totp: Option<&str>) -> Call {
        let mut body = json!({"clinic_id": self.clinic, "email": email, "password": password});
        if let Some(totp) = totp {
            body["totp"] = json!(totp);
        }
        Call::post("/v1/auth/sessions", &body)
    }

    /// Logs in with the app's code of now.
    pub fn log_in_call(&self, person: &Person) -> Call {
        self.credentials(person.email, person.password, Some(&self.code(person)))
    }

    /// Logs in with the app's next code.
    pub fn log_in(&self, person: &Person) -> Answer {
        self.world.clock.advance(SignedDuration::from_secs(30));
        let answer = self.send(&self.credentials(person.email, person.password, Some(&self.code(person))));
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer
    }

    /// Enrols a client who has not confirmed an app.
    pub fn enrol_zoe(&self, admin: &Person) -> Person {
        let token = self.log_in(admin).text("token");
        let client = model::ClientId::from_bytes([5; 16]).to_string();
        let body = json!({"email": ZOE, "roles": ["client"], "client_id": client});
        let invited = self.invite(&token, "zoe", &body).text("token");
        Person::enrolled(ZOE, ZOE_PASSWORD, &self.accept(&invited, ZOE_PASSWORD))
    }

    /// Enrols a clinician who has not confirmed an app.
    pub fn enrol_ben(&self, admin: &Person) -> Person {
        let token = self.log_in(admin).text("token");
        let invited = self.invite(&token, "ben", &staff("ben@example.org")).text("token");
        Person::enrolled("ben@example.org", "eight ch", &self.accept(&invited, "eight ch"))
    }

    /// Shows the password alone.
    pub fn password_alone(&self, person: &Person) -> Answer {
        self.send(&self.credentials(person.email, person.password, None))
    }

    /// Completes a log-in that is half done.
    pub fn complete(&self, log_in: &str, factor: &str, value: &str) -> Answer {
        self.send(&Call::post(
            "/v1/auth/log-ins/complete",
            &json!({"log_in": log_in, factor: value}),
        ))
    }

    /// As [`invitation`].
    pub fn invite(&self, token: &str, key: &str, body: &Value) -> Answer {
        self.send(&invitation(token, key, body))
    }

    /// As [`acceptance`].
    pub fn accept(&self, token: &str, password: &str) -> Answer {
        self.send(&acceptance(token, password))
    }

    /// Whether the session lives.
    pub fn is_live(&self, token: &str) -> bool {
        self.send(&Call::get("/v1/auth/sessions/current").bearer(token)).status == 200
    }

    /// The request that confirms a number with the code that it gets now. The session has to be fresh.
    pub fn sms_confirmation(&self, token: &str, phone: &str) -> Call {
        messages();
        let begun = self.send(&Call::post("/v1/auth/factors/sms", &json!({"phone": phone})).bearer(token));
        assert_eq!(begun.status, 202, "{}", begun.json);
        let (_, code) = code_by_sms();
        Call::post("/v1/auth/factors/sms/confirm", &json!({"code": code})).bearer(token)
    }

    /// Gets codes by SMS from now on. The session has to be fresh.
    pub fn register_sms(&self, token: &str, phone: &str) {
        assert_eq!(self.send(&self.sms_confirmation(token, phone)).status, 204);
    }

    /// Sets up an app, or another one, and gives its secret. The session has to be fresh.
    pub fn register_totp(&self, token: &str) -> String {
        let begun = self.send(&Call::post("/v1/auth/factors/totp", &json!({})).bearer(token));
        assert_eq!(begun.status, 200, "{}", begun.json);
        let secret = begun.text("secret");
        let code = code_at(&secret, self.world.clock.now().as_second());
        let confirm = Call::post("/v1/auth/factors/totp/confirm", &json!({"code": code})).bearer(token);
        let confirmed = self.send(&confirm);
        assert_eq!(confirmed.status, 204, "{}", confirmed.json);
        secret
    }

    /// The answer of a device to the options for a new passkey. The session has to be fresh.
    pub fn created(&self, token: &str, device: &mut Authenticator) -> Value {
        let options = self.send(&Call::post("/v1/auth/factors/passkeys/options", &json!({})).bearer(token));
        assert_eq!(options.status, 200, "{}", options.json);
        device.create(&options.json)
    }

    /// Adds a passkey. The session has to be fresh.
    pub fn register_passkey(&self, token: &str, device: &mut Authenticator) -> Answer {
        let body = json!({"name": "Telephone", "credential": self.created(token, device)});
        let added = self.send(&Call::post("/v1/auth/factors/passkeys", &body).bearer(token));
        assert_eq!(added.status, 201, "{}", added.json);
        added
    }

    /// A log-in with a passkey alone, about to be sent.
    pub fn passkey_alone(&self, device: &mut Authenticator) -> Call {
        let options = self.send(&Call::post(
            "/v1/auth/passkeys/challenge",
            &json!({"clinic_id": self.clinic}),
        ));
        assert_eq!(options.status, 200, "{}", options.json);
        let body = json!({"clinic_id": self.clinic, "credential": device.get(&options.json)});
        Call::post("/v1/auth/passkeys/sessions", &body)
    }

    /// Ten codes. The session has to be fresh.
    pub fn recovery_codes(&self, token: &str, key: &str) -> Vec<String> {
        let call = Call::post("/v1/auth/factors/recovery-codes", &json!({}))
            .bearer(token)
            .once(key);
        let made = self.send(&call);
        assert_eq!(made.status, 200, "{}", made.json);
        let codes = made.json["recovery_codes"].as_array().unwrap();
        codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
    }
}

/// Runs `one`, and `other` right before each of its operations in turn; `check` gets both answers.
pub fn race(
    seed: u64,
    prepare: impl Fn(&Practice, &Person) -> (Call, Call),
    check: impl Fn(usize, &Answer, Option<&Answer>),
) {
    for nth in 0.. {
        let (practice, ada) = Practice::open(seed);
        let practice = Rc::new(practice);
        let (one, other) = prepare(&practice, &ada);
        let heard = Rc::new(RefCell::new(None));
        let (rival, answer) = (Rc::clone(&practice), Rc::clone(&heard));
        practice.world.stores.meanwhile(nth, move || {
            *answer.borrow_mut() = Some(rival.send(&other));
        });
        let first = practice.send(&one);
        let done = practice.world.stores.operations() <= nth;
        practice.world.stores.disarm();
        check(nth, &first, heard.borrow().as_ref());
        if done {
            return;
        }
    }
}
