//! A clinic's register of invoices: which there are, and whose. Who bills can see by it what is owed without knowing by whom.
//!
//! One log per clinic, sealed under the clinic's own key of the class. An entry says where to look, and nothing of what is owed: what follows it
//! is decided and recorded about that client, and reads the invoice in her own ledger. So an entry that leads nowhere shows nothing, and what is
//! shown is never older than the invoice.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use access::{Caller, ClinicKey, Ground, Recorded, Refusal, Request};
use crypto::{DataKey, Label, Secret, mac, name};
use model::{Action, ClientId, ClinicId, DataClass, InvoiceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Log, Shelf};
use web::{Asking, Exchange, Problem, Reply, page_size};

use crate::invoice::{Invoice, State};
use crate::invoices::ListedAnswer;
use crate::keys;
use crate::ledger::Ledgers;

const REGISTER: Label = Label::new("confide 2026-11 invoice register name");
const ENTRY: Label = Label::new("confide 2026-11 invoice register entry id");

/// How many entries one page looks through.
pub(crate) const LOOKED_AT: usize = 200;

/// About how many clients one page decides: each is a durable entry of the trail.
pub(crate) const DECIDED: usize = 50;

/// What of a client these decisions are about, so that reviewers of the trail can tell them from those of somebody who asks for her bills by name.
const RESOURCE: &str = "invoice register";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    client: ClientId,
    invoice: InvoiceId,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterQuery {
    /// Those in this state; else those on which something is outstanding.
    state: Option<State>,
    /// The `next` of the page before.
    cursor: Option<u64>,
    /// How many at most.
    limit: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InvoicesOfClinic")]
pub(crate) struct RegisterAnswer {
    /// A page may have fewer than the limit, or none, where `next` leads on.
    invoices: Vec<RegisteredAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An invoice, and whose it is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedInvoiceOfClient")]
struct RegisteredAnswer {
    client_id: ClientId,
    #[serde(flatten)]
    invoice: ListedAnswer,
}

/// A clinic's register, opened by a recorded ground.
struct Register<'a> {
    billing: Shelf<'a>,
    names: &'a Secret,
    clinic: ClinicId,
    key: ClinicKey,
}

impl<'a> Register<'a> {
    fn new(exchange: &Exchange<'a>, clinic: ClinicId, key: ClinicKey) -> Result<Self, Problem> {
        Ok(Self {
            billing: exchange.shelf("billing")?,
            names: exchange.keyring.key("index")?,
            clinic,
            key,
        })
    }

    fn log(&self) -> Log<'_, Entry, DataKey> {
        let name = name(self.names, REGISTER, &[self.clinic.as_bytes()]);
        self.billing
            .log(Some(self.clinic), "invoice register", &name, self.key.key())
    }
}

/// Enters an invoice of the client that the ground is about, which is about to be written. Repeated, it is there once.
pub(crate) fn enter(
    exchange: &Exchange<'_>,
    ground: &dyn Ground,
    client: ClientId,
    invoice: InvoiceId,
) -> Result<(), Problem> {
    let key = keys::vault(exchange)?.unlock_clinic_or_create(ground)?;
    let register = Register::new(exchange, ground.clinic(), key)?;
    // An invoice's own id stands in the clear beside its ledger: here it would say which ledgers are a clinic's.
    let id = mac(register.names, ENTRY, &[invoice.as_bytes()]).truncated();
    register
        .log()
        .append_once(register.names, id, &Entry { client, invoice })?;
    Ok(())
}

/// A page in the making: whom it was decided about, and what that opened.
struct Looking<'p, 'a> {
    exchange: &'p Exchange<'a>,
    caller: &'p Caller,
    ledgers: &'p Ledgers<'a>,
    decided: BTreeMap<ClientId, Option<Recorded>>,
}

impl Looking<'_, '_> {
    /// The invoice, where there is one and the caller may list its client's, which is decided once a page. What she may not see is left out without a
    /// word to her; the denial is in the trail.
    fn find(&mut self, Entry { client, invoice }: Entry) -> Result<Option<Invoice>, Problem> {
        let ground = match self.decided.entry(client) {
            btree_map::Entry::Occupied(known) => known.into_mut(),
            btree_map::Entry::Vacant(unknown) => {
                let asking = Asking::new(self.exchange, self.caller.clone(), client, DataClass::Billing)?;
                unknown.insert(match asking.admit(Action::List, Some(&RESOURCE)) {
                    Ok(recorded) => Some(recorded),
                    Err(Refusal::Denied { .. }) => None,
                    Err(refusal) => return Err(refusal.into()),
                })
            }
        };
        let Some(ground) = ground else {
            return Ok(None);
        };
        let found = match self.ledgers.open_if_begun(ground)? {
            Some(ledger) => ledger.find(invoice)?,
            None => None,
        };
        Ok(found.map(|found| found.value))
    }
}

/// `GET /v1/billing/invoices`: what is owed to the clinic, by whomever, the newest first. A page may have fewer than its limit, and none at all, where
/// it had to look through many that are not wanted.
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let RegisterQuery { state, cursor, limit } = exchange.query()?;
    let limit = page_size(limit)?;
    let caller = exchange.caller()?;
    let request = Request::new(Action::Search, DataClass::Billing).purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let is_wanted =
        |invoice: &Invoice| state.map_or_else(|| invoice.outstanding() > 0, |state| invoice.state() == state);
    let (mut invoices, mut next) = (Vec::new(), None);
    if let Some(key) = keys::vault(exchange)?.unlock_clinic(&recorded)? {
        let (register, ledgers) = (
            Register::new(exchange, recorded.clinic(), key)?,
            Ledgers::new(exchange)?,
        );
        let mut looking = Looking {
            exchange,
            caller: &caller,
            ledgers: &ledgers,
            decided: BTreeMap::new(),
        };
        let mut seen = BTreeSet::new();
        let mut last = None;
        for (looked_at, entry) in register.log().newest_first(cursor).enumerate() {
            if invoices.len() == limit || looked_at == LOOKED_AT || looking.decided.len() == DECIDED {
                next = last;
                break;
            }
            let (sequence, entry) = entry.map(|entry| (entry.sequence, entry.value))?;
            let client_id = entry.client;
            if seen.insert(entry.invoice)
                && let Some(invoice) = looking.find(entry)?.filter(is_wanted)
            {
                invoices.push(RegisteredAnswer {
                    client_id,
                    invoice: ListedAnswer::from(&invoice),
                });
            }
            last = Some(sequence);
        }
    }
    let next = next.map(|next| next.to_string());
    Ok(Reply::ok(&RegisterAnswer { invoices, next })?.recorded(recorded.event()))
}
