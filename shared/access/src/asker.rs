use model::{AccountId, ClientId, ClinicId, Role};

use crate::Caller;

/// Who would ask.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The account.
    pub account: AccountId,
    /// Its clinic.
    pub clinic: ClinicId,
    /// What it is to its clinic.
    pub roles: &'a [Role],
    /// The client that it belongs to.
    pub client: Option<ClientId>,
}

impl<'a> From<&'a Caller> for Asker<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self {
            account: caller.account(),
            clinic: caller.clinic(),
            roles: caller.roles(),
            client: caller.client(),
        }
    }
}
