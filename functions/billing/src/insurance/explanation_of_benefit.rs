//! An explanation of benefit: what an insurer says became of a claim (FHIR R4, ExplanationOfBenefit).

use datatype::{Concept, DateTime, Decimal, PartialDate, Period, Text, each, line};
use model::ClaimId;
use schemars::JsonSchema;
use serde::Deserialize;
use web::Check;

use super::money::{Money, check_money};
use super::parts::{FEW, Heading, ITEMS, Identifier, Status, Use, check_sequences, check_service};

/// What an insurer says became of a claim (FHIR R4, ExplanationOfBenefit).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read and not looked at is of its type by being read")]
pub(crate) struct ExplanationOfBenefit {
    #[serde(default)]
    identifiers: Vec<Identifier>,
    status: Status,
    r#type: Concept,
    r#use: Use,
    billable_period: Option<Period>,
    created: DateTime,
    insurer: Text,
    provider: Text,
    /// Of which claim. It need not be kept here.
    claim: Option<ClaimId>,
    outcome: Outcome,
    disposition: Option<Text>,
    insurance: Vec<Insurance>,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    totals: Vec<Total>,
    payment: Option<Payment>,
}

/// FHIR R4, value set `remittance-outcome`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RemittanceOutcome")]
enum Outcome {
    Queued,
    Complete,
    Error,
    Partial,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read and not looked at is of its type by being read")]
#[schemars(rename = "ExplanationOfBenefitInsurance")]
struct Insurance {
    /// Whether this coverage is the one that was asked.
    focal: bool,
    coverage: Text,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read and not looked at is of its type by being read")]
#[schemars(rename = "ExplanationOfBenefitItem")]
struct Item {
    sequence: u32,
    service: Concept,
    category: Option<Concept>,
    serviced: Option<Period>,
    location: Option<Concept>,
    quantity: Option<Decimal>,
    unit_price: Option<Money>,
    net: Option<Money>,
    #[serde(default)]
    adjudications: Vec<Adjudication>,
}

/// What was decided of an item.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Adjudication {
    category: Concept,
    reason: Option<Concept>,
    amount: Option<Money>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExplanationOfBenefitTotal")]
struct Total {
    category: Concept,
    amount: Money,
}

/// An amount, a date, or both.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExplanationOfBenefitPayment")]
struct Payment {
    amount: Option<Money>,
    date: Option<PartialDate>,
}

fn check_concept(check: &mut Check, concept: Option<&Concept>, at: &str) {
    if let Some(concept) = concept {
        concept.check(check, at);
    }
}

impl Item {
    fn check(&self, check: &mut Check, at: &str) {
        check_service(check, &self.service, &format!("{at}/service"));
        check_concept(check, self.category.as_ref(), &format!("{at}/category"));
        check_concept(check, self.location.as_ref(), &format!("{at}/location"));
        if let Some(serviced) = &self.serviced {
            serviced.check(check, &format!("{at}/serviced"));
        }
        check_money(check, self.unit_price.as_ref(), &format!("{at}/unit_price"));
        check_money(check, self.net.as_ref(), &format!("{at}/net"));
        let adjudications = format!("{at}/adjudications");
        each(check, &self.adjudications, FEW, &adjudications, |check, one, at| {
            one.category.check(check, &format!("{at}/category"));
            check_concept(check, one.reason.as_ref(), &format!("{at}/reason"));
            check_money(check, one.amount.as_ref(), &format!("{at}/amount"));
        });
    }
}

impl ExplanationOfBenefit {
    /// Notes every rule that it breaks. `at` is where in the body it stands, as a JSON pointer.
    pub(super) fn check(&self, check: &mut Check, at: &str) {
        let heading = Heading {
            identifiers: &self.identifiers,
            r#type: &self.r#type,
            billable_period: self.billable_period.as_ref(),
            provider: &self.provider,
        };
        heading.check(check, at);
        line(check, Some(&self.insurer), &format!("{at}/insurer"));
        line(check, self.disposition.as_ref(), &format!("{at}/disposition"));
        let coverages = format!("{at}/insurance");
        check.that(
            !self.insurance.is_empty(),
            &coverages,
            "count",
            "must have at least one entry",
        );
        each(check, &self.insurance, FEW, &coverages, |check, insurance, at| {
            line(check, Some(&insurance.coverage), &format!("{at}/coverage"));
        });
        let items = format!("{at}/items");
        check_sequences(check, self.items.iter().map(|item| item.sequence), &items);
        each(check, &self.items, ITEMS, &items, |check, item, at| {
            item.check(check, at)
        });
        each(check, &self.totals, FEW, &format!("{at}/totals"), |check, total, at| {
            total.category.check(check, &format!("{at}/category"));
            total.amount.check(check, &format!("{at}/amount"));
        });
        if let Some(payment) = &self.payment {
            let at = format!("{at}/payment");
            check_money(check, payment.amount.as_ref(), &format!("{at}/amount"));
            check.that(
                payment.amount.is_some() || payment.date.is_some(),
                at,
                "content",
                "must have an amount or a date",
            );
        }
    }
}
