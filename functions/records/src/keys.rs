//! The data keys of clients' records, and the job that keeps them under the current key-encryption keys.

use access::Vault;
use model::DataClass;
use web::{Exchange, Problem, Reply};

/// The classes that this function keeps.
const CLASSES: [DataClass; 3] = [DataClass::Health, DataClass::Psychotherapy, DataClass::SubstanceUse];

/// The keys of all clients. They are named under the link key, which makes the names a pseudonym.
pub(crate) fn vault<'a>(exchange: &Exchange<'a>) -> Result<Vault<'a>, Problem> {
    Ok(Vault::new(
        exchange.shelf("health-keys")?,
        exchange.keyring,
        exchange.keyring.key("link")?,
        exchange.platform.entropy,
    ))
}

/// `POST /v1/records/jobs/rewrap`
pub(crate) fn rewrap(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    web::rewrap(exchange, &vault(exchange)?, &CLASSES)
}
