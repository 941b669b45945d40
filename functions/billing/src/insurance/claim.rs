//! A claim: what an insurer is asked to pay (FHIR R4, Claim).

use datatype::{Concept, DateTime, Decimal, Period, Text, each, line};
use serde::{Deserialize, Serialize};
use web::Check;

use super::money::{Money, check_money};
use super::parts::{FEW, Heading, ITEMS, Identifier, Status, Use, check_sequences, check_service};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    identifiers: Vec<Identifier>,
    pub(super) status: Status,
    r#type: Concept,
    r#use: Use,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    billable_period: Option<Period>,
    pub(super) created: DateTime,
    provider: Text,
    priority: Concept,
    insurance: Vec<Insurance>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<Item>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Insurance {
    sequence: u32,
    /// Whether this coverage is the one that is asked.
    focal: bool,
    coverage: Text,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    sequence: u32,
    service: Concept,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serviced: Option<Period>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantity: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_price: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    net: Option<Money>,
}

impl Claim {
    /// Notes every rule that it breaks. `at` is where in the body it stands, as a JSON pointer.
    pub(super) fn check(&self, check: &mut Check, at: &str) {
        let heading = Heading {
            identifiers: &self.identifiers,
            r#type: &self.r#type,
            billable_period: self.billable_period.as_ref(),
            provider: &self.provider,
        };
        heading.check(check, at);
        self.priority.check(check, &format!("{at}/priority"));
        let coverages = format!("{at}/insurance");
        check.that(
            !self.insurance.is_empty(),
            &coverages,
            "count",
            "must have at least one entry",
        );
        check_sequences(check, self.insurance.iter().map(|one| one.sequence), &coverages);
        each(check, &self.insurance, FEW, &coverages, |check, insurance, at| {
            line(check, Some(&insurance.coverage), &format!("{at}/coverage"));
        });
        let items = format!("{at}/items");
        check_sequences(check, self.items.iter().map(|item| item.sequence), &items);
        each(check, &self.items, ITEMS, &items, |check, item, at| {
            check_service(check, &item.service, &format!("{at}/service"));
            if let Some(serviced) = &item.serviced {
                serviced.check(check, &format!("{at}/serviced"));
            }
            check_money(check, item.unit_price.as_ref(), &format!("{at}/unit_price"));
            check_money(check, item.net.as_ref(), &format!("{at}/net"));
        });
        check_money(check, self.total.as_ref(), &format!("{at}/total"));
    }
}
