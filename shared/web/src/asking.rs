use access::{Caller, Gate, Permissions, Recorded, Refusal, Request};
use model::{AccountId, Action, ClientId, DataClass, EventId, Purpose};
use store::StoreError;

use crate::{Exchange, Problem};

/// Who asks about one client's data of one class, with all that decisions need: what she asks in one request may take several.
pub struct Asking<'a> {
    gate: Gate<'a>,
    caller: Caller,
    client: ClientId,
    class: DataClass,
    author: Option<AccountId>,
    permissions: Option<Permissions>,
    purpose: Option<Purpose>,
}

impl<'a> Asking<'a> {
    /// The caller asks about this client, for the purpose that the request names.
    ///
    /// # Errors
    /// 400 for an unknown purpose, 503 where the client's permissions or the trail can't be reached.
    pub fn new(exchange: &Exchange<'a>, caller: Caller, client: ClientId, class: DataClass) -> Result<Self, Problem> {
        Ok(Self {
            permissions: exchange.permissions()?.read(caller.clinic(), client)?,
            purpose: exchange.purpose()?,
            gate: exchange.gate()?,
            caller,
            client,
            class,
            author: None,
        })
    }

    /// About what this account wrote. Where nobody is named, psychotherapy notes are the caller's own; of other classes it is
    /// not asked.
    #[must_use]
    pub fn written_by(self, author: Option<AccountId>) -> Self {
        Self { author, ..self }
    }

    /// Decides and records.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn admit(&self, action: Action, resource: Option<&dyn ToString>) -> Result<Recorded, Refusal> {
        let request = self.request(action, resource);
        self.gate.admit(&self.caller, &request, self.permissions.as_ref())
    }

    /// Records that what was admitted is refused all the same, by what it is asked of. Returns the audit entry.
    ///
    /// # Errors
    /// [`StoreError`] where it is not known to be recorded.
    pub fn deny(
        &self,
        recorded: &Recorded,
        action: Action,
        resource: Option<&dyn ToString>,
        rule: &'static str,
    ) -> Result<EventId, StoreError> {
        self.gate
            .deny(&self.caller, recorded, &self.request(action, resource), rule)
    }

    fn request(&self, action: Action, resource: Option<&dyn ToString>) -> Request {
        let mut request = Request::new(action, self.class)
            .about(self.client)
            .purpose(self.purpose);
        request.resource = resource.map(ToString::to_string);
        if self.class == DataClass::Psychotherapy {
            request = request.by(self.author.unwrap_or(self.caller.account()));
        }
        request
    }

    /// What the client's file says of who may.
    #[must_use]
    pub fn permissions(&self) -> Option<&Permissions> {
        self.permissions.as_ref()
    }
}
