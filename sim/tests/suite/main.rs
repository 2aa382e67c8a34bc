//! The integration tests of this package, as one program: each program more would be linked with the whole store
//! once more.

mod cluster;
mod crowd;
mod determinism;
mod disk;
mod founding;
mod grpc;
mod jwt;
mod leaderless;
mod lease;
mod limits;
mod malformed;
mod membership;
mod network;
mod pings;
mod process;
mod redb;
mod runtime;
mod watchers;

mod http2;
