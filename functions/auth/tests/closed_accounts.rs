//! Accounts that are closed, seen from the routes by which somebody would get in.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use account::{AccountState, Accounts};
use http::Method;
use jiff::SignedDuration;
use model::{AccountId, ClinicId, Confidential, Function};
use practicekit::{ADMIN, ADMIN_PASSWORD, Person, Practice};
use serde::Deserialize;
use serde_json::json;
use testkit::{Answer, Call};
use web::{Exchange, Problem, Reply, Route};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateBody {
    clinic_id: ClinicId,
    account_id: AccountId,
    open: bool,
    by_owner: bool,
}

/// Closes an account or opens it again, in every way that there is.
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

/// Somebody whose account is closed and opened again.
struct Closing {
    practice: Practice,
    ada: Person,
    account: String,
}

impl Closing {
    fn open() -> Self {
        let (practice, ada) = Practice::open(1);
        let account = practice.log_in(&ada).text("account_id");
        Self { practice, ada, account }
    }

    fn set_state(&self, open: bool, by_owner: bool) {
        let body = json!({
            "clinic_id": self.practice.clinic, "account_id": self.account, "open": open, "by_owner": by_owner,
        });
        let routes = [Route::new(Method::PUT, "/test/state", set_state)];
        let call = Call::put("/test/state", &body);
        let answer = Answer::from(self.practice.world.serve(Function::Auth, &routes, &call.request()));
        assert_eq!(answer.status, 204);
    }

    /// Status, problem, and what was done to the stores.
    fn log_in(&self, password: &str) -> (u16, Option<String>, Vec<String>) {
        let practice = &self.practice;
        practice.world.clock.advance(SignedDuration::from_secs(30));
        let call = practice.credentials(ADMIN, password, Some(&practice.code(&self.ada)));
        practice.world.stores.disarm();
        let answer = practice.send(&call);
        let trace = practice.world.stores.trace().into_iter();
        let accounts = trace.filter(|operation| operation.starts_with("accounts "));
        let operations = accounts.map(|operation| operation.split(' ').nth(1).unwrap().to_owned());
        (answer.status, answer.problem().map(str::to_owned), operations.collect())
    }
}

#[test]
fn a_closed_account_is_refused_like_a_wrong_password() {
    let closing = Closing::open();
    let practice = &closing.practice;
    let wrong = closing.log_in("hill walks 8");
    assert_eq!((wrong.0, wrong.1.as_deref()), (401, Some("invalid-credentials")));
    for by_owner in [false, true] {
        let log_in = practice.password_alone(&closing.ada).text("log_in");
        closing.set_state(false, by_owner);
        assert_eq!(closing.log_in(ADMIN_PASSWORD), wrong);
        let confirm = practice.send(&practice.confirmation(&closing.ada));
        assert_eq!(confirm.problem(), Some("invalid-credentials"));
        practice.world.clock.advance(SignedDuration::from_secs(30));
        for (path, body) in [
            (
                "/v1/auth/log-ins/complete",
                json!({"log_in": log_in, "totp": practice.code(&closing.ada)}),
            ),
            ("/v1/auth/log-ins/sms", json!({"log_in": log_in})),
        ] {
            let answer = practice.send(&Call::post(path, &body));
            assert_eq!((answer.status, answer.problem()), (401, Some("log-in-over")), "{path}");
        }
        closing.set_state(true, by_owner);
        assert_eq!(closing.log_in(ADMIN_PASSWORD).0, 201, "open again");
    }
}
