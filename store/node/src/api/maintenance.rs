//! `etcdserverpb.Maintenance`.

use std::pin::Pin;

use detcd_api::Error;
use detcd_api::etcdserverpb::alarm_request::AlarmAction;
use detcd_api::etcdserverpb::maintenance_server::Maintenance;
use detcd_api::etcdserverpb::{
    AlarmRequest, AlarmResponse, DefragmentRequest, DefragmentResponse, DowngradeInfo,
    DowngradeRequest, DowngradeResponse, HashKvRequest, HashKvResponse, HashRequest, HashResponse,
    MoveLeaderRequest, MoveLeaderResponse, SnapshotRequest, SnapshotResponse, StatusRequest,
    StatusResponse,
};
use futures_util::Stream;
use tonic::{Request, Response, Status};

use super::{header, unbuilt};
use crate::replica::Replica;
use crate::runtime::Runtime;
use crate::version;

/// The service.
#[derive(Debug, Clone)]
pub(super) struct MaintenanceService<R: Runtime> {
    replica: Replica<R>,
}

impl<R: Runtime> MaintenanceService<R> {
    pub(super) fn new(replica: Replica<R>) -> Self {
        Self { replica }
    }
}

#[tonic::async_trait]
impl<R: Runtime> Maintenance for MaintenanceService<R> {
    type SnapshotStream = Pin<Box<dyn Stream<Item = Result<SnapshotResponse, Status>> + Send>>;

    /// G70. Answered by this member alone, whatever the state of the cluster.
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let status = self.replica.status();
        let errors = match status.leader {
            0 => vec![Error::NoLeader.message().to_owned()],
            _ => Vec::new(),
        };
        Ok(Response::new(StatusResponse {
            header: header::now(&self.replica),
            version: version::ETCD_COMPATIBLE_VERSION.to_owned(),
            db_size: status.db_size,
            leader: status.leader,
            raft_index: status.raft_index,
            raft_term: status.raft_term,
            raft_applied_index: status.raft_applied_index,
            errors,
            db_size_in_use: status.db_size_in_use,
            is_learner: status.is_learner,
            storage_version: version::STORAGE_VERSION.to_owned(),
            db_size_quota: status.db_size_quota,
            downgrade_info: Some(DowngradeInfo::default()),
        }))
    }

    /// Nothing raises an alarm yet, so that there is none to list.
    async fn alarm(
        &self,
        request: Request<AlarmRequest>,
    ) -> Result<Response<AlarmResponse>, Status> {
        if request.get_ref().action() != AlarmAction::Get {
            return Err(unbuilt::status("Alarm"));
        }
        let header = header::now(&self.replica);
        Ok(Response::new(AlarmResponse { header, alarms: Vec::new() }))
    }

    async fn defragment(
        &self,
        _: Request<DefragmentRequest>,
    ) -> Result<Response<DefragmentResponse>, Status> {
        Err(unbuilt::status("Defragment"))
    }

    async fn hash(&self, _: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        Err(unbuilt::status("Hash"))
    }

    async fn hash_kv(&self, _: Request<HashKvRequest>) -> Result<Response<HashKvResponse>, Status> {
        Err(unbuilt::status("HashKV"))
    }

    async fn snapshot(
        &self,
        _: Request<SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(unbuilt::status("Snapshot"))
    }

    async fn move_leader(
        &self,
        _: Request<MoveLeaderRequest>,
    ) -> Result<Response<MoveLeaderResponse>, Status> {
        Err(unbuilt::status("MoveLeader"))
    }

    async fn downgrade(
        &self,
        _: Request<DowngradeRequest>,
    ) -> Result<Response<DowngradeResponse>, Status> {
        Err(unbuilt::status("Downgrade"))
    }
}
