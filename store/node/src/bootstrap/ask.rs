//! Asking a peer who is in its cluster.

use std::io;
use std::time::Duration;

use detcd_api::peer;
use detcd_api::peer::peer_client::PeerClient;

use crate::config::Url;
use crate::grpc::{self, KeepAlive};
use crate::runtime::{Network, Runtime};

/// Asks the member at one of these URLs; each may take so long.
pub async fn describe<R: Runtime>(
    network: &dyn Network,
    urls: &[String],
    request: &peer::DescribeRequest,
    patience: Duration,
) -> io::Result<peer::DescribeReply> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the member has no peer URL");
    for url in urls {
        match R::timeout(patience, ask::<R>(network, url, request, patience)).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, format!("{url}: no answer")),
        }
    }
    Err(last)
}

async fn ask<R: Runtime>(
    network: &dyn Network,
    url: &str,
    request: &peer::DescribeRequest,
    patience: Duration,
) -> io::Result<peer::DescribeReply> {
    let address = Url::parse(url).map_err(io::Error::other)?.address();
    let keep_alive = KeepAlive { interval: patience, timeout: patience, while_idle: true };
    let channel =
        grpc::connect::<R>(network, &address, keep_alive).await.map_err(io::Error::other)?;
    let mut client = PeerClient::with_origin(channel, http::Uri::from_static("http://peer"));
    let reply = client.describe(*request).await;
    Ok(reply.map_err(|status| io::Error::other(status.message().to_owned()))?.into_inner())
}
