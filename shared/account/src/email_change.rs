//! Another address for an account, which two mailboxes have to confirm: the one so far, so that whoever finds a session open takes no
//! account away with it, and the new one, so that nobody is written to where somebody else reads.
//!
//! Each is mailed a link. Links are good for one change: it is numbered, and one that is asked for later, or withdrawn, has another
//! number.

use jiff::fmt::serde::timestamp::nanosecond;
use model::{Confidential, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::email::Email;
use crate::link::LinkUse;

/// One of the two that confirm it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mailbox {
    /// That of the address so far.
    Current,
    /// That of the address that was asked for.
    New,
}

/// A change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailChange {
    /// The address that was asked for, as it was spelled.
    pub email: Confidential<String>,
    /// Until when it can be confirmed.
    #[serde(with = "nanosecond::required")]
    pub expires_at: Timestamp,
    #[serde(default)]
    confirmed_by_current: bool,
    #[serde(default)]
    confirmed_by_new: bool,
}

impl Mailbox {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Current, Self::New];

    /// What its link is for.
    pub fn link_use(self) -> LinkUse {
        match self {
            Self::Current => LinkUse::EmailChangeFrom,
            Self::New => LinkUse::EmailChangeTo,
        }
    }
}

impl EmailChange {
    /// The mailboxes that have not confirmed it.
    pub fn waiting_for(&self) -> Vec<Mailbox> {
        let has_confirmed = |mailbox: &Mailbox| match mailbox {
            Mailbox::Current => self.confirmed_by_current,
            Mailbox::New => self.confirmed_by_new,
        };
        Mailbox::ALL
            .into_iter()
            .filter(|mailbox| !has_confirmed(mailbox))
            .collect()
    }

    /// Whether both have confirmed it.
    pub fn is_confirmed(&self) -> bool {
        self.confirmed_by_current && self.confirmed_by_new
    }
}

impl Account {
    /// Begins a change, in the place of one that is open, and gives its number.
    pub fn ask_for_email(&mut self, email: &Email, expires_at: Timestamp) -> u64 {
        self.withdraw_email_change();
        self.email_change = Some(EmailChange {
            email: email.spelled().clone(),
            expires_at,
            confirmed_by_current: false,
            confirmed_by_new: false,
        });
        self.email_changes
    }

    /// Takes an open change back: its links are good for nothing any more.
    pub fn withdraw_email_change(&mut self) {
        self.email_change = None;
        self.email_changes = self.email_changes.saturating_add(1);
    }

    /// A mailbox confirms the change with this number; `false` where that one is not the last that was asked for, or was withdrawn.
    /// One that is made already stays so.
    pub fn confirm_email_change(&mut self, number: u64, mailbox: Mailbox) -> bool {
        if number != self.email_changes {
            return false;
        }
        if let Some(change) = &mut self.email_change {
            match mailbox {
                Mailbox::Current => change.confirmed_by_current = true,
                Mailbox::New => change.confirmed_by_new = true,
            }
        }
        true
    }

    /// Makes the change with this number, which both have confirmed; `false` as for [`Account::confirm_email_change`], and where a
    /// confirmation is missing.
    ///
    /// Links to a new password that lie in the mailbox so far are void from now on: not as used ones, of which the next number makes them,
    /// since these are still good for saying whether a password is the account's.
    pub fn make_email_change(&mut self, number: u64) -> bool {
        if number != self.email_changes {
            return false;
        }
        match self.email_change.take_if(|change| change.is_confirmed()) {
            Some(change) => {
                self.email = change.email;
                self.passwords = self.passwords.saturating_add(2);
                true
            }
            None => self.email_change.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AccountId, ClinicId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn account() -> Account {
        let mut account = Account::nobody(ClinicId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]), at(0));
        account.email = Confidential::new("zoe@example.org".to_owned());
        account.passwords = 3;
        account
    }

    fn new() -> Email {
        Email::parse("Zoe@Example.com").unwrap()
    }

    #[test]
    fn both_mailboxes_in_either_order() {
        for order in [Mailbox::ALL, [Mailbox::New, Mailbox::Current]] {
            let mut account = account();
            let number = account.ask_for_email(&new(), at(60));
            let [first, second] = order;
            for _ in 0..2 {
                assert!(account.confirm_email_change(number, first));
                let change = account.email_change.clone().unwrap();
                assert_eq!((change.waiting_for(), change.is_confirmed()), (vec![second], false));
                assert!(!account.make_email_change(number), "one alone changes nothing");
            }
            assert_eq!(account.email.expose(), "zoe@example.org");
            assert!(account.confirm_email_change(number, second));
            assert!(account.email_change.as_ref().unwrap().is_confirmed());
            for _ in 0..2 {
                assert!(account.make_email_change(number));
                assert!(account.confirm_email_change(number, first), "made already");
                assert_eq!(account.email.expose(), "Zoe@Example.com");
                assert_eq!((account.passwords, &account.email_change), (5, &None));
            }
        }
    }

    #[test]
    fn a_link_is_good_for_its_change_and_no_other() {
        let mut account = account();
        let first = account.ask_for_email(&new(), at(60));
        assert!(account.confirm_email_change(first, Mailbox::New));
        let second = account.ask_for_email(&Email::parse("other@example.com").unwrap(), at(60));
        assert_ne!(first, second);
        for mailbox in Mailbox::ALL {
            assert!(!account.confirm_email_change(first, mailbox));
        }
        assert_eq!(account.email_change.as_ref().unwrap().waiting_for(), Mailbox::ALL);
        for mailbox in Mailbox::ALL {
            assert!(account.confirm_email_change(second, mailbox));
        }
        account.withdraw_email_change();
        assert!(!account.make_email_change(second) && !account.confirm_email_change(second, Mailbox::New));
        assert_eq!(account.email.expose(), "zoe@example.org");
        assert_eq!(account.passwords, 3);
    }

    /// An account that was stored before there were changes of addresses.
    #[test]
    fn an_account_without_one_is_read() {
        let mut stored = serde_json::to_value(account()).unwrap();
        let members = stored.as_object_mut().unwrap();
        assert!(!members.contains_key("email_change"));
        members.remove("email_changes").unwrap();
        let read: Account = serde_json::from_value(stored).unwrap();
        assert_eq!((read.email_change, read.email_changes), (None, 0));
    }
}
