//! Somebody who has all that is published, and tries every table.

use proptest::prelude::*;
use serde_json::json;

use crate::network::{Figure, Network};
use crate::{Count, NoTable, PublishedList, PublishedTable, THRESHOLD};

/// A table with its totals, as it is or as somebody thinks it might be: rows and, last, the columns' totals; in each, last, the total.
fn with_totals(rows: &[Vec<u64>]) -> Vec<Vec<u64>> {
    let mut lines: Vec<Vec<u64>> = rows.to_vec();
    lines.push(
        (0..rows[0].len())
            .map(|at| rows.iter().map(|row| row[at]).sum())
            .collect(),
    );
    for line in &mut lines {
        line.push(line.iter().sum());
    }
    lines
}

fn published(table: &PublishedTable) -> Vec<Vec<Count>> {
    let mut lines: Vec<Vec<Count>> = table.rows().to_vec();
    for (line, total) in lines.iter_mut().zip(table.row_totals()) {
        line.push(*total);
    }
    let mut last = table.column_totals().to_vec();
    last.push(table.total());
    lines.push(last);
    lines
}

/// The rules by which figures are suppressed, as far as they tell of them: what a suppressed one is at least, and the number of all at most.
#[derive(Clone, Copy)]
struct Rules {
    cell: u64,
    row_total: u64,
    column_total: u64,
    most_of_all: u64,
}

/// Whether nothing of these figures is shown: then it may be that of zeros too.
fn is_withheld<'c>(figures: impl IntoIterator<Item = &'c Count>) -> bool {
    figures.into_iter().all(|figure| *figure == Count::Suppressed)
}

/// Every table of up to `most(cell)` in each cell that agrees with what is published and with the rules by which something is suppressed; until
/// `seen` has seen enough.
fn try_all(shown: &[Vec<Count>], most: &[Vec<u64>], rules: Rules, seen: &mut dyn FnMut(&[Vec<u64>]) -> bool) {
    fn go(
        shown: &[Vec<Count>],
        most: &[Vec<u64>],
        rules: Rules,
        guess: &mut Vec<Vec<u64>>,
        at: usize,
        seen: &mut dyn FnMut(&[Vec<u64>]) -> bool,
    ) -> bool {
        let (height, width) = (most.len(), most[0].len());
        let (row, column) = (at / width, at % width);
        let so_far: u64 = guess.iter().take(row + 1).flatten().take(at).sum();
        let most_of_all = match shown[height][width] {
            Count::Shown(total) => total,
            Count::Suppressed => rules.most_of_all,
        };
        if so_far > most_of_all {
            return false;
        }
        if column == 0 && row > 0 {
            let total: u64 = guess[row - 1].iter().sum();
            if matches!(shown[row - 1][width], Count::Shown(known) if known != total) {
                return false;
            }
        }
        if row == height {
            let whole = with_totals(guess);
            let agrees = whole.iter().zip(shown).enumerate().all(|(row, (whole, shown))| {
                whole.iter().zip(shown).enumerate().all(|(column, (count, shown))| {
                    let range = match (row < height, column < width) {
                        (true, true) => rules.cell..=u64::MAX,
                        (true, false) => rules.row_total..=u64::MAX,
                        (false, true) => rules.column_total..=u64::MAX,
                        (false, false) => 1..=rules.most_of_all,
                    };
                    match shown {
                        Count::Shown(known) => known == count,
                        Count::Suppressed => range.contains(count),
                    }
                })
            });
            return agrees && seen(&whole);
        }
        let mut range = match shown[row][column] {
            Count::Shown(known) => known..=known,
            Count::Suppressed => rules.cell..=most[row][column],
        };
        // The last of a line whose total is shown can only be one thing.
        let ends = [
            (
                column + 1 == width,
                shown[row][width],
                guess[row][..column].iter().sum::<u64>(),
            ),
            (
                row + 1 == height,
                shown[height][column],
                guess[..row].iter().map(|line| line[column]).sum(),
            ),
        ];
        for (is_last, total, before) in ends {
            if let (true, Count::Shown(total)) = (is_last, total) {
                let Some(rest) = total.checked_sub(before).filter(|rest| range.contains(rest)) else {
                    return false;
                };
                range = rest..=rest;
            }
        }
        for count in range {
            guess[row][column] = count;
            if go(shown, most, rules, guess, at + 1, seen) {
                return true;
            }
        }
        false
    }
    let mut guess = vec![vec![0; most[0].len()]; most.len()];
    go(shown, most, rules, &mut guess, 0, seen);
}

/// What the attacker finds out: nothing.
fn assert_protected(rows: &[Vec<u64>]) {
    let shown = published(&PublishedTable::new(rows).unwrap());
    let truth = with_totals(rows);
    let figures: Vec<(usize, usize)> = (0..truth.len())
        .flat_map(|row| (0..truth[0].len()).map(move |at| (row, at)))
        .collect();
    // How many values each may have, and the highest.
    let mut found = vec![vec![(0_u64, u64::MAX, 0_u64); truth[0].len()]; truth.len()];
    for (row, at) in &figures {
        match shown[*row][*at] {
            Count::Shown(count) => {
                assert_eq!(count, truth[*row][*at], "what is shown is true: {rows:?}");
                assert!(count == 0 || count >= THRESHOLD, "{rows:?}: {shown:?}");
            }
            Count::Suppressed => {}
        }
    }
    let lists = [
        PublishedList::new(
            &truth
                .iter()
                .take(rows.len())
                .map(|line| *line.last().unwrap())
                .collect::<Vec<_>>(),
        ),
        PublishedList::new(&truth[rows.len()][..rows[0].len()]),
    ]
    .map(Result::unwrap);
    for (list, margin) in lists.iter().zip([
        shown[..rows.len()].iter().map(|line| *line.last().unwrap()).collect(),
        shown[rows.len()][..rows[0].len()].to_vec(),
    ]) {
        let margin: Vec<Count> = margin;
        assert_eq!(list.cells(), margin, "the totals are those of the lists: {rows:?}");
        assert_eq!(list.total(), *shown.last().unwrap().last().unwrap());
    }
    let open: Vec<(usize, usize)> = figures
        .into_iter()
        .filter(|(row, at)| shown[*row][*at] == Count::Suppressed)
        .collect();
    if open.is_empty() {
        return;
    }
    let (height, width) = (rows.len(), rows[0].len());
    let total_is_hidden = shown[height][width] == Count::Suppressed;
    let is_enough = |(row, at): &(usize, usize), found: &[Vec<(u64, u64, u64)>]| {
        let (_, lowest, highest) = found[*row][*at];
        if total_is_hidden {
            // Of so few, each figure may be of all of them or, unless it is the number of all under another name, of nobody.
            let is_of_all = (*row == height || height == 1) && (*at == width || width == 1);
            return lowest == u64::from(is_of_all) && highest == THRESHOLD - 1;
        }
        // What can only be zero or large tells of nobody.
        let is_large = |count| count == 0 || count >= THRESHOLD;
        (lowest < highest && (is_large(truth[*row][*at]) || highest >= THRESHOLD))
            || (lowest == highest && is_large(lowest))
    };
    // Whoever moves one figure by so much has to move no other by more.
    let small = truth.iter().flatten().filter(|count| (1..THRESHOLD).contains(*count));
    let reach = small.map(|count| THRESHOLD - count).max().unwrap_or(1);
    let all = *truth.last().unwrap().last().unwrap();
    let most: Vec<Vec<u64>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|count| (count + reach).max(all.min(THRESHOLD + 1)))
                .map(|most| if total_is_hidden { THRESHOLD - 1 } else { most })
                .collect()
        })
        .collect();
    let least = |is_withheld: bool| u64::from(!is_withheld);
    let rules = Rules {
        cell: least(is_withheld(shown[..height].iter().flat_map(|line| &line[..width]))),
        row_total: least(is_withheld(shown[..height].iter().map(|line| &line[width]))),
        column_total: least(is_withheld(&shown[height][..width])),
        // The number of all is suppressed where it is small, and nowhere else.
        most_of_all: THRESHOLD - 1,
    };
    try_all(&shown, &most, rules, &mut |guess| {
        for (row, at) in &open {
            let (tables, lowest, highest) = &mut found[*row][*at];
            *tables += 1;
            *lowest = (*lowest).min(guess[*row][*at]);
            *highest = (*highest).max(guess[*row][*at]);
        }
        open.iter().all(|figure| is_enough(figure, &found))
    });
    for figure in &open {
        assert!(is_enough(figure, &found), "{figure:?} of {rows:?} is known: {shown:?}");
    }
}

#[test]
fn no_suppressed_figure_of_any_small_table_can_be_computed() {
    let counts = [0, 1, 4, 10, 11, 25];
    for a in counts {
        for b in counts {
            assert_protected(&[vec![a], vec![b]]);
            for c in counts {
                assert_protected(&[vec![a, b, c]]);
                for d in counts {
                    assert_protected(&[vec![a, b], vec![c, d]]);
                }
            }
        }
    }
}

/// The counts of a list, from which a line of one row differs in that its columns have no totals.
#[test]
fn no_suppressed_count_of_any_short_list_can_be_computed() {
    let counts = [0, 1, 2, 9, 10, 11, 12, 40];
    for a in counts {
        for b in counts {
            for c in counts {
                let list = [a, b, c];
                let published = PublishedList::new(&list).unwrap();
                let figures = published.cells().iter().copied().chain([published.total()]);
                let truth: Vec<u64> = list.into_iter().chain([a + b + c]).collect();
                let figures: Vec<(Count, u64)> = figures.zip(truth).collect();
                let (mut lowest, mut highest) = ([u64::MAX; 4], [0; 4]);
                let range = |at: usize| match figures[at].0 {
                    Count::Shown(count) => count..=count,
                    Count::Suppressed => u64::from(at == 3 || !is_withheld(published.cells()))..=60,
                };
                for x in range(0) {
                    for y in range(1) {
                        for z in range(2) {
                            let total = x + y + z;
                            if matches!(figures[3].0, Count::Shown(known) if known != total) {
                                continue;
                            }
                            if figures[3].0 == Count::Suppressed && !(1..THRESHOLD).contains(&total) {
                                continue;
                            }
                            for (at, guess) in [x, y, z, total].into_iter().enumerate() {
                                lowest[at] = lowest[at].min(guess);
                                highest[at] = highest[at].max(guess);
                            }
                        }
                    }
                }
                for (at, (figure, truth)) in figures.iter().enumerate() {
                    match figure {
                        Count::Shown(count) => assert!(count == truth && (*count == 0 || *count >= THRESHOLD)),
                        Count::Suppressed if figures[3].0 == Count::Suppressed => {
                            let least = u64::from(at == 3);
                            assert_eq!((lowest[at], highest[at]), (least, 10), "{list:?}: {published:?}");
                        }
                        Count::Suppressed => {
                            assert!(lowest[at] < highest[at], "{list:?}: {published:?}");
                            assert!(
                                *truth == 0 || *truth >= THRESHOLD || highest[at] >= THRESHOLD,
                                "{list:?}: {published:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nor_of_wider_ones(counts in proptest::collection::vec(prop_oneof![2 => 0_u64..14, 1 => 11_u64..40], 6)) {
        assert_protected(&[counts[..3].to_vec(), counts[3..].to_vec()]);
    }

    /// Larger than anybody can try: the audit by flows, which the next property holds against trying.
    #[test]
    fn large_tables_come_out_and_are_not_all_suppressed(
        rows in proptest::collection::vec(proptest::collection::vec(prop_oneof![1 => 0_u64..11, 4 => 30_u64..3000], 12), 12),
    ) {
        let table = PublishedTable::new(&rows).unwrap();
        let truth = with_totals(&rows);
        for (shown, truth) in published(&table).iter().flatten().zip(truth.iter().flatten()) {
            match shown {
                Count::Shown(count) => prop_assert!(count == truth && (*count == 0 || *count >= THRESHOLD)),
                Count::Suppressed => prop_assert!(*truth > 0),
            }
        }
        prop_assert!(table.rows().iter().flatten().any(|cell| matches!(cell, Count::Shown(_))));
        prop_assert_eq!(table.total(), Count::Shown(truth[12][12]));
    }

    /// How far a hidden figure can rise, and whether it can change at all, is what trying every table comes to: whatever is hidden.
    #[test]
    fn flows_say_what_trying_says(counts in proptest::collection::vec(1_u64..6, 4), hidden in proptest::collection::vec(any::<bool>(), 9), by in 1_u64..4) {
        let rows = [counts[..2].to_vec(), counts[2..].to_vec()];
        let truth = with_totals(&rows);
        let shown: Vec<Vec<Count>> = truth.iter().enumerate().map(|(row, line)| {
            line.iter().enumerate().map(|(at, count)| if hidden[3 * row + at] { Count::Suppressed } else { Count::Shown(*count) }).collect()
        }).collect();
        // Nodes: rows 0 and 1, the columns' totals 2, columns 3 and 4, the rows' totals 5.
        let ends = [(0, 3), (0, 4), (5, 0), (1, 3), (1, 4), (5, 1), (3, 2), (4, 2), (2, 5)];
        let figures = ends.iter().enumerate().map(|(index, (from, to))| Figure {
            from: *from, to: *to, count: truth[index / 3][index % 3], is_hidden: hidden[index], is_fixed: false,
        });
        let network = Network { nodes: 6, figures: figures.collect() };
        let most: Vec<Vec<u64>> = rows.iter().map(|row| row.iter().map(|count| count + 2 * by).collect()).collect();
        let mut values = vec![std::collections::BTreeSet::new(); 9];
        let rules = Rules { cell: 1, row_total: 1, column_total: 1, most_of_all: u64::MAX };
        try_all(&shown, &most, rules, &mut |guess| {
            for (index, values) in values.iter_mut().enumerate() {
                values.insert(guess[index / 3][index % 3]);
            }
            false
        });
        for index in (0..9).filter(|index| hidden[*index]) {
            let count = truth[index / 3][index % 3];
            prop_assert_eq!(network.can_rise(index, by), values[index].iter().any(|value| *value >= count + by), "{} {:?}", index, values);
            prop_assert_eq!(network.can_change(index), values[index].len() > 1, "{} {:?}", index, values);
        }
    }
}

#[test]
fn a_table_without_small_counts_is_shown_whole() {
    let table = PublishedTable::new(&[vec![11, 0], vec![200, 12]]).unwrap();
    assert_eq!(
        serde_json::to_value(&table).unwrap(),
        json!({"rows": [[11, 0], [200, 12]], "row_totals": [11, 212], "column_totals": [211, 12], "total": 223})
    );
    assert_eq!(
        serde_json::to_value(PublishedList::new(&[0, 0]).unwrap()).unwrap(),
        json!({"cells": [0, 0], "total": 0})
    );
}

/// One small count takes as few others with it as it can, and small ones.
#[test]
fn a_small_count_takes_a_square_with_it() {
    let table = PublishedTable::new(&[vec![3, 20, 500], vec![30, 40, 600], vec![700, 800, 900]]).unwrap();
    assert_eq!(
        serde_json::to_value(table.rows()).unwrap(),
        json!([[null, null, 500], [null, null, 600], [700, 800, 900]])
    );
    assert_eq!(table.total(), Count::Shown(3593));
    let list = PublishedList::new(&[3, 50, 20]).unwrap();
    assert_eq!(
        serde_json::to_value(list).unwrap(),
        json!({"cells": [null, 50, null], "total": 73})
    );
    // Two small ones that come to less than eleven would be small together.
    let list = PublishedList::new(&[3, 4, 50, 20]).unwrap();
    assert_eq!(
        serde_json::to_value(list).unwrap(),
        json!({"cells": [null, null, 50, null], "total": 77})
    );
}

/// Of one client, a zero anywhere says where she is not, and the only cell without one where she is.
#[test]
fn of_few_people_nothing_is_shown() {
    for counts in [[1, 0, 0], [0, 0, 10], [3, 0, 0], [3, 3, 4]] {
        let list = PublishedList::new(&counts).unwrap();
        assert_eq!(
            serde_json::to_value(list).unwrap(),
            json!({"cells": [null, null, null], "total": null})
        );
        let table = PublishedTable::new(&[counts.to_vec(), vec![0; 3]]).unwrap();
        assert_eq!(
            serde_json::to_value(table).unwrap(),
            json!({"rows": [[null, null, null], [null, null, null]], "row_totals": [null, null],
                "column_totals": [null, null, null], "total": null})
        );
    }
    let list = PublishedList::new(&[11, 0, 0]).unwrap();
    assert_eq!(
        serde_json::to_value(list).unwrap(),
        json!({"cells": [11, 0, 0], "total": 11})
    );
}

#[test]
fn what_is_no_table_is_refused() {
    assert_eq!(PublishedList::new(&[]), Err(NoTable::Empty));
    assert_eq!(PublishedTable::new(&[]), Err(NoTable::Empty));
    assert_eq!(PublishedTable::new(&[vec![], vec![]]), Err(NoTable::Empty));
    assert_eq!(PublishedTable::new(&[vec![1, 2], vec![3]]), Err(NoTable::Ragged));
    assert_eq!(PublishedList::new(&[u64::MAX]), Err(NoTable::TooLarge));
    assert_eq!(PublishedList::new(&[0; 401]), Err(NoTable::TooLarge));
    assert_eq!(PublishedTable::new(&vec![vec![0; 21]; 20]), Err(NoTable::TooLarge));
    assert!(PublishedTable::new(&vec![vec![5; 20]; 20]).is_ok());
}
