//! Links that are mailed: what may be done with them, sealed, so that nothing is stored for whoever asks for one.
//!
//! A token is sealed under the account key in a place of its own for each use, so that it says nothing to whoever sees it, cannot
//! be made or changed without the key, and is good for one use only (SP 800-38D: authenticated encryption). It lies in the
//! fragment of the link, which no server is sent (RFC 3986, section 3.5). That it works once is up to what it is about: see
//! [`Link::number`].

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{KeySet, Opener, Place, Sealer};
use jiff::SignedDuration;
use model::{AccountId, ClinicId, Confidential, Timestamp};
use ports::Entropy;
use web::Problem;
use zeroize::Zeroizing;

const PREFIX: &str = "cfm_";

const ID_LENGTH: usize = 16;
const NUMBER_LENGTH: usize = 8;
const EXPIRY_LENGTH: usize = 8;

/// The longest token that is looked at: what is sealed is 48 bytes and an address.
const MOST: usize = 512;

/// What a link is for. One for one thing is right for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkUse {
    /// Choosing a password in the place of one that was forgotten.
    PasswordReset,
    /// Opening an account as a client, at a clinic that allows it.
    Registration,
    /// Choosing a password after two administrators have taken the factors away.
    Recovery,
    /// Confirming another address, in the mailbox of the one so far.
    EmailChangeFrom,
    /// Confirming another address, in its own mailbox.
    EmailChangeTo,
}

impl LinkUse {
    /// How long it is good for.
    pub(crate) fn lifetime(self) -> SignedDuration {
        match self {
            Self::PasswordReset => SignedDuration::from_mins(30),
            // Until when `notify` keeps what strangers can cause; longer would let fewer of them fill its place for it.
            Self::Registration => SignedDuration::from_hours(1),
            Self::Recovery | Self::EmailChangeFrom | Self::EmailChangeTo => SignedDuration::from_hours(24),
        }
    }

    fn place(self) -> Place {
        let key = match self {
            Self::PasswordReset => "confide 2026-11 password reset link",
            Self::Registration => "confide 2026-11 registration link",
            Self::Recovery => "confide 2026-11 recovery link",
            Self::EmailChangeFrom => "confide 2026-11 e-mail change link from",
            Self::EmailChangeTo => "confide 2026-11 e-mail change link to",
        };
        Place {
            clinic: None,
            // Nothing that is stored has this place.
            store: "mail",
            key: key.to_owned(),
            class: "link",
            version: 0,
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads.
    pub clinic: ClinicId,
    /// Whose account it is about.
    pub account: AccountId,
    /// The number of the account's password, when it was made. Once it has another one, the link is used, or was overtaken.
    pub number: u64,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// The address that it was mailed to, where no account says it.
    pub email: Confidential<String>,
}

impl Link {
    /// A link that is good from now on.
    pub fn new(link_use: LinkUse, clinic: ClinicId, account: AccountId, number: u64, now: Timestamp) -> Self {
        let end = now.saturating_add(link_use.lifetime()).unwrap_or(now);
        Self {
            clinic,
            account,
            number,
            // Whole seconds, as the token has them.
            expires_at: Timestamp::from_second(end.as_second()).unwrap_or(end),
            email: Confidential::default(),
        }
    }

    /// The link for who has no account yet.
    pub fn mailed_to(self, email: &Confidential<String>) -> Self {
        Self {
            email: email.clone(),
            ..self
        }
    }

    /// The token for the message.
    ///
    /// # Errors
    /// 500 where nothing can be sealed.
    pub fn seal(&self, link_use: LinkUse, key: &KeySet, entropy: &dyn Entropy) -> Result<Zeroizing<String>, Problem> {
        let parts: [&[u8]; 5] = [
            self.clinic.as_bytes(),
            self.account.as_bytes(),
            &self.number.to_be_bytes(),
            &self.expires_at.as_second().to_be_bytes(),
            self.email.expose().as_bytes(),
        ];
        let plain = Zeroizing::new(parts.concat());
        let sealed = key
            .seal(entropy, &link_use.place(), &plain)
            .map_err(|_| Problem::defect("a link could not be sealed"))?;
        let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(&sealed));
        Ok(Zeroizing::new(format!("{PREFIX}{}", *encoded)))
    }

    /// What the token says, if it is ours, for this use, and not over.
    pub fn open(link_use: LinkUse, key: &KeySet, token: &str, now: Timestamp) -> Option<Self> {
        let encoded = token.strip_prefix(PREFIX).filter(|text| text.len() <= MOST)?;
        let sealed = Base64UrlUnpadded::decode_vec(encoded).ok()?;
        let plain = key.open(&link_use.place(), &sealed).ok()?;
        let (clinic, rest) = plain.split_first_chunk::<ID_LENGTH>()?;
        let (account, rest) = rest.split_first_chunk::<ID_LENGTH>()?;
        let (number, rest) = rest.split_first_chunk::<NUMBER_LENGTH>()?;
        let (expiry, email) = rest.split_first_chunk::<EXPIRY_LENGTH>()?;
        let expires_at = Timestamp::from_second(i64::from_be_bytes(*expiry)).ok()?;
        let email = Confidential::new(std::str::from_utf8(email).ok()?.to_owned());
        (now < expires_at).then_some(Self {
            clinic: ClinicId::from_bytes(*clinic),
            account: AccountId::from_bytes(*account),
            number: u64::from_be_bytes(*number),
            expires_at,
            email,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::Keyring;
    use model::{DataClass, Function};
    use testkit::World;

    const USES: [LinkUse; 5] = [
        LinkUse::PasswordReset,
        LinkUse::Registration,
        LinkUse::Recovery,
        LinkUse::EmailChangeFrom,
        LinkUse::EmailChangeTo,
    ];

    fn with_key(world: &World, test: impl FnOnce(&KeySet)) {
        let keyring = Keyring::parse(Function::Auth, Some(&world.keyrings[&Function::Auth])).unwrap();
        test(keyring.seal(DataClass::Account).unwrap());
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn link(link_use: LinkUse) -> Link {
        let (clinic, account) = (ClinicId::from_bytes([2; 16]), AccountId::from_bytes([3; 16]));
        let longest = format!("{}@{}.org", "a".repeat(64), "b".repeat(185));
        Link::new(link_use, clinic, account, 4, at(1000)).mailed_to(&Confidential::new(longest))
    }

    #[test]
    fn a_link_is_good_for_its_use_and_its_time() {
        let world = World::new(1);
        with_key(&world, |key| {
            for made in USES {
                let link = link(made);
                let token = link.seal(made, key, &world.entropy).unwrap();
                assert!(
                    token.len() <= 512
                        && token
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                );
                for asked in USES {
                    let opened = Link::open(asked, key, &token, at(1000));
                    assert_eq!(opened, (asked == made).then(|| link.clone()), "{made:?} {asked:?}");
                }
                let end = 1000 + made.lifetime().as_secs();
                for (second, good) in [(end - 1, true), (end, false)] {
                    assert_eq!(
                        Link::open(made, key, &token, at(second)).is_some(),
                        good,
                        "{made:?} {second}"
                    );
                }
                let again = link.seal(made, key, &world.entropy).unwrap();
                assert_ne!(*token, *again, "a fresh nonce each");
            }
        });
    }

    #[test]
    fn what_is_changed_or_of_another_deployment_is_no_link() {
        let (world, other) = (World::new(2), World::new(3));
        with_key(&world, |key| {
            let token = link(LinkUse::Recovery)
                .seal(LinkUse::Recovery, key, &world.entropy)
                .unwrap();
            let open = |token: &str| Link::open(LinkUse::Recovery, key, token, at(1000));
            for position in 0..token.len() {
                let mut changed = token.to_string().into_bytes();
                changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
                assert_eq!(open(std::str::from_utf8(&changed).unwrap()), None, "{position}");
            }
            let long = format!("{}{}", *token, "A".repeat(600));
            for wrong in ["", PREFIX, &token[..token.len() - 4], &token[4..], &long] {
                assert_eq!(open(wrong), None, "{wrong}");
            }
            with_key(&other, |key| {
                assert_eq!(Link::open(LinkUse::Recovery, key, &token, at(1000)), None);
            });
        });
    }
}
