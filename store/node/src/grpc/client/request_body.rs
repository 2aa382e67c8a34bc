//! What a request says, on its way into a stream.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::{Body as _, Frame};
use tokio::sync::oneshot;
use tonic::Status;
use tonic::body::Body;

/// Sends a body; done when its end was sent, the answer is over, or the stream is.
///
/// Whether the stream was reset is not asked here: the answer ends by that as well. Asking would have every message
/// wake its own sender once more.
pub(super) struct Sending {
    body: Body,
    stream: SendStream<Bytes>,
    /// Read from the body and not sent.
    chunk: Option<Bytes>,
    /// What follows it, if that is known.
    next: Option<Next>,
    /// A stream that the connection has not opened has no window, so the first chunk does not wait for one.
    is_first: bool,
    answer_over: Option<oneshot::Receiver<()>>,
}

/// A frame of a body, or its end.
type Next = Option<Result<Frame<Bytes>, Status>>;

impl Sending {
    pub(super) fn new(body: Body, stream: SendStream<Bytes>) -> Self {
        Self { body, stream, chunk: None, next: None, is_first: true, answer_over: None }
    }

    /// Goes on in a task of its own, for as long as the other half of `answer_over` lives.
    pub(super) fn until(mut self, answer_over: oneshot::Receiver<()>) -> Self {
        self.answer_over = Some(answer_over);
        self
    }

    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Next> {
        match self.next.take() {
            Some(next) => Poll::Ready(next),
            None => Pin::new(&mut self.body).poll_frame(task),
        }
    }

    /// Until something may be sent: for a reader that is behind, no more is kept than a chunk, what follows it, and
    /// what h2 has of the one before.
    fn poll_window(&mut self, task: &mut Context<'_>) -> Poll<Result<(), Over>> {
        self.stream.reserve_capacity(1);
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(task)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Over)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_chunk(&mut self, task: &mut Context<'_>) -> Poll<Result<(), Over>> {
        if self.chunk.is_none() {
            self.chunk = Some(match ready!(self.poll_next(task)) {
                None => {
                    self.send(Bytes::new(), true)?;
                    return Poll::Ready(Err(Over));
                }
                Some(Err(_)) => {
                    self.stream.send_reset(Reason::INTERNAL_ERROR);
                    return Poll::Ready(Err(Over));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    // Requests of gRPC have no trailers.
                    Err(_) => return Poll::Ready(Ok(())),
                },
            });
        }
        // A chunk that is known to be the last one carries the end.
        if self.next.is_none()
            && let Poll::Ready(next) = Pin::new(&mut self.body).poll_frame(task)
        {
            self.next = Some(next);
        }
        if !std::mem::take(&mut self.is_first) {
            ready!(self.poll_window(task))?;
        }
        let (chunk, is_last) = (self.chunk.take(), matches!(self.next, Some(None)));
        self.send(chunk.unwrap_or_default(), is_last)?;
        Poll::Ready(if is_last { Err(Over) } else { Ok(()) })
    }

    fn send(&mut self, data: Bytes, is_last: bool) -> Result<(), Over> {
        self.stream.send_data(data, is_last).map_err(|_| Over)
    }
}

/// Nothing more is to be sent.
struct Over;

impl Future for Sending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if let Some(answer_over) = &mut self.answer_over
            && Pin::new(answer_over).poll(task).is_ready()
        {
            return Poll::Ready(());
        }
        while ready!(self.poll_chunk(task)).is_ok() {}
        Poll::Ready(())
    }
}
