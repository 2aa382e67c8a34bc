//! What was done to what a verdict relies on, counted for every run.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// The accounts of a run, or of several. What is not there did not happen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// How often what was done, by its kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// How far what went at most.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
}

impl AddAssign<&Self> for Ledger {
    fn add_assign(&mut self, other: &Self) {
        for (kind, count) in &other.counts {
            *self.counts.entry(kind.clone()).or_default() += count;
        }
        for (kind, limit) in &other.limits {
            let most = self.limits.entry(kind.clone()).or_default();
            *most = (*most).max(*limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn counts_are_added_and_of_limits_the_largest_counts() {
        let ledger = |kills, drift| Ledger {
            counts: [("kills".to_owned(), kills)].into(),
            limits: [("drift".to_owned(), drift)].into(),
        };
        let mut sum = Ledger::default();
        sum += &ledger(2, 90);
        sum += &ledger(3, 50);
        assert_eq!(sum, ledger(5, 90));
    }
}
