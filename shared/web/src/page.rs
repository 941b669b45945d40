use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Exchange, Problem};

/// How many entries a page has when the caller does not say.
const USUAL: usize = 50;

/// How many entries a page may have.
const MOST: usize = 200;

/// The size of a page, from the query parameter `limit`.
///
/// # Errors
/// 400 where it is not 1 to 200.
pub fn page_size(limit: Option<usize>) -> Result<usize, Problem> {
    match limit {
        None => Ok(USUAL),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(_) => Err(Problem::malformed("limit", "range", format!("must be 1 to {MOST}"))),
    }
}

/// The parameters of a list that is shown page by page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// The `next` of the page before.
    pub cursor: Option<u64>,
    /// How many at most.
    pub limit: Option<usize>,
}

/// Which versions of something a page has: newest first, the first page beginning with the current one. Versions are numbered without a gap from 1.
#[derive(Debug, Clone, Copy)]
pub struct VersionsPage {
    cursor: Option<u64>,
    limit: usize,
}

impl VersionsPage {
    /// The page that the query says.
    ///
    /// # Errors
    /// 400 where it makes no sense.
    pub fn by(exchange: &Exchange<'_>) -> Result<Self, Problem> {
        let PageQuery { cursor, limit } = exchange.query()?;
        Self::new(cursor, limit)
    }

    /// The page that a request wants.
    ///
    /// # Errors
    /// As [`page_size`].
    pub fn new(cursor: Option<u64>, limit: Option<usize>) -> Result<Self, Problem> {
        let limit = page_size(limit)?;
        Ok(Self { cursor, limit })
    }

    /// The current version, where it is on the page.
    pub fn current<T>(self, current: T) -> Option<T> {
        self.cursor.is_none().then_some(current)
    }

    /// Below which version the earlier ones of the page are, where this is the current one.
    #[must_use]
    pub fn before(self, current: u64) -> u64 {
        self.cursor.unwrap_or(current).min(current)
    }

    /// How many earlier ones it has at most.
    #[must_use]
    pub fn earlier(self) -> usize {
        self.limit.saturating_sub(usize::from(self.cursor.is_none()))
    }

    /// Where the next page begins: `last` is the lowest of the earlier versions on this one.
    #[must_use]
    pub fn next(self, current: u64, last: Option<u64>) -> Option<String> {
        let last = last.or(self.current(current));
        last.filter(|last| *last > 1).map(|last| last.to_string())
    }
}
