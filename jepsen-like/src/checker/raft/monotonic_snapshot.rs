//! Snapshots: "the last included index" of a member's snapshot never goes back, because a newer one takes the place of
//! an older one, which covers less (Raft paper, section 7); restarts included, because the log that it stands for may
//! be gone. The state that a member starts with stands for a snapshot as well.
//! What a damaged or lost disk had is not asked of the one that is there now.

use super::known::Known;
use super::{Property, Report};
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct MonotonicSnapshot;

impl Property for MonotonicSnapshot {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        let before = known.of(seen.member).snapshot;
        match &seen.fact {
            Fact::Snapshot { last, .. } if last.index < before => {
                let text = format!("its snapshot went back from index {before} to {}", last.index);
                report("MONOTONIC_SNAPSHOT", text);
            }
            Fact::Started { applied, .. } if *applied < before => {
                let text = format!(
                    "it starts with the state of index {applied}, and had a snapshot of index {before}"
                );
                report("MONOTONIC_SNAPSHOT", text);
            }
            _ => {}
        }
    }
}
