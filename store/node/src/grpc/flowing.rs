//! A connection whose other end has to take what it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose writes fail when for too long nothing of them was taken: whoever opens streams and
/// reads none of them must not be kept for ever, with all that waits to be sent.
///
/// That a client is slow does not matter, only that nothing moves at all. Below HTTP/2 that means that it
/// does not even look for what comes; a stream that it does not read has limits of its own.
pub(super) struct Flowing<C, S> {
    connection: C,
    /// Begins to wait for as long as nothing may be taken.
    sleep: S,
    stalled: Option<BoxFuture<'static, ()>>,
}

impl<C, S: Fn() -> BoxFuture<'static, ()>> Flowing<C, S> {
    pub(super) fn new(connection: C, sleep: S) -> Self {
        Self { connection, sleep, stalled: None }
    }

    /// Watches over an attempt to write.
    fn moved<T>(
        &mut self,
        attempt: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if attempt.is_ready() {
            self.stalled = None;
            return attempt;
        }
        let sleep = &self.sleep;
        let stalled = self.stalled.get_or_insert_with(sleep);
        if stalled.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        attempt
    }
}

impl<C: AsyncRead + Unpin, S: Unpin> AsyncRead for Flowing<C, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C, S> AsyncWrite for Flowing<C, S>
where
    C: AsyncWrite + Unpin,
    S: Fn() -> BoxFuture<'static, ()> + Unpin,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.connection).poll_write(context, bytes);
        self.moved(attempt, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.connection).poll_flush(context);
        self.moved(attempt, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.connection).poll_shutdown(context);
        self.moved(attempt, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.connection).poll_write_vectored(context, slices);
        self.moved(attempt, context)
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
    async fn what_nobody_takes_ends_the_connection() {
        let (_deaf, connection) = duplex(64);
        let mut flowing = Flowing::new(connection, || ready(()).boxed());
        assert_eq!(flowing.write(&[0; 100]).await.unwrap(), 64);
        let error = flowing.write(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn whoever_takes_little_is_served_as_long_as_it_takes() {
        let (mut slow, connection) = duplex(64);
        let mut flowing = Flowing::new(connection, || pending().boxed());
        for _ in 0..10 {
            assert_eq!(flowing.write(&[0; 64]).await.unwrap(), 64);
            assert!(flowing.write(&[0; 64]).now_or_never().is_none());
            assert!(flowing.stalled.is_some());
            slow.read_exact(&mut [0; 64]).await.unwrap();
        }
        flowing.write_all(&[0; 64]).await.unwrap();
        assert!(flowing.stalled.is_none());
    }
}
