//! A connection that ends when its client pings too often.
//!
//! hyper answers pings and tells nobody of them, and what clients have to be told, it cannot say. So the
//! frames are looked at on their way, and a client that is to calm down is sent the frame that says so in
//! place of anything else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Frames, kind};
use super::pings::Pings;

/// What HTTP/2 begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The code ENHANCE_YOUR_CALM.
const CALM_DOWN: u32 = 0xb;
/// The words by which gRPC's clients know that they have to ping less often.
const WORDS: &[u8] = b"too_many_pings";

/// See the module.
pub(super) struct Calm<C, N> {
    connection: C,
    /// Time since the connection began.
    now: N,
    speaks: Speaks,
    received: Frames,
    sent: Frames,
    pings: Pings,
    farewell: Option<Farewell>,
    /// Who waits for the frame to end that the farewell has to follow.
    reader: Option<Waker>,
}

/// What the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// So many bytes are as HTTP/2 begins.
    Perhaps(usize),
    Http2,
    /// Something else, without frames.
    Other,
}

/// The last frame, and how much of it is sent.
#[derive(Debug)]
struct Farewell {
    frame: Vec<u8>,
    sent: usize,
}

impl Farewell {
    fn new(latest_stream: u32) -> Self {
        let length = u32::try_from(8 + WORDS.len()).expect("it is short").to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind::GOAWAY, 0, 0, 0, 0, 0]);
        frame.extend(latest_stream.to_be_bytes());
        frame.extend(CALM_DOWN.to_be_bytes());
        frame.extend(WORDS);
        Self { frame, sent: 0 }
    }
}

impl<C, N: Fn() -> Duration> Calm<C, N> {
    /// Pings have to keep `distance`, if there is one.
    pub(super) fn new(connection: C, distance: Option<Duration>, now: N) -> Self {
        Self {
            connection,
            now,
            // What need not be looked at might as well be anything.
            speaks: distance.map_or(Speaks::Other, |_| Speaks::Perhaps(0)),
            received: Frames::default(),
            sent: Frames::default(),
            pings: Pings::new(distance.unwrap_or_default()),
            farewell: None,
            reader: None,
        }
    }

    /// Looks at what the client has sent.
    fn look(&mut self, mut bytes: &[u8]) {
        if let Speaks::Perhaps(known) = self.speaks {
            let (begin, rest) = bytes.split_at(bytes.len().min(PREFACE.len() - known));
            let known = known + begin.len();
            self.speaks = match PREFACE[..known].ends_with(begin) {
                true if known == PREFACE.len() => Speaks::Http2,
                true => Speaks::Perhaps(known),
                false => Speaks::Other,
            };
            bytes = rest;
        }
        if self.speaks != Speaks::Http2 {
            return;
        }
        // What came in this go is not handed on: a client may send those requests again, elsewhere.
        let latest = self.pings.latest_stream();
        let (at, pings) = ((self.now)(), &mut self.pings);
        let mut too_many = false;
        self.received.pass(bytes, |frame| too_many |= pings.received(frame, at));
        if too_many {
            self.farewell = Some(Farewell::new(latest));
        }
    }

    /// Looks at what was sent to the client.
    fn passed(&mut self, bytes: &[u8]) {
        if self.speaks == Speaks::Http2 {
            let pings = &mut self.pings;
            self.sent.pass(bytes, |frame| pings.sent(frame));
        }
    }
}

impl<C: AsyncWrite + Unpin, N> Calm<C, N> {
    /// Sends the farewell, which is never within another frame; then the connection is broken.
    fn part(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let Some(farewell) = &mut self.farewell else {
            return Poll::Ready(io::ErrorKind::ConnectionAborted.into());
        };
        while farewell.sent < farewell.frame.len() {
            let rest = &farewell.frame[farewell.sent..];
            match ready!(Pin::new(&mut self.connection).poll_write(context, rest)) {
                Ok(0) => return Poll::Ready(io::ErrorKind::WriteZero.into()),
                Ok(sent) => farewell.sent += sent,
                Err(error) => return Poll::Ready(error),
            }
        }
        match ready!(Pin::new(&mut self.connection).poll_flush(context)) {
            Ok(()) => Poll::Ready(io::ErrorKind::ConnectionAborted.into()),
            Err(error) => Poll::Ready(error),
        }
    }
}

impl<C, N> AsyncRead for Calm<C, N>
where
    C: AsyncRead + AsyncWrite + Unpin,
    N: Fn() -> Duration + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.farewell.is_none() {
            let before = buffer.filled().len();
            let read = ready!(Pin::new(&mut self.connection).poll_read(context, buffer));
            self.look(&buffer.filled()[before..]);
            if self.farewell.is_none() {
                return Poll::Ready(read);
            }
            buffer.set_filled(before);
        }
        if self.sent.is_inside() {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        self.part(context).map(Err)
    }
}

impl<C, N> AsyncWrite for Calm<C, N>
where
    C: AsyncWrite + Unpin,
    N: Fn() -> Duration + Unpin,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.farewell.is_some() {
            if !self.sent.is_inside() {
                return self.part(context).map(Err);
            }
            bytes = &bytes[..bytes.len().min(self.sent.rest_bytes())];
        }
        let sent = ready!(Pin::new(&mut self.connection).poll_write(context, bytes))?;
        self.passed(&bytes[..sent]);
        if !self.sent.is_inside()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
        Poll::Ready(Ok(sent))
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
        if self.farewell.is_some() {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return self.poll_write(context, first.map_or(&[], |slice| slice));
        }
        let sent = ready!(Pin::new(&mut self.connection).poll_write_vectored(context, slices))?;
        let mut left = sent;
        for slice in slices {
            let now = left.min(slice.len());
            self.passed(&slice[..now]);
            left -= now;
        }
        Poll::Ready(Ok(sent))
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const PING: [u8; 17] = [0, 0, 8, kind::PING, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    /// A frame of two bytes for stream 1.
    const DATA: [u8; 11] = [0, 0, 2, kind::DATA, 0, 0, 0, 0, 1, 8, 9];

    fn calm() -> (DuplexStream, Calm<DuplexStream, impl Fn() -> Duration>) {
        let (client, connection) = duplex(1 << 16);
        (client, Calm::new(connection, Some(Duration::from_secs(5)), || Duration::ZERO))
    }

    fn farewell() -> Vec<u8> {
        Farewell::new(0).frame
    }

    #[tokio::test]
    async fn g96_who_pings_too_often_is_told_to_calm_down_and_left() {
        let (mut client, mut calm) = calm();
        client.write_all(PREFACE).await.unwrap();
        for _ in 0..3 {
            client.write_all(&PING).await.unwrap();
        }
        let mut taken = [0; PREFACE.len() + 3 * PING.len()];
        calm.read_exact(&mut taken).await.unwrap();
        client.write_all(&PING).await.unwrap();
        let error = calm.read(&mut taken).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(calm.write(&DATA).await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        drop(calm);
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        assert_eq!(told, farewell());
        let words = String::from_utf8_lossy(&told[17..]).into_owned();
        assert_eq!(words, "too_many_pings");
    }

    #[tokio::test]
    async fn a_frame_that_has_begun_ends_before_the_farewell() {
        let (mut client, mut calm) = calm();
        client.write_all(PREFACE).await.unwrap();
        let mut taken = [0; 1024];
        assert_eq!(calm.read(&mut taken).await.unwrap(), PREFACE.len());
        calm.write_all(&DATA[..10]).await.unwrap();
        for _ in 0..5 {
            client.write_all(&PING).await.unwrap();
        }
        assert!(calm.read(&mut taken).now_or_never().is_none(), "a frame is under way");
        let slices = [io::IoSlice::new(&DATA[10..]), io::IoSlice::new(&DATA)];
        assert_eq!(calm.write_vectored(&slices).await.unwrap(), 1);
        assert!(calm.read(&mut taken).await.is_err());
        drop(calm);
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        assert_eq!(told, [&DATA[..], &farewell()].concat());
    }

    #[tokio::test]
    async fn what_is_not_http_2_is_passed_on() {
        let (mut client, mut calm) = calm();
        let begin = b"PRI is no method here";
        client.write_all(begin).await.unwrap();
        for _ in 0..9 {
            client.write_all(&PING).await.unwrap();
        }
        let mut taken = vec![0; begin.len() + 9 * PING.len()];
        calm.read_exact(&mut taken).await.unwrap();
        assert_eq!(calm.speaks, Speaks::Other);
        calm.write_all(b"HTTP/1.1 400").await.unwrap();
    }
}
