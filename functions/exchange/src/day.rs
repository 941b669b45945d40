//! Which day it is.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use web::Exchange;

/// The day of the request, in UTC.
pub(crate) fn of(exchange: &Exchange<'_>) -> Date {
    exchange.platform.clock.now().to_zoned(TimeZone::UTC).date()
}
