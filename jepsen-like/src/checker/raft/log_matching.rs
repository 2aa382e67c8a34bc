//! Log matching: "if two logs contain an entry with the same index and term, then the logs are identical in all
//! entries up through the given index" (Raft paper, figure 3; openraft, tests-turmoil, `log_matching`). Seen from what
//! members applied: one term for each index.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct LogMatching {
    applied: BTreeMap<u64, (u64, MemberId)>,
}

impl Property for LogMatching {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        let Fact::Applied { entry, .. } = &seen.fact else { return };
        let (term, by) = *self.applied.entry(entry.index).or_insert((entry.term, seen.member));
        if term != entry.term {
            let text = format!(
                "it applied index {} of term {}, member {by} of term {term}",
                entry.index, entry.term
            );
            report("LOG_MATCHING", text);
        }
    }
}
