//! Whether a client can tell detcd from etcd: both get the same requests, and what they answer is
//! compared field by field.
//!
//! A [program](generate::program) is a list of requests that follows from a seed and a number. It is
//! carried out on a fresh member of each side ([`pair`]); fields that differ must be known to one of
//! the [`rules`], else the program is made as short as it still differs ([`shrink`]).
//!
//! Must never know: how either server works.

pub mod auth;
pub mod channel;
pub mod fetch;
pub mod fields;
pub mod generate;
pub mod known;
pub mod pair;
pub mod request;
pub mod rules;
pub mod send;
pub mod server;
pub mod session;
pub mod shrink;
pub mod symbol;
pub mod watch;
