//! Amounts as insurers write them.

use datatype::{Decimal, MinorUnits};
use schemars::JsonSchema;
use serde::Deserialize;
use web::Check;

use crate::money::{Amount, Currency};

/// An amount in minor units. Insurers adjudicate to fractions of a cent: then it is rounded half up, and `exact` is what they wrote.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Money {
    currency: Currency,
    minor_units: Amount,
    /// Left out where nothing was rounded.
    exact: Option<Decimal>,
}

impl Money {
    /// Notes where there are two amounts in it, or one in two ways.
    pub(super) fn check(&self, check: &mut Check, at: &str) {
        let Some(exact) = &self.exact else { return };
        let meant = MinorUnits {
            whole: self.minor_units.minor_units(),
            is_rounded: true,
        };
        let digits = usize::from(self.currency.minor_digits());
        check.that(
            MinorUnits::of(exact.expose(), digits) == Some(meant),
            format!("{at}/exact"),
            "exact",
            "must be the same amount before it was rounded half up to minor units, and is left out where nothing was rounded",
        );
    }
}

/// Notes what is wrong with an amount that there may be.
pub(super) fn check_money(check: &mut Check, money: Option<&Money>, at: &str) {
    if let Some(money) = money {
        money.check(check, at);
    }
}
