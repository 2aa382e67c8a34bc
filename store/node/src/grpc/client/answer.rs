//! What comes back for a request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http_body::Frame;
use tokio::sync::oneshot;
use tonic::body::Body;

use super::request_body::Sending;
use super::{RequestError, Running};

/// Waits for the head of an answer. Whoever drops it takes the request back.
pub struct Answering {
    begun: Result<ResponseFuture, Option<h2::Error>>,
    /// Until it is polled for the first time.
    sending: Option<Sending>,
    spawn: fn(BoxFuture<'static, ()>),
    open: Option<Open>,
}

/// What lasts until an answer is at its end, or nobody reads it.
struct Open {
    running: Running,
    /// Has the rest of the request sent, if there is more to it.
    _sending: Option<oneshot::Sender<()>>,
}

/// What a caller must not do.
const DONE: &str = "a future is not polled when it is done";

impl Answering {
    pub(super) fn new(
        begun: Result<(ResponseFuture, SendStream<Bytes>), h2::Error>,
        body: Body,
        running: Running,
        spawn: fn(BoxFuture<'static, ()>),
    ) -> Self {
        let (begun, sending) = match begun {
            Ok((response, stream)) => (Ok(response), Some(Sending::new(body, stream))),
            Err(error) => (Err(Some(error)), None),
        };
        Self { begun, sending, spawn, open: Some(Open { running, _sending: None }) }
    }
}

impl Future for Answering {
    type Output = Result<http::Response<ResponseBody>, RequestError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(mut sending) = this.sending.take()
            && Pin::new(&mut sending).poll(task).is_pending()
        {
            let (guard, answer_over) = oneshot::channel();
            (this.spawn)(Box::pin(sending.until(answer_over)));
            if let Some(open) = &mut this.open {
                open._sending = Some(guard);
            }
        }
        let answered = match &mut this.begun {
            Ok(response) => ready!(Pin::new(response).poll(task)),
            Err(error) => Err(error.take().expect(DONE)),
        };
        let open = this.open.take().expect(DONE);
        Poll::Ready(match answered {
            Ok(response) => {
                Ok(response.map(|stream| ResponseBody { stream, open: Some(open), has_data: true }))
            }
            Err(error) => Err(open.running.error(error)),
        })
    }
}

/// The rest of an answer. Whoever drops it takes back what is left of the request.
pub struct ResponseBody {
    stream: RecvStream,
    open: Option<Open>,
    has_data: bool,
}

impl ResponseBody {
    fn ended(&mut self, error: h2::Error) -> Option<Result<Frame<Bytes>, RequestError>> {
        let open = self.open.take()?;
        // An answer may be complete before its request is: the server asks for no more then (RFC 9113, 8.1).
        if error.reason() == Some(Reason::NO_ERROR) && error.is_remote() && error.is_reset() {
            return None;
        }
        Some(Err(open.running.error(error)))
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        if self.open.is_none() {
            return Poll::Ready(None);
        }
        if self.has_data {
            match ready!(self.stream.poll_data(task)) {
                Some(Ok(data)) => {
                    // Fails for a stream that was reset, which the next frame tells.
                    _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(self.ended(error)),
                None => self.has_data = false,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(task));
        Poll::Ready(match trailers {
            Ok(trailers) => {
                self.open = None;
                trailers.map(|trailers| Ok(Frame::trailers(trailers)))
            }
            Err(error) => self.ended(error),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none() || self.stream.is_end_stream()
    }
}
