//! Where a client is reached: for `notify` alone, so that whoever sends her something need not know.

use access::Request;
use model::{Action, ClientId, ClinicId, Confidential, ContactChannel, DataClass};
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};

use crate::register::Register;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactBody {
    clinic_id: ClinicId,
    client_id: ClientId,
    channel: ContactChannel,
}

#[derive(Serialize)]
struct ContactAnswer {
    /// Absent where she has none, or does not agree to be reached there.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Confidential<String>>,
    language: Confidential<String>,
}

/// `POST /v1/identity/private/contact`, private.
///
/// Order: record, read, answer. It changes nothing, so a call that is sent again does no harm but for an entry more in the
/// trail. A client who is not there and one who is not registered are answered alike.
pub(crate) fn contact(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let calling = exchange.calling_function()?;
    let ContactBody {
        clinic_id,
        client_id,
        channel,
    } = exchange.json()?;
    let permissions = exchange.permissions()?.read(clinic_id, client_id)?;
    let request = Request::new(Action::Read, DataClass::Identity).about(client_id);
    let recorded = exchange
        .gate()?
        .admit_call(calling, clinic_id, &request, permissions.as_ref())?;
    let register = Register::new(exchange)?;
    let entry = register
        .open(&recorded)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    let details = entry.read()?.value.details;
    let address = match channel {
        ContactChannel::Email => details.contact.email,
        ContactChannel::Sms => details.contact.phone,
        ContactChannel::Phone | ContactChannel::Post => None,
    };
    let preferences = details.preferences;
    // A text message shows on a locked screen: it goes to clients who agreed to be written to so, and not merely have a number.
    let now = exchange.platform.clock.now();
    let agrees = channel != ContactChannel::Sms
        || permissions.is_some_and(|permissions| permissions.agrees_to(ContactChannel::Sms, now));
    Ok(Reply::ok(&ContactAnswer {
        address: address.filter(|_| agrees && preferences.channels.expose().contains(&channel)),
        language: preferences.language,
    })?
    .recorded(recorded.event()))
}
