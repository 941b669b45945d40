//! A table with its totals as a network: how far a hidden figure can be from what it is, as far as the figures that are shown tell.
//!
//! Every line of a table (its cells and their total) is a node, every figure an edge between the two lines that it stands in, and that the
//! cells come to their totals is that as much flows into a node as out of it. So a table is a circulation, and what hidden figures can be
//! are the circulations that agree with the shown ones. How far one of them can rise is a maximum flow (Ford and Fulkerson), in whole
//! numbers, exactly. Hundepool et al., *Handbook on Statistical Disclosure Control* (ESSnet SDC, 2010), section 4.3; Castro, "A Shortest-Paths
//! Heuristic for Statistical Data Protection in Positive Tables", INFORMS Journal on Computing 19 (2007).

/// A figure of the table.
pub(crate) struct Figure {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) count: u64,
    pub(crate) is_hidden: bool,
    /// Whether it is published elsewhere too, as it is here: shown or hidden, it stays so.
    pub(crate) is_fixed: bool,
}

pub(crate) struct Network {
    pub(crate) nodes: usize,
    pub(crate) figures: Vec<Figure>,
}

/// A step along a figure, upwards or downwards.
#[derive(Clone, Copy)]
struct Step {
    figure: usize,
    from: usize,
    to: usize,
    is_rise: bool,
}

impl Network {
    /// Hides what has to be hidden besides, so that every figure that `needs` names can be `rise` higher than it is.
    ///
    /// For each it looks for the cheapest closed way through it on which every figure may change by that much, and hides the way. Where there is
    /// none, nothing is hidden, and whoever checks afterwards finds it. Zeros stay shown, so a reader knows that what is hidden is at least
    /// one: no way lets a figure fall below that. What is hidden later only adds ways.
    pub(crate) fn protect(&mut self, needs: &[(usize, u64)]) {
        for (figure, rise) in needs {
            for step in self.way(*figure, *rise) {
                if let Some(figure) = self.figures.get_mut(step.figure) {
                    figure.is_hidden = true;
                }
            }
        }
    }

    /// The cheapest way back from a figure's end to its beginning (Dijkstra). A hidden figure costs nothing, a shown one costs one and its
    /// count: few figures, and small ones, are hidden.
    fn way(&self, through: usize, rise: u64) -> Vec<Step> {
        let Some(figure) = self.figures.get(through) else {
            return Vec::new();
        };
        let mut costs: Vec<Option<u64>> = vec![None; self.nodes];
        let mut steps: Vec<Option<Step>> = vec![None; self.nodes];
        let mut is_done = vec![false; self.nodes];
        if let Some(cost) = costs.get_mut(figure.to) {
            *cost = Some(0);
        }
        loop {
            let open = (0..self.nodes).filter(|node| is_done.get(*node) == Some(&false));
            let nearest = open.filter_map(|node| Some((costs.get(node).copied()??, node))).min();
            let Some((cost, node)) = nearest else { break };
            if let Some(done) = is_done.get_mut(node) {
                *done = true;
            }
            for step in self.steps_from(node, rise).filter(|step| step.figure != through) {
                let further = cost.saturating_add(self.cost(step.figure));
                let known = costs.get(step.to).copied().flatten();
                if known.is_none_or(|known| further < known)
                    && let (Some(cost), Some(last)) = (costs.get_mut(step.to), steps.get_mut(step.to))
                {
                    (*cost, *last) = (Some(further), Some(step));
                }
            }
        }
        let mut way = Vec::new();
        let mut node = figure.from;
        while node != figure.to {
            let Some(step) = steps.get(node).copied().flatten() else {
                return Vec::new();
            };
            node = step.from;
            way.push(step);
        }
        way
    }

    fn cost(&self, figure: usize) -> u64 {
        self.figures.get(figure).map_or(0, |figure| {
            if figure.is_hidden {
                0
            } else {
                figure.count.saturating_add(1)
            }
        })
    }

    /// The figures at a node that may rise or fall by so much. Zeros may not: they are shown. Nor may what is shown elsewhere.
    fn steps_from(&self, node: usize, by: u64) -> impl Iterator<Item = Step> + '_ {
        self.figures
            .iter()
            .enumerate()
            .filter(|(_, figure)| figure.count > 0 && (figure.is_hidden || !figure.is_fixed))
            .filter_map(move |(index, figure)| {
                let rises = figure.from == node;
                let falls = figure.to == node && figure.count > by;
                (rises || falls).then_some(Step {
                    figure: index,
                    from: node,
                    to: if rises { figure.to } else { figure.from },
                    is_rise: rises,
                })
            })
    }

    /// Whether a hidden figure could be `by` higher, for all that is shown (Edmonds–Karp, as far as that is asked).
    pub(crate) fn can_rise(&self, figure: usize, by: u64) -> bool {
        let Some(wanted) = self.figures.get(figure) else {
            return false;
        };
        let mut changed: Vec<u64> = self.figures.iter().map(|figure| figure.count).collect();
        let mut risen = 0;
        while risen < by {
            let Some(way) = self.open_way(&changed, figure, wanted.to, wanted.from) else {
                return false;
            };
            let slack = |step: &Step| {
                if step.is_rise {
                    by
                } else {
                    changed.get(step.figure).map_or(0, |count| count.saturating_sub(1))
                }
            };
            let more = way.iter().map(slack).min().unwrap_or(0).min(by - risen);
            if more == 0 {
                return false;
            }
            for step in way {
                if let Some(count) = changed.get_mut(step.figure) {
                    *count = if step.is_rise {
                        count.saturating_add(more)
                    } else {
                        count.saturating_sub(more)
                    };
                }
            }
            risen += more;
        }
        true
    }

    /// Whether a hidden figure could be another than it is, for all that is shown.
    pub(crate) fn can_change(&self, figure: usize) -> bool {
        let Some(wanted) = self.figures.get(figure) else {
            return false;
        };
        let counts: Vec<u64> = self.figures.iter().map(|figure| figure.count).collect();
        self.can_rise(figure, 1)
            || (wanted.count > 1 && self.open_way(&counts, figure, wanted.from, wanted.to).is_some())
    }

    /// The shortest way from one node to another over hidden figures that can still change, without `figure` itself.
    fn open_way(&self, counts: &[u64], without: usize, from: usize, to: usize) -> Option<Vec<Step>> {
        let mut steps: Vec<Option<Step>> = vec![None; self.nodes];
        let mut queue = std::collections::VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            for (index, figure) in self
                .figures
                .iter()
                .enumerate()
                .filter(|(index, figure)| figure.is_hidden && *index != without)
            {
                let rises = figure.from == node;
                let falls = figure.to == node && counts.get(index).is_some_and(|count| *count > 1);
                let next = if rises { figure.to } else { figure.from };
                let is_new = next != from && steps.get(next).is_some_and(Option::is_none);
                if (rises || falls) && is_new {
                    if let Some(step) = steps.get_mut(next) {
                        *step = Some(Step {
                            figure: index,
                            from: node,
                            to: next,
                            is_rise: rises,
                        });
                    }
                    queue.push_back(next);
                }
            }
        }
        let (mut way, mut node) = (Vec::new(), to);
        while node != from {
            let step = steps.get(node).copied().flatten()?;
            node = step.from;
            way.push(step);
        }
        Some(way)
    }
}
