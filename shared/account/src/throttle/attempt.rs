//! What is counted, as it lies in the store: an account's tries, a network's bucket.

use crypto::KeySet;
use model::{AccountId, ClinicId, Timestamp};
use ports::Creation;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Doc, UpdateError};
use web::{Exchange, Problem, RateLimit};

use super::network::{Kind, Network};
use super::policy::{Factor, RouteClass};
use super::tries::{Reservation, Tries};
use crate::account::{Accounts, Clinic};
use crate::email::Email;

/// Whose factors are tried.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'s> {
    /// This account's.
    Account(ClinicId, AccountId),
    /// Nobody has the address. What is tried is counted all the same, among others' tries at nobody, so that it takes
    /// the same operations.
    Nobody(ClinicId, &'s Email),
}

/// Whether a try may be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It may.
    Open,
    /// Whatever is shown, it is wrong. Whoever answers does all the work and gives the answer that a wrong factor gets.
    Locked,
}

/// One attempt to prove something, which counts as failed from its beginning, unless nobody can guess it.
///
/// Order: the network's bucket, the account's tries; then whatever is verified; then what was not wrong is given back.
/// A crash anywhere leaves one failure too many. Where it began as one that nobody can guess, the failure is counted last, before the refusal is
/// recorded and told: a crash before leaves none, and nobody has learnt anything.
pub struct Attempt<'t> {
    accounts: &'t Accounts<'t>,
    network: Network,
    failure_in: Option<Timestamp>,
    now: Timestamp,
    tried: Option<Tried<'t>>,
}

struct Tried<'t> {
    tries: Doc<'t, Tries, KeySet>,
    factors: usize,
    reservation: Option<Reservation>,
}

impl<'t> Attempt<'t> {
    /// Begins an attempt from this request's network. One write.
    ///
    /// # Errors
    /// 429 while the network is at a limit; then nothing was counted.
    pub fn begin(exchange: &Exchange<'_>, accounts: &'t Accounts<'t>, class: RouteClass) -> Result<Self, Problem> {
        Self::admitted(exchange, accounts, class, Kind::Guess)
    }

    /// Begins an attempt with what nobody can guess: a passkey. Others' failures do not keep it out; its own is counted when it is refused,
    /// see [`Attempt::refused`]. One write.
    ///
    /// # Errors
    /// 429 while the network is at the limit of the class; then nothing was counted.
    pub fn begin_unguessable(
        exchange: &Exchange<'_>,
        accounts: &'t Accounts<'t>,
        class: RouteClass,
    ) -> Result<Self, Problem> {
        Self::admitted(exchange, accounts, class, Kind::Plain)
    }

    fn admitted(
        exchange: &Exchange<'_>,
        accounts: &'t Accounts<'t>,
        class: RouteClass,
        kind: Kind,
    ) -> Result<Self, Problem> {
        let (network, failure_in) = admit(exchange, accounts, class, kind)?;
        Ok(Self {
            accounts,
            network,
            failure_in,
            now: exchange.platform.clock.now(),
            tried: None,
        })
    }

    /// The attempt is refused, before that is recorded. Where it began as one that nobody can guess, its failure is counted now. One
    /// write then, none otherwise.
    ///
    /// # Errors
    /// 429 where the network is at its limit of failures: the trail grows no faster by what cannot be guessed than by what can.
    pub fn refused(&self, exchange: &Exchange<'_>) -> Result<(), Problem> {
        if self.failure_in.is_some() {
            return Ok(());
        }
        change(&self.accounts.bucket(self.network.bucket()), &mut |bucket| {
            bucket.fail(self.network, self.now).map_err(|reached| {
                exchange.announce(reached);
                too_many(&reached)
            })
        })
    }

    /// The attempt shows these factors, all of which count as wrong from now on. One write, whatever the verdict.
    ///
    /// # Errors
    /// 503 where the store does not answer; the failure of the network stays counted.
    pub fn at(&mut self, subject: Subject<'_>, factors: &[Factor]) -> Result<Verdict, Problem> {
        let tries = match subject {
            Subject::Account(clinic, account) => self.accounts.tries(clinic, account),
            Subject::Nobody(clinic, email) => self.accounts.tries_at_nobody(clinic, email),
        };
        let mut reservation = None;
        change(&tries, &mut |tries| {
            reservation = tries.reserve(self.network, factors, self.now);
            Ok(())
        })?;
        let verdict = if reservation.is_some() {
            Verdict::Open
        } else {
            Verdict::Locked
        };
        self.tried = Some(Tried {
            tries,
            factors: factors.len(),
            reservation,
        });
        Ok(verdict)
    }

    /// This factor was wrong, which is counted already; the others are given back. One write where there are others,
    /// even where there is nothing to give back: it must not show which factor was wrong, or that it is locked.
    ///
    /// # Errors
    /// 503 where the store does not answer; then more is counted than was wrong.
    pub fn failed(&self, wrong: Factor) -> Result<(), Problem> {
        match &self.tried {
            Some(tried) if tried.factors > 1 => tried.give_back(Some(wrong)),
            _ => Ok(()),
        }
    }

    /// All that is needed was right: the owner has proven herself from this network. Two writes. A crash before the
    /// first one leaves a failure in each count, one between them a failure of the network.
    ///
    /// # Errors
    /// 503 where the store does not answer; then too much stays counted.
    pub fn succeeded(&self) -> Result<(), Problem> {
        if let Some(tried) = &self.tried {
            change(&tried.tries, &mut |tries| {
                tries.prove(self.network, self.now);
                Ok(())
            })?;
        }
        self.give_network_back()
    }

    /// Nothing was guessed and nothing proven: what was counted is given back. Two writes at most.
    ///
    /// # Errors
    /// 503 where the store does not answer; then too much stays counted.
    pub fn released(&self) -> Result<(), Problem> {
        if let Some(tried) = &self.tried {
            tried.give_back(None)?;
        }
        self.give_network_back()
    }

    /// A problem that has nothing to do with guessing. Where what was counted can't be given back now, it stays
    /// counted, and the problem is what the caller has to know.
    pub fn excuse(&self, problem: Problem) -> Problem {
        let _ = self.released();
        problem
    }

    /// The clinic, as [`Accounts::resident_clinic`] gives it. That it is at home elsewhere is nobody's failure.
    ///
    /// # Errors
    /// As there.
    pub fn resident_clinic(&self, exchange: &Exchange<'_>, clinic: ClinicId) -> Result<Option<Clinic>, Problem> {
        self.accounts
            .resident_clinic(exchange, clinic)
            .map_err(|problem| self.excuse(problem))
    }

    fn give_network_back(&self) -> Result<(), Problem> {
        let Some(failure_in) = self.failure_in else {
            return Ok(());
        };
        change(&self.accounts.bucket(self.network.bucket()), &mut |bucket| {
            bucket.give_back(self.network, failure_in);
            Ok(())
        })
    }
}

impl Tried<'_> {
    fn give_back(&self, wrong: Option<Factor>) -> Result<(), Problem> {
        change(&self.tries, &mut |tries| {
            if let Some(reservation) = &self.reservation {
                tries.give_back(reservation, wrong);
            }
            Ok(())
        })
    }
}

/// Counts a request that cannot be wrong: one that asks for a passkey's challenge, or for mail.
///
/// # Errors
/// 429 while the network is at the limit of the class.
pub fn limit_rate(exchange: &Exchange<'_>, accounts: &Accounts<'_>, class: RouteClass) -> Result<(), Problem> {
    admit(exchange, accounts, class, Kind::Plain).map(drop)
}

/// A link that is to be mailed to an address, counted there: as much mail as strangers cause, her mailbox is to stay of use.
///
/// Links are counted together that are good for the same. What mails nothing, and what was mailed and is void by now, takes nothing from
/// those that would be good: else she could be sent none while she has none.
pub struct Postage<'t> {
    accounts: &'t Accounts<'t>,
    /// Which document they are counted in.
    document: u8,
    links: Network,
    class: RouteClass,
    counted_in: Option<Timestamp>,
}

impl<'t> Postage<'t> {
    /// Counts a link to this address, whether or not it is anybody's, with all that are good for the same; those that are mailed to nobody are
    /// good for nothing. One write, also where it has had as many as it may.
    ///
    /// # Errors
    /// 503 where the store does not answer.
    pub fn count(
        exchange: &Exchange<'_>,
        accounts: &'t Accounts<'t>,
        class: RouteClass,
        clinic: ClinicId,
        email: &Email,
        good_for: &[u8],
    ) -> Result<Self, Problem> {
        let links = Network::of_links(accounts.index, clinic, email, good_for);
        // The address alone says which: otherwise the first link after a change would be seen to make another document.
        let document = Network::of_links(accounts.index, clinic, email, &[]).bucket();
        let now = exchange.platform.clock.now();
        let mut counted_in = None;
        change(&accounts.addresses(document), &mut |bucket| {
            let admitted = bucket.admit(links, class, Kind::Plain, now);
            counted_in = admitted.ok().map(|admitted| admitted.counted_in);
            Ok(())
        })?;
        Ok(Self {
            accounts,
            document,
            links,
            class,
            counted_in,
        })
    }

    /// Whether it may be mailed. Whoever asks is not told.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        self.counted_in.is_some()
    }

    /// A problem because of which nothing is mailed. Where what was counted can't be given back now, it stays counted.
    pub fn excuse(&self, problem: Problem) -> Problem {
        if let Some(counted_in) = self.counted_in {
            let _ = change(&self.accounts.addresses(self.document), &mut |bucket| {
                bucket.give_request_back(self.links, self.class, counted_in);
                Ok(())
            });
        }
        problem
    }
}

/// The owner has proven herself with something that cannot be guessed: a passkey. One write.
///
/// # Errors
/// 503 where the store does not answer.
pub fn proven(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    clinic: ClinicId,
    account: AccountId,
) -> Result<(), Problem> {
    let network = Network::of(accounts.index, exchange.network().as_deref());
    let now = exchange.platform.clock.now();
    change(&accounts.tries(clinic, account), &mut |tries| {
        tries.prove(network, now);
        Ok(())
    })
}

/// Forgets all tries at an account, and from where its owner came: after a verified reset of its password. One write.
///
/// # Errors
/// 503 where the store does not answer.
pub fn clear_all(accounts: &Accounts<'_>, clinic: ClinicId, account: AccountId) -> Result<(), Problem> {
    change(&accounts.tries(clinic, account), &mut |tries| {
        *tries = Tries::default();
        Ok(())
    })
}

/// Counts a request where it came from, and says in which window a failure was counted with it, if one was.
fn admit(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    class: RouteClass,
    kind: Kind,
) -> Result<(Network, Option<Timestamp>), Problem> {
    let network = Network::of(accounts.index, exchange.network().as_deref());
    let now = exchange.platform.clock.now();
    let mut failure_in = None;
    change(&accounts.bucket(network.bucket()), &mut |bucket| {
        let admitted = bucket.admit(network, class, kind, now);
        exchange.announce(match &admitted {
            Ok(admitted) => admitted.limit,
            Err(reached) => *reached,
        });
        failure_in = admitted.map_err(|reached| too_many(&reached))?.failure_in;
        Ok(())
    })?;
    Ok((network, failure_in))
}

fn too_many(limit: &RateLimit) -> Problem {
    Problem::too_many(
        i64::from(limit.reset),
        "Too many requests came from this network, or too many that were wrong. Wait as long as Retry-After says.",
    )
}

/// Changes a document, which comes to be with its first change. The change is behind a pointer: all that goes into
/// `Doc::update` is compiled for each type of change, and there are many of them here.
fn change<T>(doc: &Doc<'_, T, KeySet>, change: &mut dyn FnMut(&mut T) -> Result<(), Problem>) -> Result<(), Problem>
where
    T: Default + Serialize + DeserializeOwned,
{
    let mut update = || doc.update(None, |value| change(value));
    match update() {
        Err(UpdateError::Absent) => {}
        done => return Ok(done.map(drop)?),
    }
    // Empty first: whoever creates it, everybody's change goes the same way.
    let (Creation::Created | Creation::Exists) = doc.create(&T::default())?;
    Ok(update().map(drop)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::throttle::{clear_all, limit_rate, proven};
    use http::Method;
    use jiff::SignedDuration;
    use model::Function;
    use testkit::{Answer, Call, Fault, World, survive};
    use web::{Reply, Route};

    /// What handlers do with an account's password and app, so that it can be done over and over.
    const ROUTES: [Route; 8] = [
        Route::new(Method::POST, "/wrong", |exchange| attempt(exchange, Outcome::Failed)),
        Route::new(Method::POST, "/right", |exchange| attempt(exchange, Outcome::Succeeded)),
        Route::new(Method::POST, "/release", |exchange| {
            attempt(exchange, Outcome::Released)
        }),
        Route::new(Method::POST, "/excuse", |exchange| attempt(exchange, Outcome::Excused)),
        Route::new(Method::POST, "/nobody", |exchange| {
            let accounts = Accounts::open(exchange)?;
            let mut attempt = Attempt::begin(exchange, &accounts, RouteClass::LogIn)?;
            for number in 0..1000 {
                let email = Email::parse(&format!("eve{number}@example.org")).unwrap();
                let (Verdict::Open | Verdict::Locked) =
                    attempt.at(Subject::Nobody(CLINIC(), &email), &[Factor::Password])?;
            }
            Ok(Reply::no_content())
        }),
        Route::new(Method::POST, "/challenge", |exchange| {
            limit_rate(exchange, &Accounts::open(exchange)?, RouteClass::PasskeyChallenge)?;
            Ok(Reply::no_content())
        }),
        Route::new(Method::POST, "/passkey", |exchange| {
            proven(exchange, &Accounts::open(exchange)?, CLINIC(), ACCOUNT())?;
            Ok(Reply::no_content())
        }),
        Route::new(Method::POST, "/reset", |exchange| {
            clear_all(&Accounts::open(exchange)?, CLINIC(), ACCOUNT())?;
            Ok(Reply::no_content())
        }),
    ];

    const CLINIC: fn() -> ClinicId = || ClinicId::from_bytes([1; 16]);
    const ACCOUNT: fn() -> AccountId = || AccountId::from_bytes([2; 16]);

    const HOME: &str = "192.0.2.1:1";
    const ELSEWHERE: &str = "198.51.100.1:1";

    #[derive(PartialEq, Eq)]
    enum Outcome {
        Failed,
        Succeeded,
        Released,
        Excused,
    }

    /// 204 for a try that is open, 401 for one that is locked.
    fn attempt(exchange: &Exchange<'_>, outcome: Outcome) -> Result<Reply, Problem> {
        let accounts = Accounts::open(exchange)?;
        let mut attempt = Attempt::begin(exchange, &accounts, RouteClass::LogIn)?;
        let subject = Subject::Account(CLINIC(), ACCOUNT());
        let verdict = attempt.at(subject, &[Factor::Password, Factor::Totp])?;
        match outcome {
            _ if verdict == Verdict::Locked => attempt.failed(Factor::Password)?,
            Outcome::Failed => attempt.failed(Factor::Totp)?,
            Outcome::Succeeded => attempt.succeeded()?,
            Outcome::Released => attempt.released()?,
            Outcome::Excused => return Err(attempt.excuse(Problem::conflict("elsewhere", "Something else."))),
        }
        match verdict {
            Verdict::Open => Ok(Reply::no_content()),
            Verdict::Locked => Err(Problem::unauthenticated()),
        }
    }

    fn send(world: &World, path: &str, from: &str) -> Answer {
        let call = Call::post(path, &serde_json::Value::Null).header("spin-client-addr", from);
        Answer::from(world.serve(Function::Auth, &ROUTES, &call.request()))
    }

    fn status(world: &World, path: &str, from: &str) -> u16 {
        send(world, path, from).status
    }

    fn is_open(world: &World, from: &str) -> bool {
        status(world, "/release", from) == 204
    }

    #[test]
    fn a_lock_is_answered_and_opened_by_time_by_proof_and_by_a_reset() {
        for (way_out, opens) in [("/passkey", true), ("/reset", true), ("/release", false)] {
            let world = World::new(1);
            for _ in 0..5 {
                assert_eq!(status(&world, "/wrong", ELSEWHERE), 204);
            }
            assert_eq!(status(&world, "/right", ELSEWHERE), 401, "even if it is right");
            assert!(!is_open(&world, HOME), "all strangers have one lane");
            let _ = status(&world, way_out, ELSEWHERE);
            assert_eq!(is_open(&world, ELSEWHERE), opens, "{way_out}");
            world.clock.advance(SignedDuration::from_mins(1));
            assert!(is_open(&world, ELSEWHERE));
        }
    }

    #[test]
    fn a_reset_forgets_where_the_owner_came_from() {
        let world = World::new(2);
        assert_eq!(status(&world, "/right", HOME), 204);
        for _ in 0..5 {
            status(&world, "/wrong", ELSEWHERE);
        }
        assert!(is_open(&world, HOME) && !is_open(&world, ELSEWHERE));
        status(&world, "/reset", ELSEWHERE);
        for _ in 0..5 {
            status(&world, "/wrong", ELSEWHERE);
        }
        assert!(!is_open(&world, HOME));
    }

    #[test]
    fn what_is_released_or_excused_is_as_if_it_had_not_been() {
        let world = World::new(3);
        for _ in 0..4 {
            status(&world, "/wrong", HOME);
        }
        for _ in 0..10 {
            assert_eq!(status(&world, "/release", HOME), 204);
            assert_eq!(send(&world, "/excuse", HOME).problem(), Some("elsewhere"));
        }
        assert_eq!(status(&world, "/wrong", HOME), 204);
        assert!(!is_open(&world, HOME));
    }

    #[test]
    fn every_answer_says_what_the_network_has_left() {
        let world = World::new(4);
        let left = |answer: &Answer| answer.header("ratelimit").map(str::to_owned);
        let first = send(&world, "/wrong", HOME);
        assert_eq!(first.header("ratelimit-policy"), Some("\"log-in\";q=60;w=60"));
        assert_eq!(left(&first).as_deref(), Some("\"log-in\";r=59;t=60"));
        let excused = send(&world, "/excuse", HOME);
        assert_eq!(left(&excused).as_deref(), Some("\"log-in\";r=58;t=60"));
        for _ in 2..60 {
            send(&world, "/right", HOME);
        }
        world.clock.advance(SignedDuration::from_secs(18));
        let limited = send(&world, "/right", HOME);
        assert_eq!((limited.status, limited.problem()), (429, Some("too-many-requests")));
        assert_eq!(limited.header("retry-after"), Some("42"));
        assert_eq!(left(&limited).as_deref(), Some("\"log-in\";r=0;t=42"));
        assert_eq!(status(&world, "/right", ELSEWHERE), 204);
        assert_eq!(status(&world, "/challenge", HOME), 204, "another class");
        world.clock.advance(SignedDuration::from_secs(42));
        assert_eq!(status(&world, "/right", HOME), 204);
    }

    #[test]
    fn a_network_that_is_wrong_too_often_has_to_wait() {
        let world = World::new(5);
        for _ in 0..50 {
            assert!(status(&world, "/wrong", HOME) != 429);
        }
        let limited = send(&world, "/wrong", HOME);
        assert_eq!((limited.status, limited.header("retry-after")), (429, Some("900")));
        assert_eq!(limited.header("ratelimit-policy"), Some("\"failures\";q=50;w=900"));
        assert_eq!(status(&world, "/challenge", HOME), 204);
    }

    /// Behind one proxy, one stranger does not use up what everybody has; and whoever is no proxy does not choose where she is.
    #[test]
    fn behind_a_proxy_that_is_trusted_everybody_is_where_she_is() {
        let world = World::new(6);
        world.set(Function::Auth, "trusted_proxies", "10.0.0.0/8");
        let wrong = |from: &str, forwarded: &str| {
            let call = Call::post("/wrong", &serde_json::Value::Null).header("spin-client-addr", from);
            let call = call.header("x-forwarded-for", forwarded);
            Answer::from(world.serve(Function::Auth, &ROUTES, &call.request())).status
        };
        for _ in 0..50 {
            assert!(wrong("10.0.0.1:80", "198.51.100.7") != 429);
        }
        assert_eq!(wrong("10.0.0.1:80", "198.51.100.7"), 429);
        assert!(wrong("10.0.0.1:80", "203.0.113.9") != 429);
        for number in 0..50 {
            assert!(wrong("192.0.2.1:80", &format!("198.51.100.{number}")) != 429);
        }
        assert_eq!(wrong("192.0.2.1:80", "198.51.100.99"), 429);
    }

    #[test]
    fn tries_at_nobody_fill_no_store() {
        let world = World::new(7);
        assert_eq!(status(&world, "/nobody", HOME), 204);
        let stored = world.stores.dump();
        let documents = stored.iter().filter(|(_, key, _)| key.starts_with("doc/")).count();
        assert!((200..=256 + 1).contains(&documents), "{documents}");
    }

    /// A fault at any operation of an attempt leaves one failure too many at most, and none too few.
    #[test]
    fn a_broken_attempt_stays_counted() {
        let failures = |world: &World| {
            // So many more until it is locked.
            let left = (0..6).take_while(|_| status(world, "/wrong", HOME) == 204).count();
            5 - left
        };
        for path in ["/wrong", "/right", "/release"] {
            let probe = World::new(6);
            status(&probe, "/wrong", HOME);
            probe.stores.disarm();
            assert_eq!(status(&probe, path, HOME), 204);
            let operations = probe.stores.operations();
            for fault in [
                Fault::Refused,
                Fault::AppliedButFailed,
                Fault::KilledBefore,
                Fault::KilledAfter,
            ] {
                for nth in 0..operations {
                    let world = World::new(6);
                    status(&world, "/wrong", HOME);
                    world.stores.arm(nth, fault);
                    let told = survive(|| status(&world, path, HOME));
                    world.stores.disarm();
                    // A stored document may be waited for.
                    world.clock.advance(SignedDuration::from_secs(61));
                    let counted = failures(&world);
                    match (path, told) {
                        ("/wrong", Some(204)) => assert_eq!(counted, 2, "{fault:?} {nth}"),
                        ("/right", Some(204)) => assert_eq!(counted, 0, "{fault:?} {nth}"),
                        ("/release", Some(204)) => assert_eq!(counted, 1, "{fault:?} {nth}"),
                        ("/right", _) => assert!(counted <= 2, "{fault:?} {nth}"),
                        _ => assert!((1..=2).contains(&counted), "{path} {fault:?} {nth}"),
                    }
                }
            }
        }
    }
}
