//! The version that the cluster speaks, and downgrades of it (K37, K38).

use std::time::Duration;

use detcd_api::peer;
use detcd_machine::{ClusterCommand, Command, Rejection, Requester, Version};

use super::{RangeError, Replica};
use crate::bootstrap;
use crate::runtime::{Network, Runtime};
use crate::version;

/// How often the leader looks whether the version is still right.
const INTERVAL: Duration = Duration::from_secs(4);

impl<R: Runtime> Replica<R> {
    /// The version of the cluster, as far as it is known here.
    pub fn cluster_version(&self) -> Option<Version> {
        self.inner.state.with_machine(|machine| machine.cluster_version())
    }

    /// Where a downgrade leads, while one goes on.
    pub fn downgrade_target(&self) -> Option<Version> {
        self.inner.state.with_machine(|machine| machine.downgrade())
    }

    /// Whether a downgrade to `target` may begin (G78). The version of the cluster.
    pub async fn validate_downgrade(&self, target: Version) -> Result<Version, RangeError> {
        self.read_barrier().await?;
        Ok(self.inner.state.with_machine(|machine| machine.check_downgrade(target))?)
    }

    /// Begins a downgrade, or gives one up. The version of the cluster.
    pub async fn change_downgrade(
        &self,
        by: Requester,
        command: ClusterCommand,
    ) -> Result<Version, RangeError> {
        let answer = self.propose(by, Command::Cluster(command)).await?;
        answer.outcome?;
        Ok(self.cluster_version().ok_or(Rejection::ClusterVersionUnavailable)?)
    }

    /// Keeps the version of the cluster right, while this member leads.
    pub async fn keep_version(&self, network: &dyn Network) {
        loop {
            let known = self.cluster_version();
            let leads = self.leader() == Some(self.inner.member_id);
            if leads
                && let Some(version) = self.version_that_is_right(network).await
                && known != Some(version)
            {
                let command = Command::Cluster(ClusterCommand::SetVersion(version));
                if let Err(error) = self.propose(Requester::Member, command).await {
                    tracing::debug!(%error, "the cluster version was not set");
                }
            }
            // A new cluster gets its version at once.
            let pause = if self.cluster_version().is_none() { INTERVAL / 80 } else { INTERVAL };
            R::sleep(pause).await;
        }
    }

    /// The lowest version of all members, or where the downgrade leads. Nothing while a member does not
    /// say, unless there is no version yet.
    async fn version_that_is_right(&self, network: &dyn Network) -> Option<Version> {
        if let Some(target) = self.downgrade_target() {
            return Some(target);
        }
        let mut lowest: Version = version::ETCD_COMPATIBLE_VERSION.parse().ok()?;
        let is_known = self.cluster_version().is_some();
        let sender = self.inner.member_id;
        let request = peer::DescribeRequest { sender, linearizable: false };
        let patience = self.inner.config.election_timeout();
        for member in self.members().into_iter().filter(|member| member.id != sender) {
            let urls = &member.peer_urls;
            let reply = bootstrap::describe::<R>(network, urls, &request, patience).await;
            match reply.ok().and_then(|reply| reply.version.parse().ok()) {
                Some(version) => lowest = lowest.min(version),
                None if is_known => return None,
                None => {}
            }
        }
        Some(lowest)
    }
}
