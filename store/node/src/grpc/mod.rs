//! gRPC over any [`Network`](crate::runtime::Network): clients on h2, servers on hyper, with our own executor and timer.
//!
//! `tonic::transport` needs a tokio runtime of its own and could not be simulated; this is the same
//! protocol without it. Must never know: which services are served.

mod admission;
mod calm;
mod client;
mod executor;
mod flowing;
mod frames;
mod opening;
mod pings;
mod server;

pub use client::{
    Channel, ChannelError, KeepAlive, RequestError, ResponseBody, connect, connect_with_window,
};
pub use executor::{Executor, Timer};
pub use server::{Listening, ServerOptions, serve};
