//! What providers tell of messages later. Whoever can't sign is told nothing; what is signed changes one message, or
//! nothing.

use http::{HeaderName, StatusCode};
use model::{ClinicId, MessageId};
use serde::Deserialize;
use web::{Exchange, Problem, Reply};

use crate::outbox::{Home, Outbox};
use crate::provider::{ProviderName, is_plain, resend, twilio, webhook};
use crate::settings::Settings;
use crate::standard_webhooks::SigningKey;

const TWILIO_SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// The headers of Standard Webhooks, and those under which Svix, whose scheme it is, sends the same for Resend.
struct SignatureHeaders {
    id: HeaderName,
    timestamp: HeaderName,
    signature: HeaderName,
}

const STANDARD: SignatureHeaders = SignatureHeaders {
    id: HeaderName::from_static("webhook-id"),
    timestamp: HeaderName::from_static("webhook-timestamp"),
    signature: HeaderName::from_static("webhook-signature"),
};

const SVIX: SignatureHeaders = SignatureHeaders {
    id: HeaderName::from_static("svix-id"),
    timestamp: HeaderName::from_static("svix-timestamp"),
    signature: HeaderName::from_static("svix-signature"),
};

/// Something about a message that is final.
struct Told {
    clinic: ClinicId,
    message: MessageId,
    provider_id: Option<String>,
    arrived: bool,
}

/// What our own callback URL says, which comes back under Twilio's signature.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TwilioQuery {
    clinic: ClinicId,
    message: MessageId,
}

fn not_genuine() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-signature",
        "The signature of this callback is not genuine, or it is too old.",
    )
}

fn check_signature(exchange: &Exchange<'_>, headers: &SignatureHeaders, key: &SigningKey) -> Result<(), Problem> {
    let header = |name: &HeaderName| exchange.header(name)?.ok_or_else(not_genuine);
    let (id, timestamp, signatures) = (
        header(&headers.id)?,
        header(&headers.timestamp)?,
        header(&headers.signature)?,
    );
    let now = exchange.platform.clock.now();
    if key.is_genuine(id, timestamp, signatures, exchange.body(), now) {
        Ok(())
    } else {
        Err(not_genuine())
    }
}

fn from_twilio(exchange: &Exchange<'_>) -> Result<Option<Told>, Problem> {
    let twilio = Settings(exchange).twilio()?;
    let signature = exchange.header(&TWILIO_SIGNATURE)?.ok_or_else(not_genuine)?;
    // Twilio signs the fields and not the bytes, so they have to be taken apart first. Nothing is read from them before
    // they are known to be genuine.
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(exchange.body()).map_err(|_| not_genuine())?;
    if !twilio.is_signed(exchange.target(), &form, signature) {
        return Err(not_genuine());
    }
    let TwilioQuery { clinic, message } = exchange.query()?;
    let status = twilio::status(&form);
    Ok(status.arrived.map(|arrived| Told {
        clinic,
        message,
        provider_id: status.provider_id,
        arrived,
    }))
}

fn from_resend(exchange: &Exchange<'_>) -> Result<Option<Told>, Problem> {
    exchange.no_query()?;
    check_signature(exchange, &SVIX, &Settings(exchange).resend_callback_key()?)?;
    Ok(resend::status(exchange.body()).and_then(|status| {
        Some(Told {
            clinic: status.clinic,
            message: status.message,
            provider_id: status.provider_id,
            arrived: status.arrived?,
        })
    }))
}

fn from_webhook(exchange: &Exchange<'_>) -> Result<Option<Told>, Problem> {
    exchange.no_query()?;
    check_signature(exchange, &STANDARD, &Settings(exchange).webhook_key()?)?;
    Ok(webhook::status(exchange.body()).and_then(|status| {
        Some(Told {
            clinic: status.clinic,
            message: status.message,
            provider_id: None,
            arrived: status.arrived?,
        })
    }))
}

/// `POST /v1/notify/callbacks/{provider}`
///
/// Order: signature, message. One change at most; repeated or overtaken, the callback finds it done and writes nothing. What is
/// about no message of ours is answered like everything else, so that the provider does not go on telling it.
pub(crate) fn callback(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let provider: ProviderName = exchange.parameter("provider")?;
    if !Settings(exchange).is_used(provider) {
        return Err(Problem::no_such_route());
    }
    let told = match provider {
        ProviderName::Twilio => from_twilio(exchange)?,
        ProviderName::Resend => from_resend(exchange)?,
        ProviderName::Webhook => from_webhook(exchange)?,
        ProviderName::Capture => return Err(Problem::no_such_route()),
    };
    if let Some(told) = told {
        let outbox = Outbox::open(exchange, told.clinic)?;
        let now = exchange.platform.clock.now();
        let provider_id = told.provider_id.filter(|id| is_plain(id));
        if let Some(mut message) = outbox.find(told.message)?
            && message.delivered(provider, provider_id.as_deref(), told.arrived, now)
        {
            outbox.change(message.id, Home::of(message.template), |message| {
                message.delivered(provider, provider_id.as_deref(), told.arrived, now)
            })?;
        }
    }
    Ok(Reply::no_content())
}
