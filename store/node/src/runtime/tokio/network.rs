//! TCP.

use std::io;

use ::tokio::net::{TcpListener, TcpStream};
use futures_util::future::BoxFuture;

use crate::runtime::{Connection, Listener, Network};

/// TCP sockets as a [`Network`]; Nagle's algorithm is off, because HTTP/2 batches by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpNetwork;

impl Network for TcpNetwork {
    fn listen<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(address).await?;
            Ok(Box::new(BoundTcp { listener }) as Box<dyn Listener>)
        })
    }

    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Connection>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Connection)
        })
    }
}

struct BoundTcp {
    listener: TcpListener,
}

impl Listener for BoundTcp {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Connection, String)>> {
        Box::pin(async move {
            let (stream, peer) = self.listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as Connection, peer.to_string()))
        })
    }

    fn local_address(&self) -> String {
        self.listener.local_addr().map(|address| address.to_string()).unwrap_or_default()
    }
}
