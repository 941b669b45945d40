//! A client's account: what she was asked for, paid and was given back, in the order of days, with what is left. Computed from the
//! invoices themselves, so that it can't differ from them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use model::{Action, InvoiceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};

use crate::invoice::Invoice;
use crate::ledger::{Ledgers, admit};
use crate::money::Currency;
use crate::payments::day;

/// The most invoices of a client that a statement is made of.
const INVOICES: usize = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "StatementEntryKind")]
enum EntryKind {
    Invoice,
    Payment,
    Refund,
    Void,
}

/// One line of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    on: Date,
    invoice: InvoiceId,
    kind: EntryKind,
    /// What it adds to the debt, in minor units; less than nothing is paid.
    amount: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "StatementEntry")]
struct EntryAnswer {
    /// In UTC.
    on: Date,
    kind: EntryKind,
    invoice_id: InvoiceId,
    /// What it adds to the debt, in minor units; less than nothing is paid.
    amount: i64,
    /// What is owed after it; less than nothing is her credit.
    balance: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "StatementAccount")]
struct AccountAnswer {
    currency: Currency,
    /// How many digits of an amount stand behind the point.
    minor_digits: u16,
    /// What was owed before `from`, in minor units.
    opening_balance: i64,
    entries: Vec<EntryAnswer>,
    /// What is owed after `to`.
    closing_balance: i64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Statement")]
pub(crate) struct StatementAnswer {
    from: Date,
    to: Date,
    /// One for each currency.
    accounts: Vec<AccountAnswer>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatementQuery {
    /// The first day, in UTC.
    from: Date,
    /// The last day.
    to: Date,
    /// This one alone; all where it is not said.
    currency: Option<Currency>,
}

/// What an invoice did to the account, in no order.
fn entries(invoice: &Invoice) -> Vec<Entry> {
    let entry = |on: Date, kind: EntryKind, amount: i64| Entry {
        on,
        invoice: invoice.id,
        kind,
        amount,
    };
    let total = invoice.total();
    let mut entries = vec![entry(day(invoice.created_at), EntryKind::Invoice, total)];
    if let Some(voided) = &invoice.voided {
        entries.push(entry(day(voided.at), EntryKind::Void, total.saturating_neg()));
    }
    for payment in &invoice.payments {
        let amount = payment.amount.minor_units();
        entries.push(entry(payment.received_on, EntryKind::Payment, amount.saturating_neg()));
        let refunds = payment.refunds.iter();
        entries.extend(refunds.map(|refund| entry(refund.refunded_on, EntryKind::Refund, refund.amount.minor_units())));
    }
    for payment in invoice.gateway_payments.values() {
        if let Some(at) = payment.captured_at {
            entries.push(entry(day(at), EntryKind::Payment, payment.received().saturating_neg()));
        }
        let refunds = payment.refunds_in_order().into_iter();
        entries.extend(refunds.map(|(at, amount)| entry(day(at), EntryKind::Refund, amount)));
    }
    entries
}

/// The accounts, one a currency, over the days from the one to the other, both included.
fn accounts(invoices: &[Invoice], from: Date, to: Date, currency: Option<Currency>) -> Vec<AccountAnswer> {
    let mut by_currency: BTreeMap<Currency, Vec<Entry>> = BTreeMap::new();
    for invoice in invoices {
        let in_currency = invoice.content().currency;
        if currency.is_none_or(|wanted| wanted == in_currency) {
            by_currency.entry(in_currency).or_default().extend(entries(invoice));
        }
    }
    by_currency
        .into_iter()
        .map(|(currency, mut entries)| {
            entries.sort_unstable();
            let mut balance = 0_i64;
            let mut account = AccountAnswer {
                currency,
                minor_digits: currency.minor_digits(),
                opening_balance: 0,
                entries: Vec::new(),
                closing_balance: 0,
            };
            for entry in entries.into_iter().take_while(|entry| entry.on <= to) {
                balance = balance.saturating_add(entry.amount);
                if entry.on < from {
                    account.opening_balance = balance;
                } else {
                    account.entries.push(EntryAnswer {
                        on: entry.on,
                        kind: entry.kind,
                        invoice_id: entry.invoice,
                        amount: entry.amount,
                        balance,
                    });
                }
            }
            account.closing_balance = balance;
            account
        })
        .collect()
}

/// `GET /v1/billing/clients/{client}/statement`
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let StatementQuery { from, to, currency } = exchange.query()?;
    if to < from {
        return Err(Problem::malformed("to", "order", "must not lie before `from`"));
    }
    let recorded = admit(exchange, Action::Read, None)?;
    let ledgers = Ledgers::new(exchange)?;
    let mut invoices = Vec::new();
    if let Some(ledger) = ledgers.open_if_begun(&recorded)? {
        let (page, next) = ledger.list(None, INVOICES)?;
        if next.is_some() {
            return Err(Problem::conflict(
                "too-many",
                format!("A statement is made of {INVOICES} invoices at most."),
            )
            .recorded(recorded.event()));
        }
        for entry in page {
            invoices.push(ledger.read(entry.id)?.value);
        }
    }
    let accounts = accounts(&invoices, from, to, currency);
    Ok(Reply::ok(&StatementAnswer { from, to, accounts })?.recorded(recorded.event()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoice::State;
    use crate::invoice::tests::{invoice, payment, refund, told};
    use crate::payment::tests::any_fact;
    use model::{Confidential, PaymentId};
    use proptest::prelude::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn an_account_has_its_entries_in_order() {
        // Asked on the 1st, paid on the 2nd, given back on the 3rd.
        let mut invoice = invoice(100);
        invoice.pay(payment(1, 60)).unwrap();
        invoice.refund(PaymentId::from_bytes([1; 16]), refund(1, 10)).unwrap();
        let show = |from: &str, to: &str| {
            let accounts = accounts(std::slice::from_ref(&invoice), date(from), date(to), None);
            let account = accounts.into_iter().next().unwrap();
            let entries = account.entries.iter();
            let entries: Vec<_> = entries.map(|entry| (entry.kind, entry.amount, entry.balance)).collect();
            (account.opening_balance, entries, account.closing_balance)
        };
        let asked = (EntryKind::Invoice, 100, 100);
        let paid = (EntryKind::Payment, -60, 40);
        let back = (EntryKind::Refund, 10, 50);
        for (from, to, expected) in [
            ("2026-11-01", "2026-12-31", (0, vec![asked, paid, back], 50)),
            ("2026-12-01", "2026-12-01", (0, vec![asked], 100)),
            ("2026-12-02", "2026-12-02", (100, vec![paid], 40)),
            ("2026-12-03", "2026-12-31", (40, vec![back], 50)),
            ("2026-11-01", "2026-11-30", (0, vec![], 0)),
            ("2027-01-01", "2027-01-31", (50, vec![], 50)),
        ] {
            assert_eq!(show(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn each_currency_has_an_account_of_its_own() {
        let euros = invoice(100);
        let mut rupees = invoice(70);
        rupees.current.content.currency = Currency::from_code("INR").unwrap();
        let invoices = [euros, rupees];
        let show = |currency: Option<&str>| {
            let currency = currency.map(|code| Currency::from_code(code).unwrap());
            let accounts = accounts(&invoices, date("2026-01-01"), date("2026-12-31"), currency);
            let balances = accounts.iter();
            balances
                .map(|account| (account.currency.code(), account.closing_balance))
                .collect::<Vec<_>>()
        };
        assert_eq!(show(None), [("EUR", 100), ("INR", 70)]);
        assert_eq!(show(Some("INR")), [("INR", 70)]);
        assert_eq!(show(Some("JPY")), []);
    }

    proptest! {
        /// Wherever the account is cut, it goes on where it stopped; and in the end it is what the invoices say.
        #[test]
        fn an_account_adds_up(
            events in proptest::collection::vec((0..3_u8, any_fact()), 0..30),
            late in proptest::collection::vec((0..3_u8, any_fact()), 0..5),
            paid in 0..200_i64,
            void: bool,
            cut in 0..40_i64,
        ) {
            let mut invoice = invoice(600);
            for (id, facts) in events {
                invoice.apply(&told(&format!("pay_{id}"), facts));
            }
            let _ = invoice.pay(payment(1, paid));
            if void {
                let _ = invoice.void(crate::invoice::Voided {
                    by: invoice.created_by,
                    at: invoice.created_at,
                    reason: Confidential::new("A slip".to_owned()),
                });
            }
            for (id, facts) in late {
                invoice.apply(&told(&format!("pay_{id}"), facts));
            }
            let (owed, kept) = (
                if invoice.state() == State::Void { 0 } else { invoice.total() },
                invoice.received() - invoice.refunded(),
            );
            let cut = date("2026-11-20").checked_add(jiff::Span::new().days(cut)).unwrap();
            let (first, last) = (date("2026-01-01"), date("2100-01-01"));
            let invoices = [invoice];
            let one = |from, to| accounts(&invoices, from, to, None).into_iter().next().unwrap();
            let (whole, before, after) = (one(first, last), one(first, cut), one(cut.tomorrow().unwrap(), last));
            prop_assert_eq!(whole.closing_balance, owed - kept);
            prop_assert_eq!(before.closing_balance, after.opening_balance);
            prop_assert_eq!(before.entries.len() + after.entries.len(), whole.entries.len());
        }
    }
}
