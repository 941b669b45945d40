//! Where a client is reached: for `notify` alone, so that whoever sends her something need not know.

use access::{Permissions, Request};
use model::{Action, ClientId, ClinicId, Confidential, ContactChannel, DataClass, EventId};
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};

use crate::register::{Client, Register};

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
/// trail. A client who is not there and one who is not registered are answered alike. For an entry that was merged into another
/// one, that one is asked, and recorded too: it is where corrections go.
pub(crate) fn contact(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let calling = exchange.calling_function()?;
    let ContactBody {
        clinic_id,
        client_id,
        channel,
    } = exchange.json()?;
    let (gate, register) = (exchange.gate()?, Register::new(exchange)?);
    let look_at = |client_id| -> Result<(Client, Option<Permissions>, EventId), Problem> {
        let permissions = exchange.permissions()?.read(clinic_id, client_id)?;
        let request = Request::new(Action::Read, DataClass::Identity).about(client_id);
        let recorded = gate.admit_call(calling, clinic_id, &request, permissions.as_ref())?;
        let entry = register
            .open(&recorded)?
            .ok_or_else(|| Problem::not_found(recorded.event()))?;
        Ok((entry.read()?.value, permissions, recorded.event()))
    };
    let mut found = look_at(client_id)?;
    if let Some(link) = found.0.replaced_by {
        let survivor = look_at(link.client_id)?;
        if survivor.0.stands_for(client_id, link.merge_id) {
            found = survivor;
        }
    }
    let (client, permissions, event) = found;
    // A text message shows on a locked screen: it goes to clients who agreed to be written to so, and not merely have a number.
    let now = exchange.platform.clock.now();
    let agrees = channel != ContactChannel::Sms
        || permissions.is_some_and(|permissions| permissions.agrees_to(ContactChannel::Sms, now));
    Ok(Reply::ok(&ContactAnswer {
        address: client.details.reached_by(channel).filter(|_| agrees),
        language: client.details.preferences.language,
    })?
    .recorded(event))
}
