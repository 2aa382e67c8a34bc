//! Serving peers and clients.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use detcd_api::peer::peer_server::PeerServer;
use tonic::service::Routes;

use crate::api;
use crate::config::{Config, Url};
use crate::grpc::{self, Listening, ServerOptions};
use crate::node::{Clients, Environment, StartError};
use crate::peer::{PeerService, Served};
use crate::raft::peers::PEER_MESSAGE_BYTES_MAX;
use crate::replica::Replica;
use crate::runtime::Runtime;
use crate::tasks::Tasks;
use crate::watch::{self, Hub, WatchService};

async fn listen<R: Runtime>(
    environment: &Environment,
    urls: &[String],
    router: axum::Router,
    options: ServerOptions,
    tasks: &Tasks<R>,
) -> Result<Vec<Listening>, StartError> {
    let mut listening = Vec::new();
    for url in urls {
        let address =
            Url::parse(url).map_err(|error| StartError::Config(vec![error.to_string()]))?;
        let bound = grpc::serve::<R>(
            environment.network.clone(),
            &address.address(),
            router.clone(),
            options,
            tasks,
        )
        .await;
        let refused = |source| StartError::Listen { url: url.clone(), source };
        listening.push(bound.map_err(refused)?);
    }
    Ok(listening)
}

/// Serves peers, at first only with the answer that the member is starting.
pub(super) async fn to_peers<R: Runtime>(
    config: &Config,
    environment: &Environment,
    ids: (u64, u64),
    is_founding: bool,
    served: Arc<OnceLock<Served<R>>>,
    tasks: &Tasks<R>,
) -> Result<(), StartError> {
    let service = PeerServer::new(PeerService::new(ids, is_founding, served))
        .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX);
    let router = Routes::new(service).into_axum_router();
    let options = ServerOptions {
        // A peer that vanished must not hold what it began, such as a half-sent snapshot.
        keep_alive_interval: 2 * config.election_timeout(),
        keep_alive_timeout: 2 * config.election_timeout(),
        ..ServerOptions::default()
    };
    listen::<R>(environment, &config.listen_peer_urls, router, options, tasks).await?;
    Ok(())
}

/// Serves clients.
pub(super) async fn to_clients<R: Runtime>(
    config: &Config,
    environment: &Environment,
    replica: &Replica<R>,
    hub: &Hub,
    tasks: &Tasks<R>,
) -> Result<Clients, StartError> {
    let limits = api::Limits {
        max_txn_ops: config.max_txn_ops,
        max_request_bytes: config.max_request_bytes,
    };
    let watching = watch::Options {
        max_request_bytes: config.max_request_bytes,
        progress_notify_interval: config.watch_progress_notify_interval,
    };
    let (member, stop) = (Arc::new(replica.clone()), tasks.stop().clone());
    let watch = WatchService::<R>::new(hub.clone(), member, watching, stop);
    let router = api::router(replica.clone(), watch, limits);
    let options = ServerOptions {
        concurrent_streams_max: config.max_concurrent_streams,
        ..keep_alive(config)
    };
    let urls = &config.listen_client_urls;
    let listening = listen::<R>(environment, urls, router.clone(), options, tasks).await?;
    let addresses = listening.into_iter().map(|listening| listening.address).collect();
    Ok(Clients { router, addresses })
}

/// What is set at zero is left to gRPC, as in etcd.
fn keep_alive(config: &Config) -> ServerOptions {
    /// gRPC's own distance of pings.
    const PING_DISTANCE: Duration = Duration::from_secs(5 * 60);
    let (interval, timeout) = (config.grpc_keepalive_interval, config.grpc_keepalive_timeout);
    let distance = config.grpc_keepalive_min_time;
    let mut options = ServerOptions {
        ping_distance: Some(if distance.is_zero() { PING_DISTANCE } else { distance }),
        ..ServerOptions::default()
    };
    if !interval.is_zero() && !timeout.is_zero() {
        options.keep_alive_interval = interval;
        options.keep_alive_timeout = timeout;
    }
    options
}
