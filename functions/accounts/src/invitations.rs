//! How an administrator invites people, sees whom, and takes an invitation back.

use access::Request;
use account::email::{self, Email};
use account::session::admit;
use account::{Accounts, USUAL_LANGUAGE};
use model::{Action, ClientId, Confidential, DataClass, InvitationId, Role, Timestamp};
use notification::{Content, Message, Recipient, Urgency};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{UpdateError, idempotency};
use web::listing::{Page, Wanted, list_once};
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::documents::Documents;
use crate::enrolment::{check_language, email_taken};
use crate::invitation::{Invitation, LIFETIME, State, Token, check_client, check_roles};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewInvitation")]
pub(crate) struct InvitationBody {
    email: String,
    /// One to four. Those of staff do not stand beside `client` and `guardian`.
    roles: Vec<Role>,
    /// The client file of whoever is invited as `client`, and of nobody else.
    client_id: Option<ClientId>,
    /// A language tag such as `en` or `pt-BR` (BCP 47), in which the message is. `en` where it is left out.
    language: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MadeInvitation")]
pub(crate) struct InvitedAnswer {
    invitation_id: InvitationId,
    /// What the invitation is accepted with.
    #[schemars(with = "String")]
    token: Zeroizing<String>,
    /// Whether the invitation is on its way by e-mail. Where it is not, it is the inviter's to hand over.
    mailed: bool,
    expires_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Invitation")]
struct InvitationAnswer {
    invitation_id: InvitationId,
    email: Confidential<String>,
    roles: Vec<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<ClientId>,
    created_at: Timestamp,
    expires_at: Timestamp,
    state: State,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Invitations")]
pub(crate) struct ListAnswer {
    invitations: Vec<InvitationAnswer>,
    /// Where the next page begins: its `cursor`. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `POST /v1/auth/invitations`
///
/// The token is mailed, where the deployment sends e-mail, and told the inviter, who may hand it over in another way. So whoever
/// finds an administrator's session open could invite herself, as a colleague or to a client's file, and have an account that outlives it: it
/// takes a proof that is recent.
///
/// Order: record, invitation, log, message, answer. A crash after the invitation leaves one that no list shows and whose token
/// nobody was told; the repeated request comes to the same id and the same token, and adds the log entry. The message has the
/// invitation's name, so that it is sent once.
pub(crate) fn invite(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let InvitationBody {
        email,
        roles,
        client_id: client,
        language,
    } = exchange.json()?;
    let mut check = Check::new();
    let email = check.parsed(Email::parse(&email), "/email", "email", email::RULE);
    check_roles(&mut check, &roles, "/roles");
    check_client(&mut check, &roles, client);
    check_language(&mut check, language.as_deref(), "/language");
    check.finish()?;
    let email = email.ok_or_else(|| Problem::defect("a checked address is missing"))?;
    let key = exchange.idempotency_key()?;

    let (recorded, _) = admit(exchange, Request::new(Action::Create, DataClass::Account).fresh())?;
    let (clinic, event) = (recorded.clinic(), recorded.event());
    let accounts = Accounts::open(exchange)?;
    let index = accounts.index;
    let id: InvitationId = idempotency::created_id(index, clinic, recorded.account(), exchange.path(), key);
    let fingerprint = idempotency::fingerprint(index, exchange.body());
    let token = Token::of(index, clinic, id);
    let now = exchange.platform.clock.now();
    let doc = accounts.invitation(clinic, id);

    let invitation = match doc.read()? {
        Some(existing) => existing.value,
        None => {
            if accounts.holder_of(clinic, &email)?.is_some() {
                return Err(email_taken().recorded(event));
            }
            let invitation = Invitation {
                id,
                email: email.spelled().clone(),
                roles,
                client,
                invited_by: recorded.account(),
                created_at: now,
                expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
                verifier: token.verifier(index),
                fingerprint,
                accepted_at: None,
                revoked_at: None,
            };
            match doc.create(&invitation)? {
                Creation::Created => invitation,
                // The same request at the same time.
                Creation::Exists => {
                    doc.read()?
                        .ok_or_else(|| Problem::defect("an invitation that exists is gone"))?
                        .value
                }
            }
        }
    };
    if invitation.fingerprint != fingerprint {
        return Err(Problem::idempotency_key_reused().recorded(event));
    }
    list_once(&accounts.invitations(clinic), index, *id.as_bytes(), now)?;
    let message = Message {
        key: format!("invitation/{id}"),
        clinic_id: clinic,
        recipient: Recipient::Email(invitation.email.clone()),
        content: Content::Invitation {
            token: Confidential::new(token.reveal().to_string()),
        },
        // The fingerprint holds it, so that a repeated request sends the same message.
        language: language.unwrap_or_else(|| USUAL_LANGUAGE.to_owned()),
        urgency: Urgency::Queued,
        expires_at: Some(invitation.expires_at),
    };
    // An invitation is made where nothing can be mailed, too: the inviter has the token.
    let mailed = message.send(exchange).is_ok();
    Ok(Reply::created_without_location(&InvitedAnswer {
        invitation_id: id,
        token: token.reveal(),
        mailed,
        expires_at: invitation.expires_at,
    })?
    .recorded(event))
}

/// `GET /v1/auth/invitations`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let (recorded, _) = admit(exchange, Request::new(Action::List, DataClass::Account))?;
    let accounts = Accounts::open(exchange)?;
    let now = exchange.platform.clock.now();
    let Page { ids, next } = wanted.page(&accounts.invitations(recorded.clinic()))?;
    let mut invitations = Vec::with_capacity(ids.len());
    for id in ids {
        let invitation = accounts
            .invitation(recorded.clinic(), InvitationId::from_bytes(id))
            .read()?
            .ok_or_else(|| Problem::defect("the invitation log names an invitation that does not exist"))?
            .value;
        invitations.push(InvitationAnswer {
            state: invitation.state(now),
            invitation_id: invitation.id,
            email: invitation.email,
            roles: invitation.roles,
            client_id: invitation.client,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        });
    }
    Ok(Reply::ok(&ListAnswer { invitations, next })?.recorded(recorded.event()))
}

/// `DELETE /v1/auth/invitations/{invitation}`
///
/// Order: record, revoke, answer. One change; repeated, it finds it done.
pub(crate) fn revoke(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: InvitationId = exchange.parameter("invitation")?;
    let (recorded, _) = admit(exchange, Request::new(Action::Revoke, DataClass::Account).of(id))?;
    let event = recorded.event();
    let accounts = Accounts::open(exchange)?;
    let now = exchange.platform.clock.now();
    let revoked = accounts.invitation(recorded.clinic(), id).update(None, |invitation| {
        if invitation.accepted_at.is_some() {
            return Err(Problem::conflict(
                "invitation-accepted",
                "The invitation was accepted before. There is nothing left to revoke.",
            ));
        }
        invitation.revoked_at.get_or_insert(now);
        Ok(())
    });
    match revoked {
        Ok(_) => Ok(Reply::no_content().recorded(event)),
        Err(UpdateError::Absent) => Err(Problem::not_found(event)),
        Err(error) => Err(Problem::from(error).recorded(event)),
    }
}
