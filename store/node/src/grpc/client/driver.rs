//! The task of a connection: it moves frames, and watches over whether the other side is still there.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{LifeSigns, State};
use crate::runtime::{Connection, Runtime};

/// Runs a connection to its end.
pub(super) struct Driver<R: Runtime> {
    connection: h2::client::Connection<Listened, Bytes>,
    ping_pong: Option<h2::PingPong>,
    life_signs: LifeSigns<R>,
    heard: Arc<AtomicBool>,
    state: Arc<State>,
}

impl<R: Runtime> Driver<R> {
    pub(super) fn new(
        mut connection: h2::client::Connection<Listened, Bytes>,
        life_signs: LifeSigns<R>,
        heard: Arc<AtomicBool>,
        state: Arc<State>,
    ) -> Self {
        let ping_pong = connection.ping_pong();
        Self { connection, ping_pong, life_signs, heard, state }
    }
}

impl<R: Runtime> Future for Driver<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.state.driver.register(task.waker());
        // Before the signs of life: what answers a ping may have come while this process stood still.
        if let Poll::Ready(result) = Pin::new(&mut this.connection).poll(task) {
            if let Err(error) = result {
                tracing::debug!(%error, "connection ended");
            }
            return Poll::Ready(());
        }
        if this.heard.swap(false, Ordering::Relaxed) {
            this.life_signs.heard();
        }
        let is_idle = this.state.running.load(Ordering::Acquire) == 0;
        let Some(pings) = &mut this.ping_pong else { return Poll::Pending };
        this.life_signs.poll_end(task, pings, is_idle).map(|()| {
            tracing::debug!("connection given up: no answer to a ping");
            this.state.is_silent.store(true, Ordering::Relaxed);
        })
    }
}

impl<R: Runtime> Drop for Driver<R> {
    fn drop(&mut self) {
        self.state.is_closed.store(true, Ordering::Relaxed);
    }
}

/// A byte stream that notes when something comes.
pub(super) struct Listened {
    stream: Connection,
    heard: Arc<AtomicBool>,
}

/// Has notes taken of what comes over a stream.
pub(super) fn listened(stream: Connection) -> (Listened, Arc<AtomicBool>) {
    let heard = Arc::<AtomicBool>::default();
    (Listened { stream, heard: Arc::clone(&heard) }, heard)
}

impl AsyncRead for Listened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(task, buffer);
        if buffer.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Listened {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(task, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
