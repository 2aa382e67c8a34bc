//! Whether members that do not serve could have: they are a quorum, run on disks that work, reach each other, and have
//! between them all that was committed.
//!
//! What the harness itself had to provide for that is no question about the store: where it is not there, the run shows
//! nothing (TigerBeetle's simulator proves as much before it calls a run stuck, docs/internals/vopr.md).

use std::collections::BTreeSet;

use detcd_node::observer::Observation;
use sim::cluster::Record;
use sim::disk::Faults;

use super::members::Members;

impl Members {
    /// Why these members could serve; or what of the cluster, and not of the harness, stands against it.
    ///
    /// # Panics
    ///
    /// If the harness has left a link between them cut, or a fault on one of their disks.
    pub(super) fn could_recover(&self, core: &BTreeSet<usize>) -> Result<String, String> {
        let told = self.told_memberships();
        if let Some(other) = told.iter().find(|told| !told.is_held_by(core)) {
            return Err(format!("{core:?} are no quorum of {:?}", other.voters));
        }
        if let Some(down) = core.iter().find(|member| !self.is_up(**member)) {
            return Err(format!("member {down} does not run"));
        }
        let left = self.left_broken(core);
        assert!(left.is_none(), "{core:?} were not healed: {}", left.unwrap_or_default());
        let known = |record: &Record| match record.observation {
            Observation::Applied { index, .. } | Observation::SnapshotInstalled { index, .. } => {
                Some(index)
            }
            _ => None,
        };
        let committed = self.records().iter().filter_map(known).max().unwrap_or(0);
        let ends: Vec<_> = core
            .iter()
            .map(|member| (self.status(*member), *member))
            .map(|(status, member)| (status.durable.max(status.applied), member, status.term))
            .collect();
        let Some((end, holder, _)) = ends.iter().max().filter(|(end, ..)| *end >= committed) else {
            return Err(format!("index {committed} is committed, and nobody of {core:?} has it"));
        };
        let words: Vec<String> = ends
            .iter()
            .map(|(end, member, term)| format!("{member} (term {term}, log to {end})"))
            .collect();
        Ok(format!(
            "all of them run on disks that work, reach each other and are a quorum, and member {holder} has \
             everything to index {end}, where {committed} is the last that is committed: {}",
            words.join(", ")
        ))
    }

    /// What the harness should have healed among these members, which run, and did not.
    fn left_broken(&self, core: &BTreeSet<usize>) -> Option<String> {
        let ill = core.iter().find(|member| {
            // A damaged disk is told by what it holds, and its member is not asked for anything.
            self.host(**member).disk().faults() != Faults::default()
        });
        if let Some(member) = ill {
            return Some(format!("the disk of {member} is not well"));
        }
        let pairs = core.iter().flat_map(|from| core.iter().map(move |to| (*from, *to)));
        pairs
            .filter(|(from, to)| from != to)
            .find(|(from, to)| !self.network().passes(self.host(*from).id(), self.host(*to).id()))
            .map(|(from, to)| format!("nothing passes from {from} to {to}"))
    }
}
