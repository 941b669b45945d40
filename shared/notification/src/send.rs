use model::Function;
use web::{Exchange, Problem};

use crate::{Accepted, Message};

/// The private route that takes messages.
pub const MESSAGES: &str = "/v1/notify/messages";

impl Message {
    /// Hands the message to `notify`. When this returns `Ok`, it is durable, and it leaves as its urgency says.
    ///
    /// # Errors
    /// 503 where `notify` did not answer, had too much to do at once, or has nobody to send by. Whether the message was taken is unknown then: send the
    /// same one again, under the same key. 500 where it breaks a rule: a defect of the caller.
    pub fn send(&self, exchange: &Exchange<'_>) -> Result<Accepted, Problem> {
        let response = exchange.call(Function::Notify, MESSAGES, self)?;
        if response.status().is_success() {
            serde_json::from_slice(response.body()).map_err(|_| Problem::defect("notify answered in an unknown form"))
        } else {
            // The status and the template say which rule, and nothing about anybody.
            Err(Problem::defect(format!(
                "notify refused a message of template {} with status {}",
                self.content.template().name(),
                response.status().as_u16()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, Content, Factor, Recipient, State, Template, Urgency};
    use http::Method;
    use model::{ClinicId, Confidential};
    use testkit::{Answer, Call, Fault, World};
    use web::{Reply, Route};

    fn message() -> Message {
        Message {
            key: "a-key-of-16-chars".to_owned(),
            clinic_id: ClinicId::from_bytes([1; 16]),
            recipient: Recipient::Email(Confidential::new("zoe@example.org".to_owned())),
            content: Content::PasswordChanged,
            language: "en".to_owned(),
            urgency: Urgency::Queued,
            expires_at: None,
        }
    }

    /// A route of `auth` that sends the message, as a handler of it would.
    fn sends(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        Reply::ok(&message().send(exchange)?)
    }

    /// A stand-in for `notify` that takes what comes from `auth`, unless a header of the test's says otherwise.
    fn takes(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        let calling = exchange.calling_function()?;
        assert_eq!(calling.function(), Function::Auth);
        let taken: Message = exchange.json()?;
        assert_eq!(taken, message());
        Reply::ok(&Accepted {
            message_id: model::MessageId::from_bytes([2; 16]),
            state: State::Pending,
        })
    }

    fn refuses(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        exchange.calling_function()?;
        Err(Problem::malformed("key", "key", "SECRET"))
    }

    fn fails(_: &Exchange<'_>) -> Result<Reply, Problem> {
        Err(Problem::defect("on purpose"))
    }

    fn is_contended(_: &Exchange<'_>) -> Result<Reply, Problem> {
        Err(store::StoreError::Contended.into())
    }

    fn ask(world: &World) -> Answer {
        let routes = [Route::new(Method::GET, "/v1/auth/send", sends)];
        Answer::from(world.serve(Function::Auth, &routes, &Call::get("/v1/auth/send").request()))
    }

    fn world(notify: web::Handler) -> World {
        let world = World::new(1);
        world.deploy(Function::Notify, &[Route::private(Method::POST, MESSAGES, notify)]);
        world
    }

    #[test]
    fn a_message_arrives_from_the_function_that_sends_it() {
        let answer = ask(&world(takes));
        assert_eq!(answer.status, 200, "{}", answer.json);
        assert_eq!(answer.json["state"], "pending");
    }

    #[test]
    fn without_an_answer_the_message_is_to_be_sent_again() {
        for fault in [Fault::Refused, Fault::AppliedButFailed] {
            let world = world(takes);
            world.stores.arm(0, fault);
            let answer = ask(&world);
            assert_eq!((answer.status, answer.problem()), (503, Some("unavailable")));
            assert_eq!(world.log().len(), 1);
        }
        let failing = world(fails);
        assert_eq!(ask(&failing).status, 503);
        let absent = World::new(1);
        assert_eq!(ask(&absent).status, 503);
    }

    /// That too many write at once says nothing of the message: it is not refused.
    #[test]
    fn where_too_many_write_at_once_the_message_is_to_be_sent_again() {
        let world = world(is_contended);
        let answer = ask(&world);
        assert_eq!((answer.status, answer.problem()), (503, Some("unavailable")));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(
            world.log().concat().contains("from auth to notify is to be repeated"),
            "{:?}",
            world.log()
        );
    }

    #[test]
    fn a_refusal_is_a_defect_of_ours_and_repeats_nothing() {
        let world = world(refuses);
        let answer = ask(&world);
        assert_eq!(answer.status, 500);
        assert!(!answer.json.to_string().contains("SECRET") && !world.log().concat().contains("SECRET"));
    }

    /// What a keyring of an older deployment lacks is said, on either side.
    #[test]
    fn a_keyring_without_the_pair_is_said_to_the_operator() {
        for (function, field) in [(Function::Auth, "calls"), (Function::Notify, "called_by")] {
            let mut world = world(takes);
            let mut keyring: serde_json::Value = serde_json::from_str(&world.keyrings[&function]).unwrap();
            keyring.as_object_mut().unwrap().remove(field);
            world.keyrings.insert(function, keyring.to_string());
            assert_eq!(ask(&world).status, 503);
            let log = world.log().concat();
            assert!(log.contains("lacks the key of calls from `auth` to `notify`"), "{log}");
        }
    }

    /// Keyrings of different deployments do not fit together.
    #[test]
    fn a_pair_that_does_not_fit_is_said_to_the_operator() {
        let mut world = world(takes);
        let other = World::new(2).keyrings.remove(&Function::Notify).unwrap();
        world.keyrings.insert(Function::Notify, other);
        assert_eq!(ask(&world).status, 503);
        assert!(world.log().concat().contains("keyrings"), "{:?}", world.log());
    }

    /// Nobody else gets to the private route, and to nobody else does it look like one.
    #[test]
    fn strangers_find_nothing() {
        let world = world(takes);
        let send = |call: &Call| {
            let routes = [Route::private(Method::POST, MESSAGES, takes)];
            Answer::from(world.serve(Function::Notify, &routes, &call.request()))
        };
        let nothing = send(&Call::post("/v1/notify/nothing", &serde_json::json!({})));
        for proof in [
            None,
            Some(""),
            Some("auth 1 AAAA"),
            Some("records 1764576000 AAAA"),
            Some("nobody"),
        ] {
            let mut call = Call::post(MESSAGES, &serde_json::to_value(message()).unwrap());
            if let Some(proof) = proof {
                call = call.header("private-call", proof);
            }
            let answer = send(&call);
            assert_eq!((answer.status, &answer.json), (404, &nothing.json), "{proof:?}");
        }
        assert!(world.log().is_empty());
    }

    #[test]
    fn names_are_those_of_the_api() {
        for template in Template::ALL {
            assert_eq!(serde_json::to_value(template).unwrap(), template.name());
        }
        for factor in Factor::ALL {
            assert_eq!(serde_json::to_value(factor).unwrap(), factor.name());
        }
        let content = serde_json::to_value(Content::FactorAdded { factor: Factor::Sms }).unwrap();
        assert_eq!(
            content,
            serde_json::json!({"template": "factor_added", "values": {"factor": "sms"}})
        );
        let nobody = serde_json::to_value(Recipient::Nobody {
            channel: Channel::Email,
        });
        assert_eq!(nobody.unwrap(), serde_json::json!({"nobody": {"channel": "email"}}));
    }

    #[test]
    fn a_message_prints_nothing_personal() {
        let message = Message {
            content: Content::SignInCode {
                code: Confidential::new("123456".to_owned()),
            },
            ..message()
        };
        let printed = format!("{message:?}");
        assert!(!printed.contains("zoe") && !printed.contains("123456"), "{printed}");
    }
}
