use access::{Assurance, Session, Sessions, Token};
use crypto::Keyring;
use jiff::SignedDuration;
use model::{AccountId, ClientId, ClinicId, Function, Role};
use ports::{Clock, EntropyExt};
use store::Shelf;

use crate::World;
use crate::world::REGION;

/// Opens a session as `auth` would after two factors, and returns its token: ten hours long, ended by half an hour of doing
/// nothing.
#[must_use]
pub fn log_in(world: &World, roles: &[Role], clinic: ClinicId, account: AccountId, client: Option<ClientId>) -> String {
    log_in_with(world, Assurance::MultiFactor, roles, clinic, account, client)
}

/// As [`log_in`], after whatever gives this assurance.
#[must_use]
pub fn log_in_with(
    world: &World,
    assurance: Assurance,
    roles: &[Role],
    clinic: ClinicId,
    account: AccountId,
    client: Option<ClientId>,
) -> String {
    let keyring = Keyring::parse(Function::Auth, world.keyrings.get(&Function::Auth).map(String::as_str)).unwrap();
    let attestor = keyring.attests("sessions").unwrap();
    let slot = world.entropy.bytes();
    let token = Token::new(&slot, &world.entropy.bytes());
    let now = world.clock.now();
    let session = Session {
        id: world.entropy.id(),
        account,
        clinic,
        region: REGION.parse().unwrap(),
        roles: roles.to_vec(),
        client,
        assurance,
        proven_at: now,
        verifier: token.verifier(attestor.index()),
        created_at: now,
        expires_at: now + SignedDuration::from_hours(10),
        idle_seconds: 30 * 60,
        revoked_at: None,
    };
    world.with_platform(Function::Auth, |platform| {
        let shelf = Shelf::open(&platform, "sessions").unwrap();
        let sessions = Sessions::new(shelf, attestor, platform.clock);
        sessions.begin(attestor, &slot, &session).unwrap();
    });
    token.reveal().to_string()
}
