//! What the operator sets: the secrets that payment gateways sign with. There is no default; what is missing is a 503 that names the
//! variable to the operator and nobody else.

use access::WebhookSecrets;
use http::StatusCode;
use model::{ClinicId, Gateway};
use web::{Exchange, Problem};
use zeroize::Zeroizing;

/// 503, with a line that says which variable to set.
fn unset(gateway: Gateway, why: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "gateway-not-configured",
        "This payment gateway is not set up in this deployment.",
    )
    .log(format!(
        "variable `billing_{gateway}_webhook_secrets` (SPIN_VARIABLE_BILLING_{}_WEBHOOK_SECRETS) {why}",
        gateway.name().to_ascii_uppercase()
    ))
}

/// What a gateway and a clinic share. There is none where the setting names other clinics only.
///
/// # Errors
/// 503 where nothing is set, or something that is no list of secrets.
pub(crate) fn webhook_secrets(
    exchange: &Exchange<'_>,
    gateway: Gateway,
    clinic: ClinicId,
) -> Result<WebhookSecrets, Problem> {
    let variable = match gateway {
        Gateway::Razorpay => "razorpay_webhook_secrets",
        Gateway::Stripe => "stripe_webhook_secrets",
    };
    let text = exchange
        .platform
        .secrets
        .secret(variable)
        .map(Zeroizing::new)
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| unset(gateway, "is not set"))?;
    WebhookSecrets::parse(&text, clinic).map_err(|malformed| unset(gateway, &malformed.to_string()))
}
