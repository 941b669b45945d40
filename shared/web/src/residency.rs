//! Where a clinic's data may be kept: in its home region, and by no deployment of another one.
//!
//! A deployment knows its region, and a session says its clinic's, as `auth` attested it. So it is checked wherever it is checked
//! who asks, before anything is read or stored, whatever copy of the stores a deployment was given.

use http::StatusCode;
use model::Region;

use crate::{Exchange, Problem};

/// Where other deployments are: `region=https://base.url`, separated by spaces.
const REGIONS: &str = "regions";

impl Exchange<'_> {
    /// The region of this deployment.
    ///
    /// # Errors
    /// 503 where it is not set: data must not be kept where nobody knows that it is.
    pub fn region(&self) -> Result<Region, Problem> {
        let name = self.platform.secrets.secret("region").unwrap_or_default();
        Region::try_from(name).map_err(|error| {
            Problem::unavailable(30, "The service is not set up completely.")
                .log(format!("variable `region` (SPIN_VARIABLE_REGION) {error}"))
        })
    }

    /// Whether this deployment may have the data of a clinic that is at home in this region.
    ///
    /// # Errors
    /// 421 (RFC 9110, section 15.5.20) with the base URL of the right deployment, where this one knows it.
    pub fn check_residency(&self, home: &Region) -> Result<(), Problem> {
        if self.region()? == *home {
            return Ok(());
        }
        let regions = self.platform.secrets.secret(REGIONS).unwrap_or_default();
        let base_url = regions
            .split_ascii_whitespace()
            .filter_map(|entry| entry.split_once('='))
            .find(|(region, _)| *region == home.name())
            .map(|(_, base_url)| base_url.to_owned());
        Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "clinic-homed-elsewhere",
            "The data of this clinic is kept in another region. Nothing was stored here; send the request to `base_url`, where it is given.",
        )
        .based_at(base_url))
    }
}
