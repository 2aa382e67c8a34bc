//! gRPC over any [`Network`](crate::runtime::Network): hyper's HTTP/2 on our own executor and timer.
//!
//! `tonic::transport` needs a tokio runtime of its own and could not be simulated; this is the same
//! protocol stack without it. Must never know: which services are served.

mod admission;
mod calm;
mod channel;
mod executor;
mod flowing;
mod frames;
mod opening;
mod pings;
mod server;

pub use channel::{Channel, ChannelError, KeepAlive, connect, connect_with_window};
pub use executor::{Executor, Timer};
pub use server::{Listening, ServerOptions, serve};
