//! A claim: what an insurer is asked to pay (FHIR R4, Claim).

use datatype::{Concept, DateTime, Decimal, Period, Text, each, line};
use schemars::JsonSchema;
use serde::Deserialize;
use web::Check;

use super::money::{Money, check_money};
use super::parts::{FEW, Heading, ITEMS, Identifier, Status, Use, check_sequences, check_service};

/// What an insurer is asked to pay (FHIR R4, Claim).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read and not looked at is of its type by being read")]
pub(crate) struct Claim {
    #[serde(default)]
    identifiers: Vec<Identifier>,
    status: Status,
    r#type: Concept,
    r#use: Use,
    billable_period: Option<Period>,
    created: DateTime,
    provider: Text,
    priority: Concept,
    insurance: Vec<Insurance>,
    #[serde(default)]
    items: Vec<Item>,
    total: Option<Money>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read and not looked at is of its type by being read")]
#[schemars(rename = "ClaimInsurance")]
struct Insurance {
    sequence: u32,
    /// Whether this coverage is the one that is asked.
    focal: bool,
    coverage: Text,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read and not looked at is of its type by being read")]
#[schemars(rename = "ClaimItem")]
struct Item {
    sequence: u32,
    service: Concept,
    serviced: Option<Period>,
    quantity: Option<Decimal>,
    unit_price: Option<Money>,
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
