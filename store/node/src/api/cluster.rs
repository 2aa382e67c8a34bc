//! `etcdserverpb.Cluster`.

use detcd_api::Error;
use detcd_api::etcdserverpb::cluster_server::Cluster;
use detcd_api::etcdserverpb::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse,
    MemberPromoteRequest, MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse,
    MemberUpdateRequest, MemberUpdateResponse,
};
use tonic::{Request, Response, Status};

use super::{header, status};
use crate::config::{Url, added_member_id};
use crate::reconfigure::Change;
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
        let header = header::without_revision(&self.replica);
        Ok(Response::new(MemberListResponse { header, members: members(self.replica.members()) }))
    }

    /// R13. The id is computed here and now, as etcd does: it holds the moment.
    async fn member_add(
        &self,
        request: Request<MemberAddRequest>,
    ) -> Result<Response<MemberAddResponse>, Status> {
        let request = request.into_inner();
        let peer_urls = peer_urls(request.peer_ur_ls)?;
        let id = added_member_id(&peer_urls, R::wall_clock().as_secs());
        let is_learner = request.is_learner;
        let members = self.change(Change::Add { id, peer_urls, is_learner }).await?;
        let added = members.iter().find(|member| member.id == id).cloned();
        let header = header::without_revision(&self.replica);
        Ok(Response::new(MemberAddResponse { header, member: added, members }))
    }

    async fn member_remove(
        &self,
        request: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        let members = self.change(Change::Remove(request.into_inner().id)).await?;
        let header = header::without_revision(&self.replica);
        Ok(Response::new(MemberRemoveResponse { header, members }))
    }

    async fn member_update(
        &self,
        request: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        let MemberUpdateRequest { id, peer_ur_ls } = request.into_inner();
        let peer_urls = peer_urls(peer_ur_ls)?;
        let members = self.change(Change::Update { id, peer_urls }).await?;
        let header = header::without_revision(&self.replica);
        Ok(Response::new(MemberUpdateResponse { header, members }))
    }

    async fn member_promote(
        &self,
        request: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        let members = self.change(Change::Promote(request.into_inner().id)).await?;
        let header = header::without_revision(&self.replica);
        Ok(Response::new(MemberPromoteResponse { header, members }))
    }
}

impl<R: Runtime> ClusterService<R> {
    async fn change(&self, change: Change) -> Result<Vec<Member>, Status> {
        let changed = self.replica.reconfigure(change).await;
        Ok(members(changed.map_err(status::membership)?))
    }
}

/// Sorted, as ids and comparisons need them; etcd refuses an empty list and whatever is no URL of a peer.
fn peer_urls(mut urls: Vec<String>) -> Result<Vec<String>, Error> {
    if urls.is_empty() || urls.iter().any(|url| Url::parse(url).is_err()) {
        return Err(Error::MemberBadURLs);
    }
    urls.sort();
    Ok(urls)
}

fn members(members: Vec<replica::Member>) -> Vec<Member> {
    let mut members: Vec<Member> = members.into_iter().map(member).collect();
    members.sort_by_key(|member| member.id);
    members
}
