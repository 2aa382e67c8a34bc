//! Durable means on the disk: Raft's servers answer for what is on "stable storage" (Raft paper, figure 2), and here
//! the disk itself is asked whether that is so. Whenever a member tells that its log is durable up to an entry, the
//! file must have its name, and every byte before the entry's end, after a loss of power at that very moment, and so
//! must the files before it. With `COMMITTED_ON_QUORUM` it follows that what a leader commits is on the disks of a
//! quorum, and not only said to be.
//!
//! Whoever simulates the disks does the comparison; what stands here is what it found.

use super::known::Known;
use super::{Property, Report};
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct DurableBytes;

impl Property for DurableBytes {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        let Fact::AtRisk { last, file, from } = &seen.fact else { return };
        let text = format!(
            "it tells that its log is durable up to index {} of term {}, and a loss of power might \
             take {file} from byte {from} on",
            last.index, last.term
        );
        report("DURABLE_BYTES", text);
    }
}
