//! A detcd member.
//!
//! Must never know: which clock, network or disk it runs on, and that a simulator exists.
//! Time, entropy, tasks, sockets and files come through [`runtime`] alone.

pub mod api;
pub mod auth;
pub mod bootstrap;
pub mod config;
pub mod daemon;
pub mod etcd_format;
pub mod grpc;
pub mod lease;
pub mod node;
pub mod observer;
pub mod peer;
pub mod raft;
pub mod reconfigure;
pub mod replica;
pub mod restore;
pub mod runtime;
mod start;
pub mod state;
pub mod stop;
pub mod storage;
pub mod tasks;
pub mod version;
pub mod wal;
pub mod watch;
pub mod window;
mod wire;
