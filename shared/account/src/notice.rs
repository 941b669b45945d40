//! Telling somebody by e-mail what happened to her account.

use crypto::{Label, name};
use notification::{Content, Factor, Message, Recipient, Urgency};
use web::{Exchange, Problem};

use crate::account::{Account, Accounts};

const NOTICE: Label = Label::new("confide 2026-11 account notice");

/// Makes a notice durable. It is named by what it says and by `occasion`, which a request that is repeated after it died has to
/// come to again: then it is sent once. Who has no address, as a service identity, is told nothing.
///
/// # Errors
/// 503 where `notify` does not take it. Then whatever was to be told of must not happen.
pub fn tell(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    account: &Account,
    occasion: &[u8],
    content: Content,
) -> Result<(), Problem> {
    if account.email.expose().is_empty() {
        return Ok(());
    }
    let parts: [&[u8]; 5] = [
        account.clinic.as_bytes(),
        account.id.as_bytes(),
        occasion,
        content.template().name().as_bytes(),
        content.factor().map_or("", Factor::name).as_bytes(),
    ];
    let message = Message {
        key: name(accounts.index, NOTICE, &parts),
        clinic_id: account.clinic,
        recipient: Recipient::Email(account.email.clone()),
        content,
        language: account.language.clone(),
        urgency: Urgency::Queued,
        expires_at: None,
    };
    message.send(exchange).map(drop)
}
