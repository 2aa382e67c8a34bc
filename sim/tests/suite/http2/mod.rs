//! HTTP/2 by hand, for clients that do not keep to it.

#![allow(dead_code, reason = "no test needs all of it")]

use std::time::Duration;

use detcd_node::runtime::Connection;
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use tokio::io::AsyncReadExt;

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
/// What HTTP/2 begins with.
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty frame of settings.
pub(crate) const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Headers of a POST to /etcdserverpb.Watch/Watch, as hpack literals that are not indexed.
pub(crate) fn headers(stream: u32) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/etcdserverpb.Watch/Watch"),
        (":authority", "member"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("it is short"));
            block.extend(text.bytes());
        }
    }
    frame(1, 4, stream, &block)
}

/// A frame of HTTP/2.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(content);
    frame
}

/// Whether the other side has ended the connection; what it says is passed over.
pub(crate) async fn has_ended(connection: &mut Connection) -> bool {
    let mut bytes = [0; 1024];
    loop {
        match R::timeout(SECOND, connection.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
}
