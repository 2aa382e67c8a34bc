//! A member in the real world.
//!
//! Not generic, so that it is compiled once, here, and not again in everything that starts a member.

use futures_util::future::BoxFuture;

use crate::config::Config;
use crate::node::{self, Environment, Node, StartError};
use crate::runtime::tokio::TokioRuntime;

/// Starts a member on the ambient tokio runtime.
pub fn start(
    config: Config,
    environment: Environment,
) -> BoxFuture<'static, Result<Node<TokioRuntime>, StartError>> {
    node::start(config, environment)
}

/// Stops it.
pub fn stop(node: Node<TokioRuntime>) -> BoxFuture<'static, ()> {
    Box::pin(node.stop())
}
