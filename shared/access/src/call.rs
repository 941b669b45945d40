//! Private calls: how one function shows another which one it is.
//!
//! A chained call carries no caller on Spin, and private routes can be reached from the network like any other. So the
//! caller adds a MAC over caller, callee, method, path and query, time, and body, under the key of that pair and direction.
//! What a callee does for a caller, it does because of *which function* asks.
//!
//! The time bounds how long an overheard call can be sent again. Within that it can, and nothing comes of it: every
//! private route that changes something is idempotent by a key in its body, and whoever overhears a call to one that
//! reads has overheard its answer too. Answers are not authenticated: both ends run on one host, which is trusted.
//!
//! Some calls are made in the name of a person: her token goes along, and the callee decides about her as if she had asked herself. The
//! MAC covers what is said of her too, so an overheard call can't be sent again with another token.
//!
//! Not HTTP Message Signatures (RFC 9421): what that adds is a canonical form for messages that intermediaries change,
//! and there are none.

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{Label, Mac, Secret, mac};
use model::{Function, Timestamp};

const CALL: Label = Label::new("confide 2026-11 private call");

/// How far the clocks of caller and callee may be apart, and how long an overheard call may be sent again, in seconds.
const TOLERANCE: u64 = 60;

const MAC_LENGTH: usize = 32;

/// The person in whose name a function calls, as she presented herself to it. All empty where it calls in its own.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct InNameOf<'c> {
    /// Her token, as `Authorization` carries it.
    pub authorization: &'c str,
    /// What for, as `Purpose-Of-Use` says it.
    pub purpose: &'c str,
    /// The network address that she came from.
    pub network: &'c str,
}

/// A call as both ends see it.
#[derive(Clone, Copy)]
pub struct PrivateCall<'c> {
    /// Who calls.
    pub caller: Function,
    /// Who is called.
    pub callee: Function,
    /// The HTTP method.
    pub method: &'c str,
    /// Path and query, as they are sent.
    pub target: &'c str,
    /// For whom.
    pub in_name_of: InNameOf<'c>,
    /// The body, as it is sent.
    pub body: &'c [u8],
}

/// A function that has shown which one it is. [`PrivateCall::verify`] alone makes it:
///
/// ```compile_fail,E0423
/// let forged = access::CallingFunction(model::Function::Auth);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallingFunction(Function);

impl CallingFunction {
    /// Which one.
    #[must_use]
    pub fn function(self) -> Function {
        self.0
    }
}

/// Why a call is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// Not made with the key of this pair, or not for this call.
    #[error("the call was not made by the function that it names")]
    Forged,
    /// Genuine, and too old or from too far ahead.
    #[error("the clocks of caller and callee are more than a minute apart, or the call is sent again")]
    OutOfTime,
}

impl PrivateCall<'_> {
    fn mac(&self, key: &Secret, second: i64) -> Mac {
        let person = self.in_name_of;
        let parts: [&[u8]; 8] = [
            &[self.caller.tag(), self.callee.tag()],
            self.method.as_bytes(),
            self.target.as_bytes(),
            &second.to_be_bytes(),
            person.authorization.as_bytes(),
            person.purpose.as_bytes(),
            person.network.as_bytes(),
            self.body,
        ];
        mac(key, CALL, &parts)
    }

    /// What shows the callee who calls: caller, time, and MAC as one line of text.
    #[must_use]
    pub fn prove(&self, key: &Secret, now: Timestamp) -> String {
        let second = now.as_second();
        let code = Base64UrlUnpadded::encode_string(self.mac(key, second).as_bytes());
        format!("{} {second} {code}", self.caller)
    }

    /// The caller that a proof names, so that its key can be looked up. Not to be believed before [`PrivateCall::verify`].
    #[must_use]
    pub fn claimed_caller(proof: &str) -> Option<Function> {
        Function::from_name(proof.split(' ').next()?)
    }

    /// Checks a proof. The MAC first, in constant time, and only then the time: the time of a forged call says nothing.
    ///
    /// # Errors
    /// [`Unproven`].
    pub fn verify(&self, key: &Secret, proof: &str, now: Timestamp) -> Result<CallingFunction, Unproven> {
        let mut words = proof.split(' ');
        let (Some(caller), Some(time), Some(code), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Unproven::Forged);
        };
        let second: i64 = time.parse().map_err(|_| Unproven::Forged)?;
        // One proof has one form: no sign and no zero in front.
        if second.to_string() != time {
            return Err(Unproven::Forged);
        }
        let mut bytes = [0; MAC_LENGTH];
        let code = Base64UrlUnpadded::decode(code, &mut bytes).map_err(|_| Unproven::Forged)?;
        if caller != self.caller.name() || !self.mac(key, second).matches(code) {
            return Err(Unproven::Forged);
        }
        if now.as_second().abs_diff(second) > TOLERANCE {
            return Err(Unproven::OutOfTime);
        }
        Ok(CallingFunction(self.caller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    fn key() -> Secret {
        Secret::from_bytes([7; 32])
    }

    fn now() -> Timestamp {
        "2026-12-01T08:00:00Z".parse().unwrap()
    }

    const ANN: InNameOf<'_> = InNameOf {
        authorization: "Bearer ann",
        purpose: "TREAT",
        network: "192.0.2.1",
    };

    const CALLED: PrivateCall<'_> = PrivateCall {
        caller: Function::Auth,
        callee: Function::Notify,
        method: "POST",
        target: "/v1/notify/messages?a=b",
        in_name_of: ANN,
        body: b"{}",
    };

    #[test]
    fn a_genuine_call_names_its_caller() {
        let proof = CALLED.prove(&key(), now());
        assert_eq!(PrivateCall::claimed_caller(&proof), Some(Function::Auth));
        let calling = CALLED.verify(&key(), &proof, now()).unwrap();
        assert_eq!(calling.function(), Function::Auth);
    }

    #[test]
    fn every_part_of_a_call_is_covered() {
        let proof = CALLED.prove(&key(), now());
        for other in [
            PrivateCall {
                caller: Function::Records,
                ..CALLED
            },
            PrivateCall {
                callee: Function::Identity,
                ..CALLED
            },
            PrivateCall {
                method: "PUT",
                ..CALLED
            },
            PrivateCall {
                target: "/v1/notify/messages?a=c",
                ..CALLED
            },
            PrivateCall {
                target: "/v1/notify/messages",
                ..CALLED
            },
            PrivateCall {
                in_name_of: InNameOf::default(),
                ..CALLED
            },
            PrivateCall {
                in_name_of: InNameOf {
                    authorization: "Bearer eve",
                    ..ANN
                },
                ..CALLED
            },
            PrivateCall {
                in_name_of: InNameOf {
                    purpose: "PATADMIN",
                    ..ANN
                },
                ..CALLED
            },
            PrivateCall {
                in_name_of: InNameOf {
                    network: "192.0.2.2",
                    ..ANN
                },
                ..CALLED
            },
            PrivateCall { body: b"{} ", ..CALLED },
        ] {
            let as_it_is = other.verify(&key(), &proof, now());
            let renamed = other.verify(&key(), &proof.replace("auth", other.caller.name()), now());
            assert_eq!((as_it_is, renamed), (Err(Unproven::Forged), Err(Unproven::Forged)));
        }
        let other_key = Secret::from_bytes([8; 32]);
        assert_eq!(CALLED.verify(&other_key, &proof, now()), Err(Unproven::Forged));
    }

    #[test]
    fn a_proof_has_one_form() {
        let proof = CALLED.prove(&key(), now());
        let words: Vec<&str> = proof.split(' ').collect();
        let [caller, second, code] = words[..] else {
            panic!("{proof}")
        };
        for wrong in [
            String::new(),
            caller.to_owned(),
            format!("{caller} {second}"),
            format!("{caller} {second} "),
            format!("{proof} "),
            format!(" {proof}"),
            format!("{proof}A"),
            format!("{proof}="),
            format!("{caller} {} {code}", second.parse::<i64>().unwrap() + 1),
            format!("{caller} +{second} {code}"),
            format!("{caller} 0{second} {code}"),
            format!("{caller} {second} {}", &code[1..]),
            proof.to_uppercase(),
        ] {
            assert_eq!(CALLED.verify(&key(), &wrong, now()), Err(Unproven::Forged), "{wrong:?}");
        }
    }

    #[test]
    fn a_call_is_good_for_a_minute() {
        let proof = CALLED.prove(&key(), now());
        for (seconds, good) in [
            (0, true),
            (60, true),
            (-60, true),
            (61, false),
            (-61, false),
            (86400, false),
        ] {
            let then = now() + SignedDuration::from_secs(seconds);
            let verified = CALLED.verify(&key(), &proof, then);
            assert_eq!(verified.is_ok(), good, "{seconds}");
            assert_eq!(verified == Err(Unproven::OutOfTime), !good, "{seconds}");
        }
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_proof(text in "[a-z]{0,8}( -?[0-9]{0,12})?( [A-Za-z0-9_-]{0,44})?( .*)?") {
            prop_assert_eq!(CALLED.verify(&key(), &text, now()), Err(Unproven::Forged));
        }

        #[test]
        fn no_changed_proof_is_one(at in 0_usize..59, to in "[ -~]") {
            let proof = CALLED.prove(&key(), now());
            let mut changed = proof.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(CALLED.verify(&key(), &changed, now()).is_ok(), changed == proof);
        }
    }
}
