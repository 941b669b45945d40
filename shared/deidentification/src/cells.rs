//! Counts that may be published: small ones suppressed, and others with them until none can be computed.
//!
//! The rule is that of the Centers for Medicare & Medicaid Services (CMS Cell Size Suppression Policy): no cell of 1 to 10 is shown, zero
//! may be, and no figure may be shown from which one of 1 to 10 can be derived. "Can be derived" is taken as the *Handbook on Statistical
//! Disclosure Control* takes it (Hundepool et al., ESSnet SDC, 2010, section 4.3): what matters is the interval of values that a suppressed
//! figure may have for somebody who knows all that is shown. Here:
//!
//! * the interval of a figure of 1 to 10 reaches 11 or more, so nobody learns that it is small;
//! * the interval of every suppressed figure holds at least two values, so none can be computed.
//!
//! Whoever looks on is assumed to know that a suppressed figure is not zero. Totals are figures like the others, and may be suppressed too.
//! A suppressed figure does not say whether it was small itself.
//!
//! Percentages, means and differences are figures too: nothing that was computed from the counts may stand beside them. Two tables of the
//! same people are not protected against each other: publish one.

use serde::{Serialize, Serializer};

use crate::network::{Figure, Network};

/// The smallest count that is shown, zero aside.
pub const THRESHOLD: u64 = 11;

/// The most cells of a table, so that protecting it takes no longer than a request may.
const MOST_CELLS: usize = 400;

/// The highest count: more than there are people.
const HIGHEST: u64 = 100_000_000_000;

/// A figure as it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Zero, or [`THRESHOLD`] and more.
    Shown(u64),
    /// Not shown.
    Suppressed,
}

/// A number, or `null`.
impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown(count) => serializer.serialize_u64(*count),
            Self::Suppressed => serializer.serialize_none(),
        }
    }
}

/// Why counts cannot be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTable {
    /// There is no cell.
    #[error("there are no counts")]
    Empty,
    /// Rows differ in length.
    #[error("rows must have the same length")]
    Ragged,
    /// More than 400 cells, or a count above 100 000 000 000.
    #[error("there must be at most 400 counts, of at most 100 000 000 000")]
    TooLarge,
}

/// Counts by one category, and their total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedList {
    cells: Vec<Count>,
    total: Count,
}

/// Counts by two categories, with the totals of rows and columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedTable {
    rows: Vec<Vec<Count>>,
    row_totals: Vec<Count>,
    column_totals: Vec<Count>,
    total: Count,
}

impl PublishedList {
    /// Suppresses what has to be suppressed.
    ///
    /// # Errors
    /// [`NoTable::Empty`], [`NoTable::TooLarge`].
    pub fn new(counts: &[u64]) -> Result<Self, NoTable> {
        check(counts, counts.len())?;
        // One line: its cells flow from one node to the other, and their total back.
        let cells = counts.iter().map(|count| figure(0, 1, *count));
        let figures = cells.chain([figure(1, 0, counts.iter().sum())]).collect();
        let mut published = publish(Network { nodes: 2, figures });
        let total = published.pop().unwrap_or(Count::Suppressed);
        Ok(Self {
            cells: published,
            total,
        })
    }

    /// The counts, in the order in which they were given.
    #[must_use]
    pub fn cells(&self) -> &[Count] {
        &self.cells
    }

    /// Their total.
    #[must_use]
    pub fn total(&self) -> Count {
        self.total
    }
}

impl PublishedTable {
    /// Suppresses what has to be suppressed.
    ///
    /// # Errors
    /// [`NoTable`].
    pub fn new(rows: &[Vec<u64>]) -> Result<Self, NoTable> {
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != width) {
            return Err(NoTable::Ragged);
        }
        let counts: Vec<u64> = rows.concat();
        check(&counts, counts.len())?;
        // Nodes: the rows, the row of the columns' totals, the columns, the column of the rows' totals.
        let (bottom, right) = (rows.len(), rows.len() + 1 + width);
        let column = |index: usize| rows.len() + 1 + index;
        let mut figures = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            figures.extend(
                row.iter()
                    .enumerate()
                    .map(|(at, count)| figure(index, column(at), *count)),
            );
            figures.push(figure(right, index, row.iter().sum()));
        }
        for at in 0..width {
            figures.push(figure(
                column(at),
                bottom,
                rows.iter().filter_map(|row| row.get(at)).sum(),
            ));
        }
        figures.push(figure(bottom, right, counts.iter().sum()));
        let published = publish(Network {
            nodes: right + 1,
            figures,
        });

        let mut lines = published
            .chunks(width + 1)
            .map(|line| line.split_last().map(|(total, cells)| (cells.to_vec(), *total)));
        let (last, total) = lines.next_back().flatten().ok_or(NoTable::Empty)?;
        let (rows, row_totals) = lines.flatten().unzip();
        Ok(Self {
            rows,
            row_totals,
            column_totals: last,
            total,
        })
    }

    /// The counts, row by row.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Count>] {
        &self.rows
    }

    /// The total of each row.
    #[must_use]
    pub fn row_totals(&self) -> &[Count] {
        &self.row_totals
    }

    /// The total of each column.
    #[must_use]
    pub fn column_totals(&self) -> &[Count] {
        &self.column_totals
    }

    /// The total of all.
    #[must_use]
    pub fn total(&self) -> Count {
        self.total
    }
}

fn check(counts: &[u64], cells: usize) -> Result<(), NoTable> {
    if counts.is_empty() {
        return Err(NoTable::Empty);
    }
    let is_small = cells <= MOST_CELLS && counts.iter().all(|count| *count <= HIGHEST);
    if is_small { Ok(()) } else { Err(NoTable::TooLarge) }
}

fn is_small(count: u64) -> bool {
    (1..THRESHOLD).contains(&count)
}

fn figure(from: usize, to: usize, count: u64) -> Figure {
    Figure {
        from,
        to,
        count,
        is_hidden: is_small(count),
    }
}

fn publish(mut network: Network) -> Vec<Count> {
    let small = network
        .figures
        .iter()
        .enumerate()
        .filter(|(_, figure)| is_small(figure.count));
    let needs: Vec<(usize, u64)> = small.map(|(index, figure)| (index, THRESHOLD - figure.count)).collect();
    network.protect(&needs);
    // `protect` leaves nothing to be found here. Should it ever: with all but the zeros hidden, every figure can rise without bound.
    let hidden = || {
        network
            .figures
            .iter()
            .enumerate()
            .filter(|(_, figure)| figure.is_hidden)
    };
    let is_protected = needs.iter().all(|(index, rise)| network.can_rise(*index, *rise))
        && hidden().all(|(index, _)| network.can_change(index));
    let count = |figure: &Figure| {
        if figure.is_hidden || (!is_protected && figure.count > 0) {
            Count::Suppressed
        } else {
            Count::Shown(figure.count)
        }
    };
    network.figures.iter().map(count).collect()
}
