//! Who runs a clinic. A clinic never loses its last administrator who can act.
//!
//! What that depends on lies in one document, the clinic's, so that one compare-and-swap decides it: of two administrators
//! who take each other's role away at one time, one is refused.
//!
//! **Whoever counts here is an administrator and active.** Accounts are documents of their own, so it takes an order: an account
//! counts after it says so itself, and counts no more before it ceases to be one. Requests that cross are kept apart by the
//! version of the account's document, which grows with each of its changes. Who takes an account away writes down the version
//! that the account is about to get, and changes the account only if it gets that one. Who adds an account names the version at
//! which it was an administrator: one that comes late, after another has taken the account away, has an older version and
//! changes nothing. What a crash leaves is an administrator who does not count, and never one who counts and is none;
//! enabling her account once more puts that right.

use model::AccountId;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Administrator {
    account: AccountId,
    /// The version of the account's document that this is about.
    as_of: u64,
    counts: bool,
}

/// Those who run a clinic, and those who did: as many as there were administrators.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Administrators(Vec<Administrator>);

/// Nobody else would be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last;

impl Administrators {
    /// The one who opens the clinic. Her account was just made.
    pub fn first(account: AccountId) -> Self {
        let mut first = Self::default();
        first.count(account, 1);
        first
    }

    /// The account was an active administrator's at this version of its document.
    pub fn count(&mut self, account: AccountId, version: u64) {
        match self.0.iter_mut().find(|known| known.account == account) {
            Some(known) if version < known.as_of => {}
            Some(known) => {
                known.as_of = version;
                known.counts = true;
            }
            None => self.0.push(Administrator {
                account,
                as_of: version,
                counts: true,
            }),
        }
    }

    /// The account is about to be no active administrator's any more, from this version of its document on.
    ///
    /// # Errors
    /// [`Last`]; then nothing is changed.
    pub fn discount(&mut self, account: AccountId, version: u64) -> Result<(), Last> {
        if self.others(&[account]) == 0 {
            return Err(Last);
        }
        match self.0.iter_mut().find(|known| known.account == account) {
            Some(known) => {
                known.as_of = known.as_of.max(version);
                known.counts = false;
            }
            None => self.0.push(Administrator {
                account,
                as_of: version,
                counts: false,
            }),
        }
        Ok(())
    }

    /// How many there are besides these.
    pub fn others(&self, accounts: &[AccountId]) -> usize {
        let others = self
            .0
            .iter()
            .filter(|known| known.counts && !accounts.contains(&known.account));
        others.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account(number: u8) -> AccountId {
        AccountId::from_bytes([number; 16])
    }

    #[test]
    fn the_last_one_stays() {
        let mut all = Administrators::first(account(1));
        assert_eq!(all.discount(account(1), 2), Err(Last));
        all.count(account(2), 1);
        assert_eq!(all.discount(account(1), 2), Ok(()));
        assert_eq!(all.discount(account(2), 2), Err(Last));
        assert_eq!(Administrators::default().discount(account(1), 2), Err(Last));
        assert_eq!((all.others(&[]), all.others(&[account(2)])), (1, 0));
    }

    #[test]
    fn who_comes_late_changes_nothing() {
        let mut all = Administrators::first(account(1));
        all.count(account(2), 5);
        all.discount(account(2), 7).unwrap();
        all.count(account(2), 6);
        assert_eq!(all.others(&[account(1)]), 0, "taken away since");
        all.count(account(2), 7);
        assert_eq!(all.others(&[account(1)]), 1, "somebody else came to version 7 first");
        all.discount(account(2), 3).unwrap();
        all.count(account(2), 6);
        assert_eq!(all.others(&[account(1)]), 0, "the newest version stays known");
    }

    /// An account as far as it matters here, and a request about it that has come as far as its next step.
    #[derive(Debug, Clone, Copy)]
    struct Account {
        version: u64,
        active: bool,
    }

    #[derive(Debug, Clone, Copy)]
    enum Request {
        Enable,
        Disable,
        /// Has read the account at this version, and writes the clinic next.
        Discounting(u64),
        /// Has written the clinic, and changes the account next.
        Disabling(u64),
        /// Has changed the account, and writes the clinic next.
        Counting(u64),
        Over,
    }

    fn advance(request: &mut Request, id: AccountId, account: &mut Account, all: &mut Administrators) {
        *request = match *request {
            Request::Enable => {
                account.version += 1;
                account.active = true;
                Request::Counting(account.version)
            }
            Request::Counting(version) => {
                all.count(id, version);
                Request::Over
            }
            Request::Disable => Request::Discounting(account.version),
            Request::Discounting(version) => match all.discount(id, version + 1) {
                Ok(()) => Request::Disabling(version),
                Err(Last) => Request::Over,
            },
            Request::Disabling(version) if version == account.version => {
                account.version += 1;
                account.active = false;
                Request::Over
            }
            Request::Disabling(_) => Request::Disable,
            Request::Over => Request::Over,
        };
    }

    proptest! {
        /// Whatever requests cross in whatever order, and wherever they die.
        #[test]
        fn whoever_counts_is_active(
            requests in prop::collection::vec((0..3_usize, any::<bool>()), 1..8),
            order in prop::collection::vec(0..8_usize, 0..64),
        ) {
            let mut accounts = [Account { version: 1, active: true }; 3];
            let mut all = Administrators::first(account(0));
            (1..3).for_each(|number| all.count(account(number), 1));
            let mut requests: Vec<(usize, Request)> = requests
                .into_iter()
                .map(|(of, enable)| (of, if enable { Request::Enable } else { Request::Disable }))
                .collect();
            for step in order {
                let count = requests.len();
                let (of, request) = &mut requests[step % count];
                advance(request, account(u8::try_from(*of).unwrap()), &mut accounts[*of], &mut all);
                for (number, state) in (0..).zip(accounts) {
                    let others: Vec<AccountId> = (0..3).filter(|other| *other != number).map(account).collect();
                    prop_assert!(all.others(&others) == 0 || state.active, "{number}");
                }
                prop_assert!(all.others(&[]) > 0);
            }
        }
    }
}
