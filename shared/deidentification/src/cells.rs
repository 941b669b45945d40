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
//! The number of all is the one figure that is suppressed for being small and for nothing else. Suppressed, it says that no other is larger,
//! so no interval reaches 11 and any cell that is shown narrows the others: of one client, the one cell that is no zero is where she is. So where the
//! number of all is small, every figure is suppressed, zeros too.
//!
//! Whoever looks on is assumed to know that a suppressed figure is not zero, unless every figure is suppressed. A suppressed figure does not
//! say whether it was small itself.
//!
//! The number of all is shown wherever it is not small itself, in whatever their lists are by, and the totals of a table's rows and columns are the lists of the same
//! people by one category each. Both are the same each time. So all lists of the same people and one table of them can be published
//! together. Two tables that share a category are not protected against each other.
//!
//! Percentages, means and differences are figures too: nothing that was computed from the counts may stand beside them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "null"],
            "minimum": 0,
            "description": format!("Zero, or {THRESHOLD} and more; `null` where it is not shown."),
        })
    }
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
    /// Suppresses what has to be suppressed. The total is shown unless it is small itself: it is that of every other list of the same people.
    ///
    /// # Errors
    /// [`NoTable::Empty`], [`NoTable::TooLarge`].
    pub fn new(counts: &[u64]) -> Result<Self, NoTable> {
        check(counts, counts.len())?;
        let total = Margin::of_all(counts.iter().sum());
        // One line: its cells flow from one node to the other, and their total back.
        let cells = counts.iter().map(|count| figure(0, 1, *count));
        let figures = cells.chain([total.figure(1, 0)]).collect();
        // Without a way to protect them the cells tell nothing but that they come to the total, and each may be anything up to that.
        Ok(Self {
            cells: publish(Network { nodes: 2, figures }, counts.len(), &total),
            total: total.shown,
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
    /// Suppresses what has to be suppressed, between totals that are those of [`PublishedList`]. Where the cells can't be protected between them, all
    /// are suppressed.
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
        let row_sums: Vec<u64> = rows.iter().map(|row| row.iter().sum()).collect();
        let column_sums: Vec<u64> = (0..width)
            .map(|at| rows.iter().filter_map(|row| row.get(at)).sum())
            .collect();
        let row_totals = PublishedList::new(&row_sums)?;
        let column_totals = PublishedList::new(&column_sums)?;
        let margins = |sums: &[u64], list: &PublishedList| -> Vec<Margin> {
            let figures = sums.iter().zip(&list.cells);
            figures
                .map(|(count, shown)| Margin {
                    count: *count,
                    shown: *shown,
                })
                .collect()
        };
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
        }
        for (index, margin) in margins(&row_sums, &row_totals).iter().enumerate() {
            figures.push(margin.figure(right, index));
        }
        for (at, margin) in margins(&column_sums, &column_totals).iter().enumerate() {
            figures.push(margin.figure(column(at), bottom));
        }
        let total = Margin::of_all(counts.iter().sum());
        figures.push(total.figure(bottom, right));
        let network = Network {
            nodes: right + 1,
            figures,
        };
        // Without its cells a table says what the lists do, and a cell may be anything up to the smaller of its two totals.
        let cells = publish(network, counts.len(), &total);
        Ok(Self {
            rows: cells.chunks(width).map(<[Count]>::to_vec).collect(),
            total: row_totals.total,
            row_totals: row_totals.cells,
            column_totals: column_totals.cells,
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
        is_fixed: false,
    }
}

/// A total that is published in more than one place.
struct Margin {
    count: u64,
    shown: Count,
}

impl Margin {
    /// The number of all.
    fn of_all(count: u64) -> Self {
        let shown = if is_small(count) {
            Count::Suppressed
        } else {
            Count::Shown(count)
        };
        Self { count, shown }
    }

    fn figure(&self, from: usize, to: usize) -> Figure {
        Figure {
            from,
            to,
            count: self.count,
            is_hidden: self.shown == Count::Suppressed,
            is_fixed: true,
        }
    }
}

/// The first `cells` of the figures as they may be shown beside the others: all suppressed where the number of all is small, or where there is
/// no other way to protect them.
fn publish(mut network: Network, cells: usize, of_all: &Margin) -> Vec<Count> {
    let small = network
        .figures
        .iter()
        .enumerate()
        .filter(|(_, figure)| is_small(figure.count));
    let needs: Vec<(usize, u64)> = small.map(|(index, figure)| (index, THRESHOLD - figure.count)).collect();
    network.protect(&needs);
    let figures = network.figures.iter().enumerate();
    let is_protected = !is_small(of_all.count)
        && needs.iter().all(|(index, rise)| network.can_rise(*index, *rise))
        && figures
            .filter(|(_, figure)| figure.is_hidden)
            .all(|(index, _)| network.can_change(index));
    let count = |figure: &Figure| {
        if figure.is_hidden || !is_protected {
            Count::Suppressed
        } else {
            Count::Shown(figure.count)
        }
    };
    network.figures.iter().take(cells).map(count).collect()
}
