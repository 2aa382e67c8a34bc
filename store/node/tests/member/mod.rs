//! A fresh member, as a channel: the one place of these tests that knows how a member is made.

use std::pin::Pin;

use axum::Router;
use detcd_api::etcdserverpb::watch_server::Watch;
use detcd_api::etcdserverpb::{WatchRequest, WatchResponse};
use detcd_node::api::{self, Limits};
use detcd_node::replica::Replica;
use detcd_node::runtime::tokio::TokioRuntime;
use futures_util::Stream;
use tonic::{Request, Response, Status, Streaming};

/// An empty member, alone in its cluster, with etcd's default ids.
pub(crate) fn start() -> Router {
    api::router::<TokioRuntime, _>(Replica::alone(), NoWatch, Limits::default())
}

/// Stands in for the watch service.
struct NoWatch;

#[tonic::async_trait]
impl Watch for NoWatch {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        _: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("watch"))
    }
}
