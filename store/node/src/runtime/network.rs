//! Byte streams between members and clients.

use std::io;

use ::tokio::io::{AsyncRead, AsyncWrite};
use futures_util::future::BoxFuture;

/// A connected, ordered, reliable stream of bytes in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for T {}

/// A stream of unknown make.
pub type Connection = Box<dyn ByteStream>;

/// A way to reach others and to be reached.
///
/// Fault model: a stream may stall for any time, be reset, or go half-open (one side gone, the other
/// never told) at any moment; what arrives is a prefix of what was sent. Between two connections nothing
/// is ordered.
pub trait Network: Send + Sync + 'static {
    /// Binds `address` (`host:port`).
    fn listen<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>>;
    /// Connects to `address` (`host:port`).
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Connection>>;
}

/// A bound address.
pub trait Listener: Send + Sync + 'static {
    /// The next connection, and the address of the other side.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Connection, String)>>;
    /// The address that was bound, with the real port where 0 was asked for.
    fn local_address(&self) -> String;
}
