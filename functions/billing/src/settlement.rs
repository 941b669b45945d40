//! From the book to the ledger: events that wait for an order are applied to the invoice that it is tied to.

use model::{Gateway, GatewayEventId};
use web::Problem;

use crate::book::{DeadReason, Fate, GatewayEvent, OpenBook, Order, Tied};
use crate::gateway::Told;
use crate::invoice::TiedOrder;
use crate::ledger::{Change, Current, Ledger};

/// Lets an event wait for its order, and returns the order as it is then.
///
/// Order: where a session led to the order, that it did; that the order is tied as the session is; that the event waits. A crash in
/// between leaves a session that is tied and an order that is not: the same event, delivered again or replayed, goes on from there, and
/// so does whoever ties the session again.
pub(crate) fn wait_for_order(
    book: &OpenBook<'_>,
    gateway: Gateway,
    event: GatewayEventId,
    told: &Told,
) -> Result<Order, Problem> {
    if let Some(session) = &told.session {
        let session = book.change_order(gateway, session, |session| {
            session.leads_to.get_or_insert_with(|| told.order.clone());
        })?;
        if let Some(tied) = session.tied {
            book.change_order(gateway, &told.order, |order| {
                order.tie(tied);
            })?;
        }
    }
    book.change_order(gateway, &told.order, |order| {
        order.wait(event, told.facts.moves_money());
    })
}

/// Applies everything that waits for an order, and one more event where there is one, to the invoice that the order is tied to.
/// `None` where that is gone.
///
/// Order: invoice, what became of each event, then they wait no more. A crash in between leaves events waiting that are applied;
/// whoever comes next, another event, the same one again or whoever ties the order, applies them once more, which changes nothing.
pub(crate) fn settle(
    book: &OpenBook<'_>,
    ledger: &Ledger<'_, '_>,
    order: &TiedOrder,
    to: Tied,
    one_more: Option<GatewayEventId>,
) -> Result<Option<Current>, Problem> {
    let TiedOrder { gateway, reference } = order;
    let mut ids = book.order(*gateway, reference)?.waiting;
    ids.extend(one_more.filter(|id| !ids.contains(id)));
    let mut events: Vec<GatewayEvent> = Vec::with_capacity(ids.len());
    for id in &ids {
        // An event is kept before it waits.
        events.push(
            book.find(*id)?
                .ok_or_else(|| Problem::defect("an event that waits is not kept"))?,
        );
    }
    if ledger.find(to.invoice)?.is_none() {
        give_up(book, &ids)?;
        return Ok(None);
    }
    let (current, fates) = ledger.change(to.invoice, None, |invoice| {
        let mut is_changed = invoice.tie(order.clone());
        let mut fates = Vec::with_capacity(events.len());
        for told in events.iter().filter_map(|event| event.told.as_ref()) {
            let applied = invoice.apply(told);
            is_changed |= applied.is_changed;
            let reason = applied.unapplied.map(DeadReason::from);
            fates.push(reason.map_or(Fate::Applied, Fate::Dead));
        }
        Ok(Change::of(is_changed, fates))
    })?;
    let told = events.iter().filter(|event| event.told.is_some());
    for (event, fate) in told.zip(fates) {
        book.decide(event.id, fate)?;
    }
    if !ids.is_empty() {
        book.change_order(*gateway, reference, |order| {
            order.waiting.retain(|id| !ids.contains(id))
        })?;
    }
    Ok(Some(current))
}

/// Notes of events that the invoice which they are about is gone.
pub(crate) fn give_up(book: &OpenBook<'_>, events: &[GatewayEventId]) -> Result<(), Problem> {
    for event in events {
        book.decide(*event, Fate::Dead(DeadReason::NoInvoice))?;
    }
    Ok(())
}
