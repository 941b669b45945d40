//! Invitations: what they offer, the token that proves them, and what has become of them.

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{Label, Secret, mac};
use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClientId, ClinicId, Confidential, InvitationId, Role, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;
use zeroize::Zeroizing;

const TOKEN: Label = Label::new("confide 2026-11 invitation token");
const VERIFIER: Label = Label::new("confide 2026-11 invitation verifier");
const ACCOUNT: Label = Label::new("confide 2026-11 invited account");

const PREFIX: &str = "cfi_";
const ID_LENGTH: usize = 16;
const SECRET_LENGTH: usize = 32;
const TOKEN_LENGTH: usize = 2 * ID_LENGTH + SECRET_LENGTH;

/// How long an invitation can be accepted.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The most roles of one account.
const MOST_ROLES: usize = 4;

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitation {
    pub(crate) id: InvitationId,
    /// As it was spelled.
    pub(crate) email: Confidential<String>,
    pub(crate) roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<ClientId>,
    pub(crate) invited_by: AccountId,
    #[serde(with = "nanosecond::required")]
    pub(crate) created_at: Timestamp,
    #[serde(with = "nanosecond::required")]
    pub(crate) expires_at: Timestamp,
    /// Recognises the token's secret.
    pub(crate) verifier: [u8; 32],
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nanosecond::optional")]
    pub(crate) accepted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nanosecond::optional")]
    pub(crate) revoked_at: Option<Timestamp>,
}

/// What has become of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "InvitationState")]
pub(crate) enum State {
    Pending,
    Accepted,
    Revoked,
    Expired,
}

impl Invitation {
    pub(crate) fn state(&self, now: Timestamp) -> State {
        if self.revoked_at.is_some() {
            State::Revoked
        } else if self.accepted_at.is_some() {
            State::Accepted
        } else if self.expires_at <= now {
            State::Expired
        } else {
            State::Pending
        }
    }

    /// Whether its token still counts: to accept it, or to finish an acceptance that was begun.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// The account that an invitation leads to, the same however often it is accepted.
pub(crate) fn account_id(index: &Secret, clinic: ClinicId, invitation: InvitationId) -> AccountId {
    AccountId::from_bytes(mac(index, ACCOUNT, &[clinic.as_bytes(), invitation.as_bytes()]).truncated())
}

/// An invitation's token: which one (clinic and id, 128 bits each) and what proves it (256 bits). The secret is derived
/// from the id, so that a repeated request is answered with the same token although none is stored.
pub(crate) struct Token {
    pub(crate) clinic: ClinicId,
    pub(crate) invitation: InvitationId,
    secret: Zeroizing<[u8; SECRET_LENGTH]>,
}

impl Token {
    /// The token of an invitation.
    pub(crate) fn of(index: &Secret, clinic: ClinicId, invitation: InvitationId) -> Self {
        let secret = mac(index, TOKEN, &[clinic.as_bytes(), invitation.as_bytes()]);
        Self {
            clinic,
            invitation,
            secret: Zeroizing::new(*secret.as_bytes()),
        }
    }

    /// Parses what somebody presents.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; TOKEN_LENGTH]);
        let decoded = Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, bytes.as_mut_slice()).ok()?;
        let (clinic, rest) = decoded.split_first_chunk::<ID_LENGTH>()?;
        let (invitation, secret) = rest.split_first_chunk::<ID_LENGTH>()?;
        Some(Self {
            clinic: ClinicId::from_bytes(*clinic),
            invitation: InvitationId::from_bytes(*invitation),
            secret: Zeroizing::new(secret.try_into().ok()?),
        })
    }

    /// The text that the invited person gets.
    pub(crate) fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; TOKEN_LENGTH]);
        let parts = self.clinic.as_bytes().iter().chain(self.invitation.as_bytes());
        for (to, from) in bytes.iter_mut().zip(parts.chain(self.secret.iter())) {
            *to = *from;
        }
        let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_slice()));
        Zeroizing::new(format!("{PREFIX}{}", *encoded))
    }

    /// What an invitation keeps of its token.
    pub(crate) fn verifier(&self, index: &Secret) -> [u8; 32] {
        *mac(index, VERIFIER, &[self.secret.as_slice()]).as_bytes()
    }

    /// Whether it is the token with this verifier. Compares in constant time.
    pub(crate) fn is_of(&self, index: &Secret, verifier: &[u8; 32]) -> bool {
        mac(index, VERIFIER, &[self.secret.as_slice()]).matches(verifier)
    }
}

/// The rules of what a person's account can be: staff, or not, never both. A guardian may be a client herself; for whom she acts is in the
/// files of those.
pub(crate) fn check_roles(check: &mut Check, roles: &[Role], field: &str) {
    check.that(
        (1..=MOST_ROLES).contains(&roles.len()),
        field,
        "count",
        format!("must have 1 to {MOST_ROLES} roles"),
    );
    let repeated = roles
        .iter()
        .enumerate()
        .any(|(index, role)| roles.iter().skip(index + 1).any(|other| other == role));
    check.that(!repeated, field, "unique", "must not name a role twice");
    check.that(
        !roles.contains(&Role::Job),
        field,
        "person",
        "must not name the role of scheduled jobs: it is no person's",
    );
    check.that(
        roles.iter().all(|role| role.is_staff()) || !roles.iter().any(|role| role.is_staff()),
        field,
        "client-alone",
        "a client's or guardian's account cannot have staff roles: invite the person twice, under two addresses",
    );
}

/// A client's account is one client's, and nobody else's is.
pub(crate) fn check_client(check: &mut Check, roles: &[Role], client: Option<ClientId>) {
    check.that(
        roles.contains(&Role::Client) == client.is_some(),
        "/client_id",
        "client",
        "must be given for the role client, and for no other",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_proves_one_invitation() {
        let index = Secret::from_bytes([1; 32]);
        let (clinic, id) = (ClinicId::from_bytes([2; 16]), InvitationId::from_bytes([3; 16]));
        let token = Token::of(&index, clinic, id);
        let text = token.reveal();
        let verifier = token.verifier(&index);
        let parsed = Token::parse(&text).unwrap();
        assert_eq!((parsed.clinic, parsed.invitation), (clinic, id));
        assert!(parsed.is_of(&index, &verifier));
        assert_eq!(*Token::of(&index, clinic, id).reveal(), *text);
        let other = Token::of(&index, clinic, InvitationId::from_bytes([4; 16]));
        assert!(!other.is_of(&index, &verifier));
        for wrong in [
            "",
            "cfi_",
            &text[..text.len() - 1],
            &format!("{}A", *text),
            &text.replace("cfi_", "cfs_"),
        ] {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn roles_are_a_client_or_staff() {
        use Role::{Auditor, Billing, Client, ClinicAdmin, Clinician, Guardian, Job, PrivacyOfficer};
        let somebody = Some(ClientId::from_bytes([1; 16]));
        for (roles, client, rules) in [
            (vec![Clinician], None, vec![]),
            (vec![Clinician, ClinicAdmin, PrivacyOfficer, Billing], None, vec![]),
            (vec![Client], somebody, vec![]),
            (vec![], None, vec!["count"]),
            (
                vec![Clinician, ClinicAdmin, PrivacyOfficer, Billing, Auditor],
                None,
                vec!["count"],
            ),
            (vec![Clinician, Clinician], None, vec!["unique"]),
            (vec![Client, Clinician], somebody, vec!["client-alone"]),
            (vec![Client], None, vec!["client"]),
            (vec![Job], None, vec!["person"]),
            (vec![Clinician, Job], None, vec!["person"]),
            (vec![Clinician], somebody, vec!["client"]),
            // Who acts for a client may be one herself, and is no staff. For whom she acts her account does not say.
            (vec![Guardian], None, vec![]),
            (vec![Guardian, Client], somebody, vec![]),
            (vec![Guardian, Client], None, vec!["client"]),
            (vec![Guardian], somebody, vec!["client"]),
            (vec![Guardian, Clinician], None, vec!["client-alone"]),
            (vec![Clinician, Client, Guardian], somebody, vec!["client-alone"]),
        ] {
            let mut check = Check::new();
            check_roles(&mut check, &roles, "/roles");
            check_client(&mut check, &roles, client);
            let broken: Vec<_> = match check.finish() {
                Ok(()) => vec![],
                Err(problem) => problem.violations.iter().map(|violation| violation.rule).collect(),
            };
            assert_eq!(broken, rules, "{roles:?}");
        }
    }

    #[test]
    fn states_of_an_invitation() {
        let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        let pending = Invitation {
            id: InvitationId::from_bytes([1; 16]),
            email: Confidential::default(),
            roles: vec![Role::Clinician],
            client: None,
            invited_by: AccountId::from_bytes([2; 16]),
            created_at: now,
            expires_at: now + LIFETIME,
            verifier: [0; 32],
            fingerprint: [0; 16],
            accepted_at: None,
            revoked_at: None,
        };
        let accepted = Invitation {
            accepted_at: Some(now),
            ..pending.clone()
        };
        let revoked = Invitation {
            revoked_at: Some(now),
            ..pending.clone()
        };
        let later = now + LIFETIME;
        for (invitation, now, state, open) in [
            (&pending, now, State::Pending, true),
            (&pending, later, State::Expired, false),
            (&accepted, now, State::Accepted, true),
            (&accepted, later, State::Accepted, false),
            (&revoked, now, State::Revoked, false),
            (&revoked, later, State::Revoked, false),
        ] {
            assert_eq!((invitation.state(now), invitation.is_open(now)), (state, open));
        }
    }
}
