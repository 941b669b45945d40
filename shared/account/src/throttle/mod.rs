//! Throttling: how often somebody may be wrong, and how often anybody may ask (NIST SP 800-63B-4, section 3.2.2; ASVS
//! 5.0, 6.1.1 and 6.3.1).
//!
//! **Failures at an account** (`Tries`) are counted for each factor apart: who guesses codes says nothing about the
//! password. They are counted in lanes: one for each network from which the account's owner has proven herself in the
//! last 90 days (8 at most), and one for all strangers together. In each lane five failures are free; from the fifth on
//! it is locked for 1, 2, 4, 8, 15 and 30 minutes, 1, 2, 4, 8, 16 and then 24 hours at a time. A lane's failures are
//! forgotten after a month without another. After 100 in a row, over all lanes, the factor is shut until its owner
//! proves herself in another way.
//!
//! * What an attacker gains: all strangers of the world have 16 guesses in the first 32 hours and one a day after that,
//!   however many networks they have, and none after the hundredth in a row, twelve weeks later. The owner's success at
//!   a usual place ends the row and opens them no lane; only one from a new place clears the strangers' lane, which it
//!   came through.
//! * What an attacker cannot do: keep the owner out. Strangers fill the strangers' lane; hers, at her usual place,
//!   stays as it is, unless they go on for twelve weeks in which she does not log in once. Whoever shares her network
//!   shares her lane. Locked out of both she has a passkey, for which there is no [`Factor`]: it cannot be guessed, so
//!   it is never locked. Then there is the reset by e-mail, which clears everything ([`clear_all`]), beside a second factor that is not locked where
//!   the account has one; and the recovery by two administrators.
//! * What an attacker learns: nothing. At a locked factor the right password is answered like a wrong one, after the
//!   same work and the same store operations, and so is an account that does not exist.
//! * Hammering at a lock neither counts nor prolongs it.
//!
//! **Failures from a network** (`Bucket`), at whatever account, are 50 in a quarter of an hour; then, until that is
//! over, the answer is 429. **Requests from a network** have a quota for each [`RouteClass`]. IPv6 counts by /64.
//!
//! **Links to an address** ([`Postage`]) that strangers can have mailed are counted as networks are, in documents of their own, at each clinic
//! apart, whether or not there is an account: three in the place of one password in half an hour, five to open an account with in an hour. What is
//! asked for beyond that is answered alike and mailed to nobody.
//!
//! Tries are counted *before* anything is verified and given back where nothing was wrong: of guesses at one time no
//! more are looked at than of guesses in a row. An attempt that nobody settles, such as that of a request that died,
//! stays counted: one failure too many, and never one too few. What nobody can guess, a passkey, is looked at
//! whatever else a network got wrong, as long as its quota of requests lasts, and counted when it is refused.
//!
//! Nothing that a stranger does grows a store: an account's tries lie in one document, which is made when the account
//! is enrolled; those at accounts that do not exist lie in 256 documents that all of them share; and networks lie in
//! 256 documents of 64 entries, and so do links to addresses, of which the one that is furthest from its limits makes room for a new one.

mod attempt;
mod network;
mod policy;
mod tries;

pub use attempt::{Attempt, Postage, Subject, Verdict, clear_all, limit_rate, proven};
pub(crate) use network::Bucket;
pub use policy::{Factor, RouteClass};
pub(crate) use tries::Tries;
