//! `etcdserverpb.Cluster`.

use detcd_api::etcdserverpb::cluster_server::Cluster;
use detcd_api::etcdserverpb::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse,
    MemberPromoteRequest, MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse,
    MemberUpdateRequest, MemberUpdateResponse,
};
use tonic::{Request, Response, Status};

use super::{header, status, unbuilt};
use crate::replica::{self, Replica};
use crate::runtime::Runtime;

/// The service.
#[derive(Debug, Clone)]
pub(super) struct ClusterService<R: Runtime> {
    replica: Replica<R>,
}

impl<R: Runtime> ClusterService<R> {
    pub(super) fn new(replica: Replica<R>) -> Self {
        Self { replica }
    }
}

fn member(member: replica::Member) -> Member {
    Member {
        id: member.id,
        name: member.name,
        peer_ur_ls: member.peer_urls,
        client_ur_ls: member.client_urls,
        is_learner: member.is_learner,
    }
}

#[tonic::async_trait]
impl<R: Runtime> Cluster for ClusterService<R> {
    async fn member_list(
        &self,
        request: Request<MemberListRequest>,
    ) -> Result<Response<MemberListResponse>, Status> {
        if request.into_inner().linearizable {
            self.replica.read_barrier().await.map_err(status::unavailable)?;
        }
        let mut members: Vec<_> = self.replica.members().into_iter().map(member).collect();
        members.sort_by_key(|member| member.id);
        let header = header::without_revision(&self.replica);
        Ok(Response::new(MemberListResponse { header, members }))
    }

    async fn member_add(
        &self,
        _: Request<MemberAddRequest>,
    ) -> Result<Response<MemberAddResponse>, Status> {
        Err(unbuilt::status("MemberAdd"))
    }

    async fn member_remove(
        &self,
        _: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        Err(unbuilt::status("MemberRemove"))
    }

    async fn member_update(
        &self,
        _: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        Err(unbuilt::status("MemberUpdate"))
    }

    async fn member_promote(
        &self,
        _: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        Err(unbuilt::status("MemberPromote"))
    }
}
