//! A clinic and its administrator, and what they ask for.

use crypto::Keyring;
use jiff::SignedDuration;
use model::Function;
use ports::Clock;
use serde_json::{Value, json};
use testkit::{Answer, Call, World};

pub(crate) const ADMIN: &str = "Ada.Okafor@example.org";
pub(crate) const ADMIN_PASSWORD: &str = "hill walks 7";

/// A clinic in a world of its own.
pub(crate) struct Practice {
    pub(crate) world: World,
    pub(crate) clinic: String,
}

/// Somebody who can log in.
pub(crate) struct Person {
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    pub(crate) secret: String,
}

pub(crate) fn code_at(secret: &str, second: i64) -> String {
    let secret: [u8; 20] = data_encoding::BASE32_NOPAD
        .decode(secret.as_bytes())
        .unwrap()
        .try_into()
        .unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(second).unwrap()).to_string()
}

pub(crate) fn bootstrap_code(world: &World, id: u8) -> String {
    let keyring = Keyring::parse(Function::Auth, Some(&world.keyrings[&Function::Auth])).unwrap();
    access::bootstrap_code::mint(keyring.key("bootstrap").unwrap(), [id; 16]).to_string()
}

pub(crate) fn send(world: &World, call: &Call) -> Answer {
    Answer::from(world.serve(Function::Auth, &auth::ROUTES, &call.request()))
}

pub(crate) fn clinic_body(code: &str, email: &str, password: &str) -> Value {
    json!({"code": code, "clinic": {"name": "Practice on the Hill"},
        "administrator": {"email": email, "display_name": "Ada Okafor", "password": password}})
}

pub(crate) fn invitation(token: &str, key: &str, body: &Value) -> Call {
    Call::post("/v1/auth/invitations", body).bearer(token).once(key)
}

pub(crate) fn acceptance(token: &str, password: &str) -> Call {
    let body = json!({"token": token, "display_name": "Somebody Else", "password": password});
    Call::post("/v1/auth/invitations/accept", &body)
}

pub(crate) fn staff(email: &str) -> Value {
    json!({"email": email, "roles": ["clinician"]})
}

impl Person {
    /// Who was enrolled with this answer.
    pub(crate) fn enrolled(email: &'static str, password: &'static str, answer: &Answer) -> Self {
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
    pub(crate) fn open(seed: u64) -> (Self, Person) {
        let world = World::new(seed);
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

    pub(crate) fn send(&self, call: &Call) -> Answer {
        send(&self.world, call)
    }

    pub(crate) fn code(&self, person: &Person) -> String {
        code_at(&person.secret, self.world.clock.now().as_second())
    }

    /// Asks to confirm a person's app, with its code of now.
    pub(crate) fn confirmation(&self, person: &Person) -> Call {
        let body = json!({"clinic_id": self.clinic, "email": person.email, "password": person.password, "code": self.code(person)});
        Call::post("/v1/auth/totp/confirm", &body)
    }

    pub(crate) fn confirm(&self, person: &Person) {
        assert_eq!(self.send(&self.confirmation(person)).status, 204);
    }

    pub(crate) fn credentials(&self, email: &str, password: &str, totp: Option<&str>) -> Call {
        let mut body = json!({"clinic_id": self.clinic, "email": email, "password": password});
        if let Some(totp) = totp {
            body["totp"] = json!(totp);
        }
        Call::post("/v1/auth/sessions", &body)
    }

    /// Logs in with the app's next code.
    pub(crate) fn log_in(&self, person: &Person) -> Answer {
        self.world.clock.advance(SignedDuration::from_secs(30));
        let answer = self.send(&self.credentials(person.email, person.password, Some(&self.code(person))));
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer
    }

    pub(crate) fn invite(&self, token: &str, key: &str, body: &Value) -> Answer {
        self.send(&invitation(token, key, body))
    }

    pub(crate) fn accept(&self, token: &str, password: &str) -> Answer {
        self.send(&acceptance(token, password))
    }

    pub(crate) fn is_live(&self, token: &str) -> bool {
        self.send(&Call::get("/v1/auth/sessions/current").bearer(token)).status == 200
    }
}
