//! Who a member is when it starts: from its data, from its flags, or from the cluster that it joins.
//!
//! A member that has data is who its data says, whatever the flags say by now (K2).
//! One that has none founds its cluster with the others that the flags name, or joins one that is there.
//! In neither case may it be a voter that has lost its disk: what such a member had acknowledged, and whom
//! it had voted for, nobody knows, and counting it again could undo what a quorum has agreed on. So a
//! founder first hears from a quorum of the others that they are founding too, or from a leader that it
//! has never been there; whoever was there is removed and added anew, under another id.
//!
//! Must never know: Raft, storage.

mod ask;
mod found;
mod join;

use std::sync::Arc;
use std::time::Duration;

use crate::config::{ClusterState, Config, InitialCluster};
use crate::runtime::{Network, Runtime};

pub use self::ask::describe;
pub use self::found::confirm_new;

/// Pause before peers are asked again.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Who a member is, and where it knows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its cluster.
    pub cluster_id: u64,
    /// Itself.
    pub member_id: u64,
    /// The members that it founds its cluster with, if it does.
    pub founders: Option<InitialCluster>,
}

/// Why a member without data does not come to life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// The flags contradict each other.
    #[error("{0}")]
    Flags(String),
    /// K3: nobody answered.
    #[error("cannot fetch cluster info from peer urls: {0}")]
    NobodyAnswers(String),
    /// K3: the flags and the cluster do not agree.
    #[error("error validating peerURLs {members}: {problem}")]
    Unlike {
        /// The members of the cluster.
        members: String,
        /// What does not agree.
        problem: String,
    },
    /// K1, K3.
    #[error(
        "member {member:x} has already been bootstrapped, and its data is gone: a member that has lost \
         its disk must not vote; remove it from the cluster and add it anew"
    )]
    AlreadyBootstrapped {
        /// Which.
        member: u64,
    },
    /// K2.
    #[error("the member has been permanently removed from the cluster")]
    Removed,
}

/// Finds out who a member is that has no data.
pub async fn without_data<R: Runtime>(
    config: &Config,
    network: &Arc<dyn Network>,
) -> Result<Origin, BootstrapError> {
    let flags = config.cluster().map_err(BootstrapError::Flags)?;
    match config.initial_cluster_state {
        ClusterState::New => {
            let (cluster_id, member_id) = (flags.id, flags.local);
            Ok(Origin { cluster_id, member_id, founders: Some(flags) })
        }
        ClusterState::Existing => join::join::<R>(config, &flags, network).await,
    }
}

/// The URLs of all members that the flags name but this one.
fn others(flags: &InitialCluster) -> Vec<Vec<String>> {
    let others = flags.members.values().filter(|member| member.id != flags.local);
    others.map(|member| member.peer_urls.clone()).collect()
}

/// How long one peer may take to answer.
fn patience(config: &Config) -> Duration {
    2 * config.election_timeout()
}
