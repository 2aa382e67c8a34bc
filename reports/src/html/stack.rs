//! Bars that overlap, under each other.

use std::ops::Range;

/// More under each other would be taller than all else.
const ROWS_MAX: usize = 6;

/// Where each bar of a lane goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stack {
    /// The row of each bar, from 0; nothing where all rows are taken.
    pub(super) rows: Vec<Option<usize>>,
    /// How many rows there are; at least one.
    pub(super) height: usize,
}

impl Stack {
    /// All in one row.
    pub(super) fn flat(bars: usize) -> Self {
        Self { rows: vec![Some(0); bars], height: 1 }
    }

    /// Each bar into the first row that is free where it lies. Those that begin first choose first, so that
    /// neither their order nor what comes later moves a bar.
    pub(super) fn of(spans: &[Range<f64>]) -> Self {
        let mut order: Vec<usize> = (0..spans.len()).collect();
        order.sort_by(|one, other| spans[*one].start.total_cmp(&spans[*other].start));
        let mut ends: Vec<f64> = Vec::new();
        let mut rows = vec![None; spans.len()];
        for place in order {
            let span = &spans[place];
            let free = ends.iter().position(|end| *end <= span.start);
            let row = free.or_else(|| {
                ends.push(f64::NEG_INFINITY);
                Some(ends.len() - 1).filter(|row| *row < ROWS_MAX)
            });
            ends.truncate(ROWS_MAX);
            if let Some(row) = row {
                ends[row] = span.end;
            }
            rows[place] = row;
        }
        Self { rows, height: ends.len().max(1) }
    }

    /// How many bars have no row.
    pub(super) fn without(&self) -> usize {
        self.rows.iter().filter(|row| row.is_none()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS_MAX, Stack};

    #[test]
    fn bars_that_overlap_lie_under_each_other_and_others_share_a_row() {
        let stack = Stack::of(&[0.0..10.0, 5.0..20.0, 10.0..12.0, 30.0..31.0]);
        assert_eq!(stack.rows, [Some(0), Some(1), Some(0), Some(0)]);
        assert_eq!((stack.height, stack.without()), (2, 0));
    }

    #[test]
    fn beyond_the_last_row_bars_are_counted() {
        let all: Vec<_> = (0..ROWS_MAX + 3).map(|_| 0.0..1.0).chain([2.0..3.0]).collect();
        let stack = Stack::of(&all);
        assert_eq!((stack.height, stack.without()), (ROWS_MAX, 3));
        assert_eq!(stack.rows.last(), Some(&Some(0)));
    }

    #[test]
    fn a_lane_without_bars_has_its_row() {
        assert_eq!(Stack::of(&[]).height, 1);
    }
}
