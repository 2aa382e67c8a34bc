//! Whom a request must be meant for.
//!
//! An address may pass from one member to another: what was meant for the old one must not be answered
//! by the new one, or one log would be counted as two.

use tonic::Status;

/// This member, in its cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addressee {
    cluster_id: u64,
    member_id: u64,
}

impl Addressee {
    pub(super) fn new(cluster_id: u64, member_id: u64) -> Self {
        Self { cluster_id, member_id }
    }

    /// The ids of the cluster and of the member.
    pub(super) fn ids(self) -> (u64, u64) {
        (self.cluster_id, self.member_id)
    }

    pub(super) fn check(self, cluster_id: u64, recipient: u64) -> Result<(), Status> {
        if self.cluster_id != cluster_id {
            tracing::warn!(
                mine = format!("{:x}", self.cluster_id),
                theirs = format!("{cluster_id:x}"),
                "cluster ID mismatch"
            );
            return Err(detcd_api::Error::ClusterIDMismatch.into());
        }
        if self.member_id != recipient {
            let text = format!(
                "this is member {:x}, and the request is meant for member {recipient:x}",
                self.member_id
            );
            tracing::warn!("{text}");
            return Err(Status::failed_precondition(text));
        }
        Ok(())
    }
}
