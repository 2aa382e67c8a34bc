//! `etcdserverpb.Maintenance`.

use std::pin::Pin;

use detcd_api::Error;
use detcd_api::etcdserverpb::alarm_request::AlarmAction;
use detcd_api::etcdserverpb::downgrade_request::DowngradeAction;
use detcd_api::etcdserverpb::maintenance_server::Maintenance;
use detcd_api::etcdserverpb::{
    AlarmRequest, AlarmResponse, DefragmentRequest, DefragmentResponse, DowngradeInfo,
    DowngradeRequest, DowngradeResponse, HashKvRequest, HashKvResponse, HashRequest, HashResponse,
    MoveLeaderRequest, MoveLeaderResponse, SnapshotRequest, SnapshotResponse, StatusRequest,
    StatusResponse,
};
use detcd_machine::{Alarm, ClusterCommand, Command, Outcome, Requester, Version};
use futures_util::{Stream, stream};
use tonic::{Request, Response, Status};

use super::{convert, header, identity, status};
use crate::etcd_format::STORAGE_VERSION;
use crate::replica::{MoveError, Replica};
use crate::runtime::Runtime;
use crate::storage;
use crate::version;

/// Most bytes of the database in one message of a snapshot.
const SNAPSHOT_PIECE_BYTES_MAX: usize = 32 << 10;

/// The service.
#[derive(Debug, Clone)]
pub(super) struct MaintenanceService<R: Runtime> {
    replica: Replica<R>,
}

impl<R: Runtime> MaintenanceService<R> {
    pub(super) fn new(replica: Replica<R>) -> Self {
        Self { replica }
    }

    /// What an alarm request is about after it was carried out.
    async fn alarms(&self, by: Requester, request: &AlarmRequest) -> Result<Vec<Alarm>, Error> {
        if request.action() == AlarmAction::Get {
            self.replica.read_barrier().await.map_err(status::unavailable)?;
            let kind = convert::kind_of(request.alarm);
            let mut alarms = self.replica.alarms();
            alarms.retain(|alarm| kind.is_none_or(|kind| kind == alarm.kind));
            return Ok(alarms);
        }
        let Some(command) = convert::alarm_command(request) else { return Ok(Vec::new()) };
        let answer = self.replica.propose(by, Command::Alarm(command)).await;
        match answer.map_err(status::unavailable)?.outcome.map_err(status::rejection)? {
            Outcome::Alarm(alarm) => Ok(alarm.into_iter().collect()),
            _ => Ok(Vec::new()),
        }
    }
}

/// As the message prints in etcd's language.
fn in_words(alarm: Alarm) -> String {
    // As etcd's messages are printed: what is zero is left out.
    let member = match alarm.member {
        0 => String::new(),
        member => format!("memberID:{member} "),
    };
    format!("{member}alarm:{} ", convert::kind_name(alarm.kind))
}

#[tonic::async_trait]
impl<R: Runtime> Maintenance for MaintenanceService<R> {
    type SnapshotStream = Pin<Box<dyn Stream<Item = Result<SnapshotResponse, Status>> + Send>>;

    /// G70. Answered by this member alone, whatever the state of the cluster.
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let status = self.replica.status();
        let mut errors = match status.leader {
            0 => vec![Error::NoLeader.message().to_owned()],
            _ => Vec::new(),
        };
        errors.extend(self.replica.alarms().into_iter().map(in_words));
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
            downgrade_info: Some(downgrade_info(self.replica.downgrade_target())),
        }))
    }

    /// G71.
    async fn alarm(
        &self,
        request: Request<AlarmRequest>,
    ) -> Result<Response<AlarmResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let by = identity::requester(&self.replica, &metadata).await?;
        let alarms = self.alarms(by, &request).await?;
        Ok(Response::new(convert::alarm_response(alarms, header::now(&self.replica))))
    }

    /// G73. Unlike etcd's member, this one answers everything else meanwhile.
    async fn defragment(
        &self,
        _: Request<DefragmentRequest>,
    ) -> Result<Response<DefragmentResponse>, Status> {
        let done = self.replica.defragment().await;
        done.map_err(|error| match error {
            storage::Error::Stopped | storage::Error::Failed(_) => Error::Stopped.into(),
            // In the words of what went wrong, as etcd passes them on.
            error => Status::unknown(error.to_string()),
        })?;
        Ok(Response::new(DefragmentResponse::default()))
    }

    /// G75. Not etcd's value, which depends on the pages of its file, but a hash that is equal on members
    /// of equal state.
    async fn hash(&self, _: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        let header = header::now(&self.replica);
        Ok(Response::new(HashResponse { header, hash: self.replica.hash() }))
    }

    /// G74.
    async fn hash_kv(
        &self,
        request: Request<HashKvRequest>,
    ) -> Result<Response<HashKvResponse>, Status> {
        let revision = request.get_ref().revision;
        let answer = self.replica.hash_at(revision).await.map_err(status::range)?;
        Ok(Response::new(HashKvResponse {
            header: header::at(&self.replica, answer.revision),
            hash: answer.hash.hash,
            compact_revision: answer.hash.span.compact_revision,
            hash_revision: answer.hash.span.revision,
        }))
    }

    /// G76.
    async fn snapshot(
        &self,
        _: Request<SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        let file = self.replica.snapshot_file().await.map_err(status::unavailable)?;
        let pieces = stream::try_unfold(file, |mut file| async move {
            let piece = file.next(SNAPSHOT_PIECE_BYTES_MAX).await.map_err(status::unavailable)?;
            let response = piece.map(|piece| SnapshotResponse {
                header: None,
                remaining_bytes: piece.remaining,
                blob: piece.bytes,
                version: STORAGE_VERSION.to_owned(),
            });
            Ok(response.map(|response| (response, file)))
        });
        Ok(Response::new(Box::pin(pieces)))
    }

    async fn move_leader(
        &self,
        request: Request<MoveLeaderRequest>,
    ) -> Result<Response<MoveLeaderResponse>, Status> {
        match self.replica.move_leader(request.into_inner().target_id).await {
            Ok(()) => Ok(Response::new(MoveLeaderResponse::default())),
            Err(MoveError::NotLeader) => Err(Error::NotLeader.into()),
            Err(MoveError::BadTransferee) => Err(Error::BadLeaderTransferee.into()),
            Err(MoveError::Unavailable(reason)) => Err(status::unavailable(reason).into()),
            Err(MoveError::Timeout) => Err(Error::TimeoutLeaderTransfer.into()),
        }
    }

    async fn downgrade(
        &self,
        request: Request<DowngradeRequest>,
    ) -> Result<Response<DowngradeResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let target = || request.version.parse::<Version>();
        let wrong = |_| Status::from(Error::WrongDowngradeVersionFormat);
        let version = match request.action() {
            DowngradeAction::Validate => {
                self.replica.validate_downgrade(target().map_err(wrong)?).await
            }
            DowngradeAction::Enable => {
                let command = ClusterCommand::EnableDowngrade(target().map_err(wrong)?);
                let by = identity::requester(&self.replica, &metadata).await?;
                self.replica.change_downgrade(by, command).await
            }
            DowngradeAction::Cancel => {
                let by = identity::requester(&self.replica, &metadata).await?;
                self.replica.change_downgrade(by, ClusterCommand::CancelDowngrade).await
            }
        };
        let version = version.map_err(status::range)?.to_string();
        Ok(Response::new(DowngradeResponse { header: header::now(&self.replica), version }))
    }
}

fn downgrade_info(target: Option<Version>) -> DowngradeInfo {
    DowngradeInfo {
        enabled: target.is_some(),
        target_version: target.map_or_else(String::new, |target| format!("{target}.0")),
    }
}
