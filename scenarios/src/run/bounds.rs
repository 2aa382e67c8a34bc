//! Bounded growth: once nothing is going on any more, members keep no more than they have to.
//!
//! A log that is not cut off behind its snapshots, a queue that nobody empties or a lease that nobody ends shows in no
//! answer, only in memory and disks that fill over weeks.

use std::time::Duration;

use detcd_node::window::View;
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;

use super::liveness::Liveness;
use crate::plan::{ClusterPlan, Plan};

/// A log is cut off where a snapshot is, which is made somewhat later than it is due.
const LOG_SLACK: u64 = 500;
/// How long what is too much may stay: a leader keeps what it tries to send to somebody who does not answer until that
/// attempt is given up, and looks again then. An attempt and the pause before it take less than this.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(100);
/// What may wait for the client of one stream, who may be gone without a word: a queue's limit, and a revision more.
const QUEUED_BYTES_MAX: usize = (1 << 20) + (512 << 10);

impl Liveness {
    /// Looks at every member that serves, until none has too much or patience ends.
    pub(super) async fn bounded(&self, plan: &Plan) {
        let begin = self.world.true_time();
        loop {
            let found = self.all_excesses(plan);
            if found.is_empty() {
                return;
            }
            if self.world.true_time() >= begin + PATIENCE {
                for message in found {
                    self.findings.add_since(begin, "bounded growth", message);
                }
                return;
            }
            SimRuntime::sleep(POLL).await;
        }
    }

    fn all_excesses(&self, plan: &Plan) -> Vec<String> {
        let mut found = Vec::new();
        for member in self.members.serving() {
            let Some(view) = self.members.cluster().look(member, 0) else { continue };
            for excess in excesses(&view, &plan.cluster, plan.has_leases()) {
                found.push(format!("member {member}: {excess}, though nothing is going on"));
            }
        }
        found
    }
}

fn excesses(view: &View, plan: &ClusterPlan, leases_are_over: bool) -> Vec<String> {
    let kept = view.raft.last.unwrap_or(0).saturating_sub(view.raft.purged.unwrap_or(0));
    // A quarter of a snapshot's entries stays behind it, and the next is due when as many as it covers have come. What
    // streams to followers still read when a snapshot is made is cut off with the next one.
    let allowed = 2 * plan.snapshot_count + plan.snapshot_count / 4 + LOG_SLACK;
    let mut excesses = Vec::new();
    if kept > allowed {
        excesses.push(format!("its log keeps {kept} entries, of at most {allowed}"));
    }
    // Also streams without watchers: those that a compaction ended, while nobody knows that their client is gone.
    let (bytes, streams) = (view.queued_bytes, view.watch_streams);
    if bytes > QUEUED_BYTES_MAX * streams {
        excesses.push(format!("{bytes} bytes wait for {streams} streams of watchers"));
    }
    if leases_are_over && view.leases > 0 {
        excesses.push(format!("{} leases are left that should have ended", view.leases));
    }
    excesses
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use detcd_node::raft::standing::{Role, Standing};

    use super::*;

    fn view(last: u64, purged: u64) -> View {
        let raft = Standing {
            role: Role::Follower,
            term: 3,
            voted_for: 1,
            is_vote_committed: true,
            leader: Some(1),
            last: Some(last),
            committed: Some(last),
            applied: Some(last),
            snapshot: Some(purged),
            purged: Some(purged),
            membership_index: Some(0),
            voters: Vec::new(),
            learners: BTreeSet::new(),
        };
        View {
            raft,
            durable: Some(last),
            revision: 9,
            compact_revision: -1,
            known_keys: 0,
            keys: Vec::new(),
            live_keys: 0,
            leases: 0,
            watchers: Vec::new(),
            watch_streams: 0,
            queued_bytes: 0,
        }
    }

    #[test]
    fn what_is_kept_for_no_reason_is_told() {
        let plan = ClusterPlan { snapshot_count: 100, ..ClusterPlan::default() };
        let found = |view: &View| excesses(view, &plan, true).len();
        assert_eq!(found(&view(10_700, 10_000)), 0);
        assert_eq!(found(&view(10_800, 10_000)), 1);
        assert_eq!(found(&View { queued_bytes: 1 << 20, ..view(1, 0) }), 1);
        assert_eq!(found(&View { queued_bytes: 1 << 20, watch_streams: 1, ..view(1, 0) }), 0);
        assert_eq!(found(&View { queued_bytes: 1 << 22, watch_streams: 1, ..view(1, 0) }), 1);
        assert_eq!(found(&View { leases: 1, ..view(1, 0) }), 1);
        assert_eq!(excesses(&View { leases: 1, ..view(1, 0) }, &plan, false).len(), 0);
    }
}
