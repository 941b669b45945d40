//! What no route does yet, seen from the routes: accounts that are closed.

use access::bootstrap_code;
use account::{AccountState, Accounts};
use crypto::Keyring;
use data_encoding::BASE32_NOPAD;
use http::Method;
use jiff::SignedDuration;
use model::{AccountId, ClinicId, Confidential, Function};
use ports::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::{Answer, Call, World};
use web::{Exchange, Problem, Reply, Route};

use crate::ROUTES;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateBody {
    clinic_id: ClinicId,
    account_id: AccountId,
    open: bool,
    by_owner: bool,
}

/// Closes an account or opens it again, as a route of administration would.
fn set_state(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let body: StateBody = exchange.json()?;
    let at = exchange.platform.clock.now();
    Accounts::open(exchange)?.change(body.clinic_id, body.account_id, &mut |account| {
        account.state = match (body.open, body.by_owner) {
            (true, _) => AccountState::Active,
            (false, true) => AccountState::Deactivated {
                at,
                by: body.account_id,
                reason: Confidential::default(),
            },
            (false, false) => AccountState::Disabled {
                at,
                by: body.account_id,
                reason: Confidential::default(),
            },
        };
        Ok(())
    })?;
    Ok(Reply::no_content())
}

struct Closing {
    world: World,
    clinic: String,
    account: String,
    secret: String,
}

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "hill walks 7";

impl Closing {
    fn send(&self, call: &Call) -> Answer {
        let mut routes = ROUTES.to_vec();
        routes.push(Route::new(Method::PUT, "/test/state", set_state));
        Answer::from(self.world.serve(Function::Auth, &routes, &call.request()))
    }

    fn open() -> Self {
        let world = World::new(1);
        let keyring = Keyring::parse(Function::Auth, Some(&world.keyrings[&Function::Auth])).unwrap();
        let code = bootstrap_code::mint(keyring.key("bootstrap").unwrap(), [1; 16]).to_string();
        let body = json!({"code": code, "clinic": {"name": "Practice on the Hill"},
            "administrator": {"email": EMAIL, "display_name": "Ada Okafor", "password": PASSWORD}});
        let call = Call::post("/v1/auth/clinics", &body);
        let opened = Answer::from(world.serve(Function::Auth, &ROUTES, &call.request()));
        let closing = Self {
            world,
            clinic: opened.text("clinic_id"),
            account: opened.text("account_id"),
            secret: opened.json["totp"]["secret"].as_str().unwrap().to_owned(),
        };
        let body = closing.credentials(PASSWORD, "code");
        assert_eq!(closing.send(&Call::post("/v1/auth/totp/confirm", &body)).status, 204);
        closing
    }

    fn set_state(&self, open: bool, by_owner: bool) {
        let body = json!({"clinic_id": self.clinic, "account_id": self.account, "open": open, "by_owner": by_owner});
        assert_eq!(self.send(&Call::put("/test/state", &body)).status, 204);
    }

    fn code(&self) -> String {
        let secret: [u8; 20] = BASE32_NOPAD.decode(self.secret.as_bytes()).unwrap().try_into().unwrap();
        let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        let second = self.world.clock.now().as_second();
        totp.generate(u64::try_from(second).unwrap()).to_string()
    }

    fn credentials(&self, password: &str, field: &str) -> Value {
        let mut body = json!({"clinic_id": self.clinic, "email": EMAIL, "password": password});
        body[field] = json!(self.code());
        body
    }

    /// Status, problem, and what was done to the stores.
    fn log_in(&self, password: &str) -> (u16, Option<String>, Vec<String>) {
        self.world.clock.advance(SignedDuration::from_secs(30));
        let call = Call::post("/v1/auth/sessions", &self.credentials(password, "totp"));
        self.world.stores.disarm();
        let answer = self.send(&call);
        let trace = self.world.stores.trace().into_iter();
        let accounts = trace.filter(|operation| operation.starts_with("accounts "));
        let operations = accounts.map(|operation| operation.split(' ').nth(1).unwrap().to_owned());
        (answer.status, answer.problem().map(str::to_owned), operations.collect())
    }
}

#[test]
fn a_closed_account_is_refused_like_a_wrong_password() {
    let closing = Closing::open();
    let wrong = closing.log_in("hill walks 8");
    assert_eq!((wrong.0, wrong.1.as_deref()), (401, Some("invalid-credentials")));
    for by_owner in [false, true] {
        let waiting = json!({"clinic_id": closing.clinic, "email": EMAIL, "password": PASSWORD});
        let log_in = closing.send(&Call::post("/v1/auth/sessions", &waiting)).text("log_in");
        closing.set_state(false, by_owner);
        assert_eq!(closing.log_in(PASSWORD), wrong);
        let body = closing.credentials(PASSWORD, "code");
        let confirm = closing.send(&Call::post("/v1/auth/totp/confirm", &body));
        assert_eq!(confirm.problem(), Some("invalid-credentials"));
        closing.world.clock.advance(SignedDuration::from_secs(30));
        for (path, body) in [
            (
                "/v1/auth/log-ins/complete",
                json!({"log_in": log_in, "totp": closing.code()}),
            ),
            ("/v1/auth/log-ins/sms", json!({"log_in": log_in})),
        ] {
            let answer = closing.send(&Call::post(path, &body));
            assert_eq!((answer.status, answer.problem()), (401, Some("log-in-over")), "{path}");
        }
        closing.set_state(true, by_owner);
        assert_eq!(closing.log_in(PASSWORD).0, 201, "open again");
    }
}
