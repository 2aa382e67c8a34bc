//! One end of a connection, as its process holds it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::network::SimNetwork;
use crate::network::connection::{Side, Status};
use crate::network::transfer::Received;
use crate::runtime::Sleep;

#[derive(Debug)]
pub(super) struct Endpoint {
    network: SimNetwork,
    id: u64,
    side: Side,
    /// Wakes the reader when the next segment arrives.
    arrival: Option<(u64, Sleep)>,
    /// Wakes a writer that is held back when a reset arrives.
    reset: Option<(u64, Sleep)>,
}

impl Endpoint {
    pub(super) fn new(network: SimNetwork, id: u64, side: Side) -> Self {
        Self { network, id, side, arrival: None, reset: None }
    }
}

/// Waits for a time, with the timer that is already running if it is for that time.
fn wait(timer: &mut Option<(u64, Sleep)>, until: u64, task: &mut Context<'_>) -> Poll<()> {
    let (_, sleep) = match timer {
        Some(running) if running.0 == until => running,
        _ => timer.insert((until, Sleep::until_true(until))),
    };
    Pin::new(sleep).poll(task)
}

impl AsyncRead for Endpoint {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (id, side) = (self.id, self.side);
        loop {
            let received = self.network.update(|state, wakers| {
                let received = state.receive(id, side, buffer, wakers)?;
                if let Some(connection) = state.connection(id) {
                    let pipe = connection.pipe_from(side.other());
                    match received {
                        // It does not wait.
                        Received::Bytes(_) => wakers.forget(&mut pipe.reader),
                        Received::Nothing { until } => {
                            wakers.set(&mut pipe.reader, task.waker());
                            pipe.due = until;
                        }
                    }
                }
                io::Result::Ok(received)
            })?;
            let until = match received {
                Received::Bytes(_) => return Poll::Ready(Ok(())),
                Received::Nothing { until } => until,
            };
            match until {
                None => {
                    self.arrival = None;
                    return Poll::Pending;
                }
                Some(until) => {
                    if wait(&mut self.arrival, until, task).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl AsyncWrite for Endpoint {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let (id, side) = (self.id, self.side);
        loop {
            let (sent, reset_at) = self.network.update(|state, wakers| {
                let now = state.now;
                let connection = state.connection(id).ok_or(io::ErrorKind::BrokenPipe)?;
                let reset_at = connection.end(side).reset_at;
                if reset_at.is_some_and(|at| at <= now) {
                    return Err(io::ErrorKind::ConnectionReset);
                }
                let shut = connection.pipe_from(side).end.is_some();
                if shut || connection.end(side).status != Status::Open {
                    return Err(io::ErrorKind::BrokenPipe);
                }
                let sent = state.send(id, side, data, wakers);
                if sent.is_none()
                    && let Some(connection) = state.connection(id)
                {
                    wakers.set(&mut connection.pipe_from(side).writer, task.waker());
                }
                Ok((sent, reset_at))
            })?;
            match (sent, reset_at) {
                (Some(count), _) => return Poll::Ready(Ok(count)),
                (None, None) => return Poll::Pending,
                (None, Some(at)) => {
                    if wait(&mut self.reset, at, task).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// What is written is under way already.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.network.update(|state, wakers| state.send_end(self.id, self.side, wakers));
        Poll::Ready(Ok(()))
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // Of no effect if the process was killed: its ends are closed or vanished already.
        self.network.update(|state, wakers| state.close(self.id, self.side, wakers));
    }
}
