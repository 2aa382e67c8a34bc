//! The etcd v3 API as types: messages and services, the error table, and a client.
//!
//! Written from the `.proto` files in `proto/`, which are our own; the names and numbers in them are
//! the wire contract. Must never know: how a request is carried out, and what carries the bytes
//! (sockets, clocks, runtimes): the client works over any gRPC channel.
//!
//! The generated code is committed, so that a build needs no code generator. A test says when it is
//! stale; this rewrites it: `DETCD_REGENERATE=1 cargo test -p detcd-api --test generated`.

mod client;
mod error;
mod generated;

pub use self::client::{Client, MESSAGE_BYTES_MAX};
pub use self::error::Error;
pub use self::generated::detcd::peer::v1 as peer;
pub use self::generated::grpc::health::v1 as health;
pub use self::generated::{
    authpb, etcdserverpb, leasepb, membershippb, mvccpb, raftpb, snappb, v3electionpb, v3lockpb,
    walpb,
};
