//! For whom passkeys are made, as the deployment says: the variables `rp_id` and `origins`.

use web::{Exchange, Problem};
use webauthn::RelyingParty;

const ID: &str = "rp_id";
const ORIGINS: &str = "origins";

fn not_set_up(line: String) -> Problem {
    Problem::unavailable(30, "Passkeys are not set up in this deployment.").log(line)
}

/// The relying party of this deployment.
///
/// # Errors
/// 503 where a variable is missing or wrong; the operator's log says which and why.
pub(crate) fn relying_party(exchange: &Exchange<'_>) -> Result<RelyingParty, Problem> {
    let variable = |name: &str| {
        let value = exchange.platform.secrets.secret(name).unwrap_or_default();
        if value.trim().is_empty() {
            return Err(not_set_up(format!(
                "the variable `{name}` (SPIN_VARIABLE_AUTH_{}) is not set",
                name.to_ascii_uppercase()
            )));
        }
        Ok(value)
    };
    let (id, origins) = (variable(ID)?, variable(ORIGINS)?);
    let origins = origins.split_whitespace().map(str::to_owned).collect();
    RelyingParty::new(id.trim().to_owned(), origins).map_err(|invalid| {
        not_set_up(format!("the variables `{ID}` and `{ORIGINS}` (SPIN_VARIABLE_AUTH_RP_ID, SPIN_VARIABLE_AUTH_ORIGINS) name no relying party: {invalid}"))
    })
}
