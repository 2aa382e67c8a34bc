//! The integration tests of this package but those of whole processes, as one program: each program more would be
//! linked with everything below it once more.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod api;
mod golden;
mod jwt;
mod kubernetes;
mod maintenance;
mod range_stream;
mod storage;
mod wal;
mod watch;

#[path = "../../../api/tests/descriptors/mod.rs"]
mod descriptors;
mod disk;
mod member;
mod proto_json;
mod raw_call;
mod rng;
mod task;
