//! Numbers that stand for something only the server knows: they are put in its place when a request is
//! sent, so that a program means the same whatever happened before it.

/// What a number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbol {
    /// The current revision, and so much more.
    Current(i64),
    /// The revision of the last compaction, and so much more.
    Compacted(i64),
    /// The lease that was granted so many grants ago.
    Lease(i64),
}

/// Far from every number that a program uses for itself.
const BASE: i64 = 0x5ca1_ab1e_0000_0000;
/// Room of each kind.
const STEP: i64 = 1 << 20;
/// Deltas go from minus this to this.
const HALF: i64 = STEP / 2;

impl Symbol {
    /// The number that stands for it.
    pub fn number(self) -> i64 {
        let (kind, delta) = match self {
            Self::Current(delta) => (0, delta),
            Self::Compacted(delta) => (1, delta),
            Self::Lease(age) => (2, age),
        };
        assert!(delta.abs() < HALF, "{self:?} is too far away");
        BASE + kind * STEP + HALF + delta
    }

    /// What a number stands for, if not for itself.
    pub fn of(number: i64) -> Option<Self> {
        let offset = number.checked_sub(BASE).filter(|offset| (0..3 * STEP).contains(offset))?;
        let delta = offset % STEP - HALF;
        Some(match offset / STEP {
            0 => Self::Current(delta),
            1 => Self::Compacted(delta),
            _ => Self::Lease(delta),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_what_it_stands_for() {
        for symbol in
            [Symbol::Current(0), Symbol::Current(-3), Symbol::Compacted(7), Symbol::Lease(2)]
        {
            assert_eq!(Symbol::of(symbol.number()), Some(symbol));
        }
        for number in [0, -1, 1, i64::MAX, i64::MIN, BASE - 1, BASE + 3 * STEP] {
            assert_eq!(Symbol::of(number), None);
        }
    }
}
