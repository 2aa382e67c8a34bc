//! A connection that has to begin to speak in time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::runtime::Connection;

/// What tells HTTP/1 from HTTP/2 at the latest: the length of the latter's first words.
const PREFACE_BYTES: usize = 24;

/// A connection whose reads fail when a deadline passes before its first words have come. Later ones
/// are the protocol's business, which has time limits of its own only from then on.
pub(super) struct Opening {
    connection: Connection,
    awaited_bytes: usize,
    deadline: Option<BoxFuture<'static, ()>>,
}

impl Opening {
    pub(super) fn new(connection: Connection, deadline: BoxFuture<'static, ()>) -> Self {
        Self { connection, awaited_bytes: PREFACE_BYTES, deadline: Some(deadline) }
    }
}

impl AsyncRead for Opening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.connection).poll_read(context, buffer);
        if self.deadline.is_none() {
            return read;
        }
        let came = buffer.filled().len() - before;
        self.awaited_bytes = self.awaited_bytes.saturating_sub(came);
        if self.awaited_bytes == 0 {
            self.deadline = None;
            return read;
        }
        let passed =
            |deadline: &mut BoxFuture<'static, ()>| deadline.as_mut().poll(context).is_ready();
        if read.is_pending() && self.deadline.as_mut().is_some_and(passed) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Opening {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::{pending, ready};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_connection_that_says_nothing_ends() {
        let (_silent, connection) = duplex(64);
        let mut opening = Opening::new(Box::new(connection), Box::pin(ready(())));
        let error = opening.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_that_says_too_little_ends() {
        let (mut slow, connection) = duplex(64);
        slow.write_all(b"PRI * HTTP/2.0").await.unwrap();
        let mut opening = Opening::new(Box::new(connection), Box::pin(ready(())));
        assert_eq!(opening.read(&mut [0; 64]).await.unwrap(), 14);
        assert_eq!(opening.read(&mut [0; 64]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_that_has_begun_may_be_silent() {
        let (mut client, connection) = duplex(64);
        let mut opening = Opening::new(Box::new(connection), Box::pin(pending()));
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        assert_eq!(opening.read(&mut [0; 64]).await.unwrap(), PREFACE_BYTES);
        assert!(opening.deadline.is_none());
        assert!(opening.read(&mut [0; 8]).now_or_never().is_none());
    }
}
