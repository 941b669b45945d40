//! What a session opens by how it was proven, and when.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use access::{Assurance, Caller, DenialReason, FRESH_FOR, Request, Sessions, Token, decide};
use crypto::Keyring;
use jiff::SignedDuration;
use model::{AccountId, Action, ClinicId, DataClass, Function, Role};
use ports::Clock;
use store::Shelf;
use testkit::{World, log_in_with};

fn caller(world: &World, assurance: Assurance) -> Caller {
    let (clinic, account) = (ClinicId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
    let token = log_in_with(world, assurance, &[Role::ClinicAdmin], clinic, account, None);
    let keyring = Keyring::parse(Function::Records, Some(&world.keyrings[&Function::Records])).unwrap();
    world.with_platform(Function::Records, |platform| {
        let shelf = Shelf::open(&platform, "sessions").unwrap();
        let sessions = Sessions::new(shelf, keyring.reads("sessions").unwrap(), platform.clock);
        sessions.authenticate(&Token::parse(&token).unwrap()).unwrap()
    })
}

#[test]
fn enrolment_opens_what_sets_up_a_factor_and_the_rest_needs_a_proof_that_is_recent_where_it_says_so() {
    use Assurance::{Enrolment, MultiFactor, SingleFactor};
    let world = World::new(1);
    let proven_at = world.clock.now();
    let plain = Request::new(Action::Revoke, DataClass::Session);
    let forbidden = Request::new(Action::Export, DataClass::Health);
    let soon = SignedDuration::from_secs(299);
    for assurance in [Enrolment, SingleFactor, MultiFactor] {
        let caller = caller(&world, assurance);
        let is_enrolling = assurance == Enrolment;
        let unless_enrolling = is_enrolling.then_some(DenialReason::Enrolling);
        let stale = (!is_enrolling).then_some(DenialReason::NotFresh);
        for (request, later, denied) in [
            (plain.clone(), FRESH_FOR, unless_enrolling),
            (plain.clone().fresh(), soon, unless_enrolling),
            (plain.clone().while_enrolling(), FRESH_FOR, None),
            (plain.clone().while_enrolling().fresh(), soon, None),
            (plain.clone().while_enrolling().fresh(), FRESH_FOR, stale),
            // Who is not let in anyway is not told to prove anything.
            (
                forbidden.clone().while_enrolling().fresh(),
                FRESH_FOR,
                Some(DenialReason::NoRule),
            ),
        ] {
            let decision = decide(&caller, &request, None, proven_at + later);
            assert_eq!(
                decision.err().map(|denial| denial.reason),
                denied,
                "{assurance:?} {request:?}"
            );
        }
    }
}
