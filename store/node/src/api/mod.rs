//! What clients talk to: the gRPC services of etcd v3 and plain HTTP beside them, as one axum router.
//!
//! A request is validated (pure), converted (pure), carried out by the [`Replica`], and the outcome is
//! converted back. Must never know: Raft, the log, the storage, and what carries the bytes: whoever
//! serves the router brings the connections.

mod auth;
mod cluster;
mod concurrency;
mod convert;
mod guard;
mod gzip;
mod header;
mod health;
mod http;
mod identity;
mod kv;
mod lease;
mod maintenance;
mod overlap;
mod probe;
mod quota;
mod range_stream;
mod status;
mod validate;
mod wording;

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use detcd_api::MESSAGE_BYTES_MAX;
use detcd_api::etcdserverpb::auth_server::AuthServer;
use detcd_api::etcdserverpb::cluster_server::ClusterServer;
use detcd_api::etcdserverpb::kv_server::KvServer;
use detcd_api::etcdserverpb::lease_server::LeaseServer;
use detcd_api::etcdserverpb::maintenance_server::MaintenanceServer;
use detcd_api::etcdserverpb::watch_server::WatchServer;
use detcd_api::health::health_server::HealthServer;
use detcd_api::v3electionpb::election_server::ElectionServer;
use detcd_api::v3lockpb::lock_server::LockServer;
use tonic::codec::CompressionEncoding;
use tonic::server::NamedService;
use tower_service::Service;

use self::auth::AuthService;
use self::cluster::ClusterService;
use self::concurrency::{ElectionService, LockService};
use self::health::HealthService;
use self::kv::KvService;
use self::lease::LeaseService;
use self::maintenance::MaintenanceService;
use crate::replica::Replica;
use crate::runtime::Runtime;
use crate::watch::WatchService;

pub(crate) use self::convert::{
    DecodeError, decode_command, encode_command, outcome_from_peer, outcome_to_peer,
};
pub(crate) use self::status::auth as auth_error;
pub use self::validate::Limits;

/// What a gRPC message may be larger than the largest request (G24).
const MESSAGE_OVERHEAD_BYTES: usize = 512 * 1024;

/// Everything that a member answers on its client URLs.
pub fn router<R: Runtime>(replica: Replica<R>, watch: WatchService<R>, limits: Limits) -> Router {
    let message_bytes_max = limits.max_request_bytes.saturating_add(MESSAGE_OVERHEAD_BYTES);
    macro_rules! sized {
        ($server:ident, $service:expr) => {
            $server::new($service)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(message_bytes_max)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
        };
    }
    let kv = KvService::new(replica.clone(), limits);
    let lease = LeaseService::new(replica.clone());
    let client = concurrency::Client::new(kv.clone(), lease.clone(), watch.clone());
    let mut grpc = Router::new();
    grpc = mount(grpc, sized!(KvServer, kv));
    grpc = mount(grpc, sized!(WatchServer, watch));
    grpc = mount(grpc, sized!(ClusterServer, ClusterService::new(replica.clone())));
    grpc = mount(grpc, sized!(MaintenanceServer, MaintenanceService::new(replica.clone())));
    grpc = mount(grpc, sized!(HealthServer, HealthService));
    grpc = mount(grpc, sized!(AuthServer, AuthService::new(replica.clone(), limits)));
    grpc = mount(grpc, sized!(LeaseServer, lease));
    grpc = mount(grpc, sized!(LockServer, LockService::new(client.clone())));
    grpc = mount(grpc, sized!(ElectionServer, ElectionService::new(client)));
    grpc.layer(from_fn_with_state(replica.clone(), guard::guard::<R>))
        .merge(http::router(replica))
        .fallback(wording::not_found)
}

fn mount<S>(router: Router, service: S) -> Router
where
    S: Service<Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    router.route_service(&format!("/{}/{{*method}}", S::NAME), service)
}
