//! Power that is lost in the middle of something that a disk does.
//!
//! What a process asks of its disk in one piece, a write and the sync behind it, takes place at one moment of the
//! simulation, so that a loss of power at any other moment finds all of it durable or none of it begun. Only one that
//! strikes in an operation leaves torn batches, files without names, and databases between two states.

use std::ops::RangeInclusive;
use std::time::Duration;

use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use sim::cluster::Cluster;

use super::members::Members;
use crate::dice::Dice;

/// Which operation of the disk, from the next one on, is the last. A batch of the log takes two of them, a commit of
/// the database a few more, a new segment of the log or a snapshot many.
const OPERATION: RangeInclusive<u64> = 1..=16;
/// Who asks nothing of its disk for so long loses its power all the same.
const PATIENCE: Duration = Duration::from_millis(300);
const POLL: Duration = Duration::from_millis(1);

impl Members {
    pub(super) async fn power_loss_in_write(&self, members: &[usize], dice: &mut Dice) {
        let losses = |member: usize| self.host(member).disk().counters().crashes;
        let running = members.iter().copied().filter(|member| self.is_up(*member));
        let mut waiting: Vec<(usize, u64)> =
            running.map(|member| (member, losses(member))).collect();
        for (member, _) in &waiting {
            self.host(*member).disk().power_loss_at(dice.between(OPERATION));
        }
        let polls = PATIENCE.as_millis() / POLL.as_millis();
        for _ in 0..polls {
            SimRuntime::sleep(POLL).await;
            waiting.retain(|(member, before)| {
                let is_up = self.is_up(*member);
                // Who has stopped by itself meanwhile has lost nothing.
                if !is_up && losses(*member) > *before {
                    self.bring_down(*member, "power lost in a write", Cluster::power_loss);
                }
                is_up
            });
            if waiting.is_empty() {
                return;
            }
        }
        for (member, _) in waiting {
            self.power_loss(member);
        }
    }
}
