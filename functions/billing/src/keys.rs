//! The data keys of clients' invoices, and the job that keeps them under the current key-encryption key.

use access::Vault;
use model::DataClass;
use web::{Exchange, Problem, Reply};

/// The keys of all clients and clinics.
pub(crate) fn vault<'a>(exchange: &Exchange<'a>) -> Result<Vault<'a>, Problem> {
    Ok(Vault::new(
        exchange.shelf("billing-keys")?,
        exchange.keyring,
        exchange.keyring.key("index")?,
        exchange.platform.entropy,
    ))
}

/// `POST /v1/billing/jobs/rewrap`
pub(crate) fn rewrap(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    web::rewrap(exchange, &vault(exchange)?, &[DataClass::Billing])
}
