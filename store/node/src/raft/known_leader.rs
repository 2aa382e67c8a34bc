//! Who leads, as far as a member knows.

use openraft::ServerState;
use openraft::metrics::RaftServerMetrics;

use super::TypeConfig;
use crate::runtime::Runtime;

/// Whom this member follows, or itself while it leads.
///
/// openraft reads the leader from the vote alone. A member that was removed while it led has such a vote for
/// itself, and begins with it when it is started once more, although it leads nobody.
pub fn known_leader<R: Runtime>(metrics: &RaftServerMetrics<TypeConfig<R>>) -> Option<u64> {
    let leads = metrics.state == ServerState::Leader;
    metrics.current_leader.filter(|leader| leads || *leader != metrics.id)
}

/// Whether this member leads.
pub fn leads<R: Runtime>(metrics: &RaftServerMetrics<TypeConfig<R>>) -> bool {
    known_leader(metrics) == Some(metrics.id)
}
