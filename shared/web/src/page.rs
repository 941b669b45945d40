use crate::Problem;

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
