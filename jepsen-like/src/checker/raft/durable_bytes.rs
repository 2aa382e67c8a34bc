//! Durable means on the disk: Raft's servers answer for what is on "stable storage" (Raft paper, figure 2), and here
//! the disk itself is asked whether that is so. Whenever a member tells that its log is durable up to an entry, the
//! file must have its name, and every byte before the entry's end, after a loss of power at that very moment, and so
//! must the files before it. With `COMMITTED_ON_QUORUM` it follows that what a leader commits is on the disks of a
//! quorum, and not only said to be.
//!
//! Whoever simulates the disks does the comparison; what stands here is what it found.
//!
//! # Why the disk is not asked again when an entry is acknowledged
//!
//! Asked again for as little, it would say the same: whether a write is pending in what was told. A log writes only
//! behind that, and a write before it is seen here only while it is pending. Once that is durable as well, nobody sees it
//! but who has kept the entry's bytes and compares them, on every member that told of it; the simulated disk shows no
//! less than a whole file, so one acknowledgement would cost as much as the log is long. And it would have to be told
//! from when on a cut, a snapshot or a new start may change those bytes by right.
//! A committed entry that is gone or damaged is found when it is needed: the member that starts with it has a log that
//! ends too early (`COMMITTED_KEPT`), or one that its own checksums refuse, and if nobody has it, it is missing at the
//! end ([`durability`](super::super::durability), `LOST`).

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
