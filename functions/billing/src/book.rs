//! A clinic's book of what gateways told: events, and the orders that they are about.
//!
//! ```text
//! event document     what an event tells and what became of it, one per event
//! event log          which events there are, one log per clinic
//! dead letter log    which of them were ever dead, whatever became of them since, one log per clinic
//! order document     which invoice an order is tied to, and which events wait for it, one per order
//! settled mark       that nothing is left to do about an event: a document whose being there says all
//! ```
//!
//! Before an order is tied nobody knows whose an event is. So all of this is sealed under a key of the clinic's own for the class, and
//! names no client but in the order that is tied. Names are HMACs over clinic, gateway and the gateway's id: a blind index.

use std::collections::BTreeSet;

use access::{ClinicKey, Ground, Vault};
use crypto::{DataKey, Label, Secret, mac, name};
use model::{AccountId, ClientId, ClinicId, Confidential, Gateway, GatewayEventId, InvoiceId, Timestamp};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Doc, Log, Shelf, StoreError, UpdateError};
use web::{Exchange, Problem};

use crate::gateway::{Delivered, Told};
use crate::invoice::Unapplied;

const EVENT_ID: Label = Label::new("confide 2026-11 gateway event id");
const EVENT: Label = Label::new("confide 2026-11 gateway event name");
const EVENTS: Label = Label::new("confide 2026-11 gateway event log name");
const DEAD_LETTERS: Label = Label::new("confide 2026-11 gateway dead letter log name");
const ORDER: Label = Label::new("confide 2026-11 gateway order name");
const SETTLED: Label = Label::new("confide 2026-11 gateway event settled name");

/// How many events wait for an order that nobody has tied.
const WAITING: usize = 64;

/// How many of them may be about attempts that came to nothing: anybody who tries cards at a gateway makes those.
const WAITING_ATTEMPTS: usize = 32;

/// How many events one page looks through.
const LOOKED_AT: usize = 500;

/// Why nothing came of an event so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "DeadLetterReason")]
pub(crate) enum DeadReason {
    /// No invoice is tied to the order. Tying one applies the event.
    UnknownOrder,
    /// The payment is for no order, so none can be tied.
    NoOrder,
    /// It lacks something, or has something that is none.
    Incomplete,
    /// The invoice that the order is tied to is gone, or its client.
    NoInvoice,
    /// It is in another currency than the invoice.
    CurrencyDiffers,
    /// More is there, or held, than the invoice comes to. The invoice knows of it.
    AmountDiffers,
    /// More is given back than was taken. The invoice knows of it.
    OverRefund,
    /// The invoice is void, and money of the payment is there, or held. The invoice knows of it.
    InvoiceVoid,
    /// The invoice has no room for more payments, refunds or disputes.
    TooMany,
}

impl From<Unapplied> for DeadReason {
    fn from(unapplied: Unapplied) -> Self {
        match unapplied {
            Unapplied::CurrencyDiffers => Self::CurrencyDiffers,
            Unapplied::AmountDiffers => Self::AmountDiffers,
            Unapplied::OverRefund => Self::OverRefund,
            Unapplied::InvoiceVoid => Self::InvoiceVoid,
            Unapplied::TooMany => Self::TooMany,
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It was kept, and nobody has got further. The gateway sends it again.
    Received,
    /// It tells of no payment. Kept, and nothing else.
    Noted,
    /// The invoice knows what it tells.
    Applied,
    /// It tells of a payment, and somebody has to look.
    Dead(DeadReason),
    /// It was dead for this reason, and somebody has looked.
    Dismissed(DeadReason),
}

/// That a dead letter needs nobody any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dismissal {
    pub(crate) by: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) reason: Confidential<String>,
}

/// An event of a gateway, as it is kept: never its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayEvent {
    pub(crate) id: GatewayEventId,
    pub(crate) gateway: Gateway,
    /// What the gateway calls it.
    pub(crate) kind: String,
    /// The gateway's own id of it, for people to look it up there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gateway_id: Option<String>,
    /// When it happened.
    pub(crate) at: Timestamp,
    pub(crate) received_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) told: Option<Told>,
    pub(crate) fate: Fate,
    /// Who dismissed it last, also where it came to something since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dismissal: Option<Dismissal>,
}

/// Which of a book's events are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    All,
    /// Those that were ever dead.
    DeadLetters,
}

/// The invoice that an order is tied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tied {
    pub(crate) client: ClientId,
    pub(crate) invoice: InvoiceId,
}

/// An order of a gateway, or a session that leads to one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// Once, and for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tied: Option<Tied>,
    /// The order that a session led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leads_to: Option<String>,
    /// Events that are still to be applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) waiting: Vec<GatewayEventId>,
}

impl Order {
    /// Ties it, unless it is tied to another. Whether it is tied to this one now.
    pub(crate) fn tie(&mut self, to: Tied) -> bool {
        *self.tied.get_or_insert(to) == to
    }

    /// Lets an event wait. Where there is no room it stays with the dead ones, and somebody has to replay it.
    pub(crate) fn wait(&mut self, event: GatewayEventId, moves_money: bool) {
        let room = if moves_money { WAITING } else { WAITING_ATTEMPTS };
        if !self.waiting.contains(&event) && self.waiting.len() < room {
            self.waiting.push(event);
        }
    }
}

/// What the log says of an event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogEntry {
    id: GatewayEventId,
}

/// The book of one clinic, shut: it can be seen that something is there, and nothing of it.
pub(crate) struct Book<'a> {
    billing: Shelf<'a>,
    index: &'a Secret,
    clinic: ClinicId,
}

/// The book, opened by a recorded ground.
pub(crate) struct OpenBook<'a> {
    book: Book<'a>,
    key: ClinicKey,
}

impl<'a> Book<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>, clinic: ClinicId) -> Result<Self, Problem> {
        Ok(Self {
            billing: exchange.shelf("billing")?,
            index: exchange.keyring.key("index")?,
            clinic,
        })
    }

    /// The id of an event: the same however often it is delivered, and in another clinic another.
    pub(crate) fn event_id(&self, gateway: Gateway, delivered: &Delivered) -> GatewayEventId {
        let parts: [&[u8]; 3] = [self.clinic.as_bytes(), gateway.name().as_bytes(), &delivered.identity];
        GatewayEventId::from_bytes(mac(self.index, EVENT_ID, &parts).truncated())
    }

    fn name(&self, label: Label, parts: &[&[u8]]) -> String {
        let mut all: Vec<&[u8]> = vec![self.clinic.as_bytes()];
        all.extend_from_slice(parts);
        name(self.index, label, &all)
    }

    /// Whether nothing is left to do about an event.
    pub(crate) fn is_settled(&self, event: GatewayEventId) -> Result<bool, Problem> {
        Ok(self.billing.holds(&self.name(SETTLED, &[event.as_bytes()]))?)
    }

    /// Opens the book of the clinic that the ground is about; `None` where nothing was ever written in it.
    pub(crate) fn open_if_begun(self, vault: &Vault<'_>, ground: &dyn Ground) -> Result<Option<OpenBook<'a>>, Problem> {
        Ok(vault.unlock_clinic(ground)?.map(|key| OpenBook { book: self, key }))
    }

    /// Opens the book of the clinic that the ground is about, or begins it.
    pub(crate) fn open_or_begin(self, vault: &Vault<'_>, ground: &dyn Ground) -> Result<OpenBook<'a>, Problem> {
        let key = vault.unlock_clinic_or_create(ground)?;
        Ok(OpenBook { book: self, key })
    }
}

impl OpenBook<'_> {
    fn doc<T>(&self, class: &'static str, name: &str) -> Doc<'_, T, DataKey> {
        self.book
            .billing
            .doc(Some(self.book.clinic), class, name, self.key.key())
    }

    fn event(&self, id: GatewayEventId) -> Doc<'_, GatewayEvent, DataKey> {
        self.doc("gateway event", &self.book.name(EVENT, &[id.as_bytes()]))
    }

    fn order_doc(&self, gateway: Gateway, reference: &str) -> Doc<'_, Order, DataKey> {
        let parts = [gateway.name().as_bytes(), reference.as_bytes()];
        self.doc("gateway order", &self.book.name(ORDER, &parts))
    }

    fn log(&self, listing: Listing) -> Log<'_, LogEntry, DataKey> {
        let (class, label) = match listing {
            Listing::All => ("gateway event log", EVENTS),
            Listing::DeadLetters => ("gateway dead letter log", DEAD_LETTERS),
        };
        let name = self.book.name(label, &[]);
        let clinic = Some(self.book.clinic);
        self.book.billing.log(clinic, class, &name, self.key.key())
    }

    /// Adds an event to a log. Done again, it may be there twice; a page shows it once.
    fn add(&self, listing: Listing, id: GatewayEventId) -> Result<(), Problem> {
        self.log(listing).append(*id.as_bytes(), &LogEntry { id })?;
        Ok(())
    }

    /// Keeps an event, unless it is kept already, and lists it.
    ///
    /// Order: where it is dead from the beginning the dead letters, then event, then log. A crash in between leaves an entry of an event
    /// that is not there, which no list shows, or an event that the list of all does not show; the gateway sends it again, and it goes on from there.
    pub(crate) fn keep(&self, event: GatewayEvent) -> Result<GatewayEvent, Problem> {
        if matches!(event.fate, Fate::Dead(_)) {
            self.add(Listing::DeadLetters, event.id)?;
        }
        let kept = match self.event(event.id).create(&event)? {
            Creation::Created => event,
            Creation::Exists => self.find(event.id)?.ok_or(StoreError::Form)?,
        };
        self.add(Listing::All, kept.id)?;
        Ok(kept)
    }

    pub(crate) fn find(&self, id: GatewayEventId) -> Result<Option<GatewayEvent>, Problem> {
        Ok(self.event(id).read()?.map(|event| event.value))
    }

    /// Notes what became of an event. What was applied stays applied, and that its order is unknown is said of it only while nobody
    /// has got further: whoever ties the order meanwhile knows better. What was dismissed comes back when it is dead for another reason.
    ///
    /// Order: where it is dead for the first time the dead letters, then event. A crash in between leaves an entry of an event that is
    /// not dead, which the list of those that are does not show. So what is dead is listed, and what was once is not listed again.
    pub(crate) fn decide(&self, id: GatewayEventId, fate: Fate) -> Result<(), Problem> {
        struct AsItIs;
        if matches!(fate, Fate::Dead(_)) && self.find(id)?.is_some_and(|event| event.fate == Fate::Received) {
            self.add(Listing::DeadLetters, id)?;
        }
        let noted = self.event(id).update(None, |event| {
            let is_late = fate == Fate::Dead(DeadReason::UnknownOrder) && event.fate != Fate::Received;
            let is_dismissed =
                matches!((event.fate, fate), (Fate::Dismissed(known), Fate::Dead(reason)) if known == reason);
            if event.fate == Fate::Applied || event.fate == fate || is_late || is_dismissed {
                return Err(AsItIs);
            }
            event.fate = fate;
            Ok(())
        });
        match noted {
            Ok(_) | Err(UpdateError::Refused(AsItIs)) => Ok(()),
            Err(UpdateError::Absent) => Err(Problem::defect("an event that waits is not kept")),
            Err(UpdateError::Stale) => Err(Problem::stale()),
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }

    /// Dismisses a dead letter and returns it, also where it was dismissed so before; `None` where it is no dead letter.
    pub(crate) fn dismiss(&self, id: GatewayEventId, dismissal: &Dismissal) -> Result<Option<GatewayEvent>, Problem> {
        let dismissed = self.event(id).update(None, |event| {
            let is_again = event
                .dismissal
                .as_ref()
                .is_some_and(|known| (known.by, &known.reason) == (dismissal.by, &dismissal.reason));
            match event.fate {
                Fate::Dead(reason) => {
                    event.fate = Fate::Dismissed(reason);
                    event.dismissal = Some(dismissal.clone());
                    Ok(event.clone())
                }
                Fate::Dismissed(_) if is_again => Err(Some(Box::new(event.clone()))),
                _ => Err(None),
            }
        });
        match dismissed {
            Ok(event) => Ok(Some(event.value)),
            Err(UpdateError::Refused(as_it_is)) => Ok(as_it_is.map(|event| *event)),
            Err(UpdateError::Absent) => Err(Problem::defect("an event that is dismissed is not kept")),
            Err(UpdateError::Stale) => Err(Problem::stale()),
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }

    /// Marks an event as one that nothing is left to do about.
    pub(crate) fn settle(&self, id: GatewayEventId) -> Result<(), Problem> {
        let name = self.book.name(SETTLED, &[id.as_bytes()]);
        self.doc::<()>("gateway event settled", &name).create(&())?;
        Ok(())
    }

    /// An order as it is now; one that nobody has heard of yet is tied to nothing.
    pub(crate) fn order(&self, gateway: Gateway, reference: &str) -> Result<Order, Problem> {
        let read = self.order_doc(gateway, reference).read()?;
        Ok(read.map(|order| order.value).unwrap_or_default())
    }

    /// Changes an order in one write, or begins it, and returns it as it is then. Who ties it and who waits for it change the same
    /// document, so of two at once the later sees what the earlier did.
    pub(crate) fn change_order(
        &self,
        gateway: Gateway,
        reference: &str,
        change: impl Fn(&mut Order),
    ) -> Result<Order, Problem> {
        let doc = self.order_doc(gateway, reference);
        let update = || {
            doc.update(None, |order: &mut Order| {
                let before = order.clone();
                change(order);
                if *order == before {
                    Err(before)
                } else {
                    Ok(order.clone())
                }
            })
        };
        let mut outcome = update();
        if matches!(outcome, Err(UpdateError::Absent)) {
            let mut order = Order::default();
            change(&mut order);
            if doc.create(&order)? == Creation::Created {
                return Ok(order);
            }
            outcome = update();
        }
        match outcome {
            Ok(order) => Ok(order.value),
            Err(UpdateError::Refused(as_it_is)) => Ok(as_it_is),
            Err(UpdateError::Absent) => Err(Problem::defect("an order that exists does not")),
            Err(UpdateError::Stale) => Err(Problem::stale()),
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }

    /// Events, newest first, each once, and where the next page begins. A page may be short where many are not wanted.
    pub(crate) fn list(
        &self,
        listing: Listing,
        before: Option<u64>,
        limit: usize,
        wanted: impl Fn(&GatewayEvent) -> bool,
    ) -> Result<(Vec<GatewayEvent>, Option<u64>), Problem> {
        let mut page = Vec::new();
        let mut seen = BTreeSet::new();
        let mut last = None;
        for (looked_at, entry) in self.log(listing).newest_first(before).enumerate() {
            if page.len() == limit || looked_at == LOOKED_AT {
                return Ok((page, last));
            }
            let entry = entry?;
            last = Some(entry.sequence);
            let id = entry.value.id;
            if !seen.insert(id) {
                continue;
            }
            if let Some(event) = self.find(id)?.filter(&wanted) {
                page.push(event);
            }
        }
        Ok((page, None))
    }
}
