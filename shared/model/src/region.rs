//! Where data lies.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
const LONGEST: usize = 32;

/// A region that a deployment keeps its data in, by the name that its operator gives it, such as `ca-toronto`. A clinic's data stays in
/// its home region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

/// A text that is no region's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 lower-case letters, digits and hyphens, such as ca-toronto")]
pub struct NoRegion;

impl Region {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Region {
    type Error = NoRegion;

    fn try_from(name: String) -> Result<Self, NoRegion> {
        let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=LONGEST).contains(&name.len()) && name.bytes().all(is_known) {
            Ok(Self(name))
        } else {
            Err(NoRegion)
        }
    }
}

impl FromStr for Region {
    type Err = NoRegion;

    fn from_str(name: &str) -> Result<Self, NoRegion> {
        Self::try_from(name.to_owned())
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        for name in ["local", "ca-toronto", "eu-1", &"a".repeat(32)] {
            assert_eq!(
                name.parse::<Region>().map(|region| region.to_string()),
                Ok(name.to_owned())
            );
        }
        for name in ["", "CA", "ca toronto", "ca_toronto", "ca=x", "é", &"a".repeat(33)] {
            assert_eq!(name.parse::<Region>(), Err(NoRegion), "{name}");
        }
    }
}
